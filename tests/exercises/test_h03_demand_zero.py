"""Exercise H3: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

from typing import Any

import pytest

from course.checks.library import exercise_of
from course.memory import try_kernel
from pyemu import stubs
from tests.exercises.answers import SEEDS, failed, feedback, master, source_of, verdict, wrong

H3 = exercise_of("h03_demand_zero")
SENTENCES = {
    "read-allocates": "Reading maps the zero page; the write is a second fault.",
    "zero-writable": "You wrote the shared zero page.",
    "no-flush": "Old translation still used after the fault.",
    "always-copy": "Sole owner: reuse.",
    "parent-writable": "Parent wrote into the child's page.",
    "no-refcount": "Page freed while mapped.",
    "writes-old": "Copied, then wrote the old page.",
    "child-read-faults": "PTEs are copied at fork: reading costs nothing.",
    "cow-over-ro": "SIGSEGV, ACCERR.",
    "segv-counted": "An error counts 0/0.",
    "maperr-as-bus": "No area: SIGSEGV, MAPERR.",
    "dontneed-keeps": "Reads as zero again.",
    "drops-parents": "The child gave its page back, and the parent's is gone.",
    "early-put": "A frame was put while its entry still named it.",
    "put-before-flush": "A frame was put while a processor still knew it.",
    "lost-frame": "A frame was lost: nobody has it, and nobody gave it back.",
    "copy-swapped": "Copied over the old frame.",
    "copies-at-fork": "fork copies no page.",
    "flush-first": "Flushed before the entry changed.",
    "copy-late": "The entry named the frame before it was copied.",
    "no-copy": "The fresh frame has none of the old bytes.",
    "still-readonly": "A write was served, and the entry still forbids it.",
    "reuses-shared": "Reused a frame that another process has.",
    "no-return": "A signal was sent, and the fault was served all the same.",
    "missed-write": "0x7 is a write as well.",
    "fresh-put": "The fresh frame was put, and an entry names it.",
    "owner-too-many": "A frame has one owner too many.",
    "fork-empties": "fork took entries of the parent away.",
    "fork-invents": "The child got an entry where its parent has none.",
    "some-entries": "fork left out entries of the parent.",
    "signal-without-fault": "dontneed sent a signal: nothing was accessed.",
    "counts-no-fault": "dontneed counted a fault, and there was none.",
    "keeps-shared": "Kept a page that another process has, too.",
    "copies-others": "Copied a frame that the entry does not name.",
    "shared-over-ro": "A copy is a write: SIGSEGV, ACCERR.",
    "code-from-entry": "ACCERR, with an entry or without.",
    "read-refused": "A read was refused that the area allows.",
    "put-too-often": "A frame was put once too often.",
    "uncounted": "A fault was served, and not counted.",
}
POINTS = {
    "read-allocates": 4,
    "zero-writable": 7,
    "no-flush": 2,
    "always-copy": 9,
    "parent-writable": 3,
    "no-refcount": 4,
    "writes-old": 2,
    "child-read-faults": 4,
    "cow-over-ro": 8,
    "segv-counted": 9,
    "maperr-as-bus": 9,
    "dontneed-keeps": 5,
    "drops-parents": 7,
    "early-put": 6,
    "put-before-flush": 7,
    "lost-frame": 7,
    "copy-swapped": 2,
    "copies-at-fork": 3,
    "flush-first": 2,
    "copy-late": 2,
    "no-copy": 7,
    "still-readonly": 1,
    "reuses-shared": 4,
    "no-return": 8,
    "missed-write": 8,
    "fresh-put": 2,
    "owner-too-many": 2,
    "fork-empties": 4,
    "fork-invents": 8,
    "some-entries": 8,
    "signal-without-fault": 9,
    "counts-no-fault": 9,
    "keeps-shared": 8,
    "copies-others": 8,
    "shared-over-ro": 9,
    "code-from-entry": 9,
    "read-refused": 7,
    "put-too-often": 9,
    "uncounted": 9,
}


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(H3)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def headlines(*changes: tuple[str, str], seed: str | None = None) -> dict[str, str]:
    return failed(verdict("h03_demand_zero", edited(*changes), seed))


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("h03_demand_zero", source_of(H3, wrong(H3, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H3.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in H3.behaviours}
    assert points == {"zero": 1, "dontneed": 1, "segv": 1, "fork": 2, "cow": 3, "reuse": 1, "counters": 1}


def test_a_flush_that_fork_forgets_is_named_by_its_step():
    lines = "            kernel.flush(parent, address)\n"
    assert set(headlines((lines, "")).values()) == {"Old translation still used after the fork."}


def test_a_flush_that_dontneed_forgets_is_named_by_its_step():
    lines = "kernel.clear_entry(process, address)\n        kernel.flush(process, address)"
    given = headlines((lines, "kernel.clear_entry(process, address)"))
    assert list(given) == [
        "dontneed",
        "fork",
        "counters",
    ]  # the old page is read without a fault
    assert given["dontneed"] == given["fork"] == "Old translation still used after the drop."


def test_a_frame_that_is_never_given_back_is_named():
    given = headlines(("            kernel.put(frame)\n", ""))
    assert given["cow"] == SENTENCES["lost-frame"]


GIVES_BACK = "        kernel.clear_entry(process, address)\n        kernel.flush(process, address)\n"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_page_that_the_child_gives_back_is_forgotten_by_the_child(seed: str | None):
    given = headlines((GIVES_BACK, GIVES_BACK.replace("flush(process", "flush('parent'")), seed=seed)
    assert given == {"fork": "Old translation still used after the drop."}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_frame_of_two_owners_is_given_back_by_each(seed: str | None):
    alone = "        if kernel.owners(frame) == 1:\n            kernel.put(frame)"
    given = headlines((f"{GIVES_BACK}        kernel.put(frame)", GIVES_BACK + alone), seed=seed)
    assert set(given.values()) == {SENTENCES["lost-frame"]}


def test_a_page_that_may_be_read_only_is_given_back_as_well():
    refuses = "        if kernel.area(process, address) == 'r':\n            return\n"
    assert headlines((GIVES_BACK, refuses + GIVES_BACK)) == {"fork": SENTENCES["dontneed-keeps"]}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (
            "            frame, _ = entry\n            kernel.get",
            "            frame, may = entry\n            may and kernel.get",
            "no-refcount",
        ),
        (
            "for address in kernel.pages(parent):",
            "for address in (one for one in kernel.pages(parent) if kernel.area(parent, one) == 'rw'):",
            "some-entries",
        ),
    ],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_page_that_may_be_read_only_is_forked_as_well(old: str, new: str, name: str, seed: str | None):
    assert headlines((old, new), seed=seed) == {"fork": SENTENCES[name]}


def test_a_signal_without_a_return_is_told_to_return():
    signal = "kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)\n"
    given = headlines((f"{signal}        return\n", signal))
    assert "a signal was sent, so return after it" in given["segv"]


COPY = "            kernel.copy(fresh, frame)\n"
ENTRY = "            kernel.set_entry(process, address, fresh, True)\n"
FLUSH = "            kernel.flush(process, address)\n"
PUT = "            kernel.put(frame)\n"
GIVES_TO_CHILD = "            kernel.set_entry(child, address, frame, False)\n"
PROTECTS = "            kernel.set_entry(parent, address, frame, False)\n"
FORK_FLUSH = "            kernel.flush(parent, address)\n"
BOTH = COPY + ENTRY + FLUSH + PUT
REFUSES = """    if not area:
        kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
        return
"""
NAMED = {
    "the zero page is replaced without a flush": (
        FLUSH,
        f"            if frame != kernel.zero_frame():\n    {FLUSH}",
        "no-flush",
    ),
    "a flush only if there is a child": (
        FLUSH,
        f"            if kernel.pages('child') and kernel.entry('child', address):\n    {FLUSH}",
        "no-flush",
    ),
    "put comes first in the copy": (BOTH, PUT + COPY + ENTRY + FLUSH, "early-put"),
    "put comes before the flush in the copy": (BOTH, COPY + ENTRY + PUT + FLUSH, "put-before-flush"),
    "the copy is made between entry and flush": (BOTH, ENTRY + COPY + FLUSH + PUT, "copy-late"),
    "fork flushes before it protects": (PROTECTS + FORK_FLUSH, FORK_FLUSH + PROTECTS, "flush-first"),
    "fork flushes the child": (FORK_FLUSH, FORK_FLUSH.replace("parent", "child"), "no-flush"),
    "fork counts an owner twice": (
        "            kernel.get(frame)\n",
        "            kernel.get(frame)\n" * 2,
        "owner-too-many",
    ),
    "a frame is allocated that nobody needs": (
        "    area =",
        "    kernel.alloc()\n    area =",
        "owner-too-many",
    ),
    "dontneed flushes first": (GIVES_BACK, "".join(reversed(GIVES_BACK.splitlines(True))), "flush-first"),
    "fork gives a fresh frame where there is none": (
        GIVES_TO_CHILD,
        f"{GIVES_TO_CHILD}        else:\n{GIVES_TO_CHILD.replace('frame, False', 'kernel.alloc(), True')}",
        "fork-invents",
    ),
    "fork counts a fault": (
        "    for address in",
        "    kernel.count('min_flt')\n    for address in",
        "counts-no-fault",
    ),
    "the rights are asked before the area": (
        REFUSES,
        REFUSES.replace("not area", "write and area != 'rw'").replace("MAP", "ACC") + REFUSES,
        "maperr-as-bus",
    ),
    "the parent always reuses": (
        "kernel.owners(frame) == 1",
        "process == 'parent' and frame != kernel.zero_frame()",
        "reuses-shared",
    ),
    "dontneed of the parent puts no frame that the child has": (
        f"{GIVES_BACK}        kernel.put",
        f"{GIVES_BACK}        (process, kernel.owners(frame)) != ('parent', 2) and kernel.put",
        "lost-frame",
    ),
    "dontneed puts a frame twice": (
        f"{GIVES_BACK}        kernel.put(frame)",
        f"{GIVES_BACK}        kernel.put(frame)\n        kernel.put(frame)",
        "put-too-often",
    ),
    "dontneed maps the zero page": (
        "        kernel.clear_entry(process, address)\n",
        "        kernel.set_entry(process, address, kernel.zero_frame(), False)\n",
        "dontneed-keeps",
    ),
    "the child gets a fresh frame without the copy": (
        COPY,
        COPY.replace("kernel.copy", "process == 'parent' and kernel.copy"),
        "no-copy",
    ),
    "the child writes to the zero page": (
        "kernel.owners(frame) == 1",
        "kernel.owners(frame) in (1, 100 if process == 'child' else 1)",
        "zero-writable",
    ),
    "rights are asked for the parent only": (
        'area == "r"',
        "area == 'r' and process == 'parent'",
        "cow-over-ro",
    ),
    "the child alone reuses": (
        "kernel.owners(frame) == 1",
        "kernel.owners(frame) == 1 and process == 'child'",
        "always-copy",
    ),
    "reuse does nothing": (
        "            kernel.set_entry(process, address, frame, True)\n",
        "            pass\n",
        "still-readonly",
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_a_slip_is_named(what: str):
    old, new, name = NAMED[what]
    given = verdict("h03_demand_zero", edited((old, new)))
    assert {feedback(row).cause for row in given.rows if row.feedback is not None} == {name}


def test_the_rule_that_is_told_is_the_one_whose_cause_is_named():
    given = verdict("h03_demand_zero", edited((BOTH, COPY + PUT + ENTRY)))
    (cow,) = [row for row in given.rows if row.behaviour.id == "cow"]
    assert feedback(cow).headline == SENTENCES["no-flush"]
    assert feedback(cow).mine.startswith("stale translation")


@pytest.mark.parametrize(
    "steps",
    [
        ("read 0x5010", "fork", "child read 0x5010"),
        ("write 0x6010", "read 0x5010", "fork", "child read 0x5010"),
    ],
)
def test_only_a_fork_before_the_first_write_differs_from_the_emulators(
    steps: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    names: dict[str, Any] = {name: getattr(stubs, name) for name in stubs.__all__}
    exec(master(H3), names)
    try_kernel(*steps, **{name: names[name] for name in ("page_fault", "fork", "dontneed")})
    differs = "0, no fault; the kernel's: 0, fault 0x4: zero page"
    assert (differs in capsys.readouterr().out) == ("write 0x6010" not in steps)


def test_a_copy_of_one_owner_is_named_even_if_its_frame_is_put_first():
    given = headlines((BOTH, PUT + COPY + ENTRY + FLUSH), ("kernel.owners(frame) == 1", "False"))
    assert (given["cow"], given["reuse"]) == (SENTENCES["early-put"], SENTENCES["always-copy"])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fork_that_stops_at_a_gap_is_found(seed: str | None):
    given = headlines(
        ("        if entry is not None:\n", "        if entry is None:\n            break\n        else:\n"),
        seed=seed,
    )
    assert given["fork"] in (SENTENCES["some-entries"], SENTENCES["child-read-faults"])


def test_a_write_without_an_area_is_no_fault_to_serve():
    given = headlines(("    if not area:\n", "    if not area and not write:\n"))
    assert "0x9010 is in no area" in given["segv"]


RIGHT = {
    "every flush of fork at the end": (
        FORK_FLUSH + GIVES_TO_CHILD,
        f"{GIVES_TO_CHILD}    for address in kernel.pages(parent):\n        kernel.flush(parent, address)\n",
    ),
    "the owner is counted last": (
        "            kernel.get(frame)\n" + PROTECTS + FORK_FLUSH + GIVES_TO_CHILD,
        PROTECTS + FORK_FLUSH + GIVES_TO_CHILD + "            kernel.get(frame)\n",
    ),
    "the entry is emptied before the copy is named": (
        BOTH,
        f"{COPY}            kernel.clear_entry(process, address)\n{FLUSH}{ENTRY}{PUT}",
    ),
    "the frame is put before the copy is named": (
        BOTH,
        f"{COPY}            kernel.clear_entry(process, address)\n{FLUSH}{PUT}{ENTRY}",
    ),
    "a flush of the parent only": (FLUSH, FLUSH.replace("process", "'parent'")),
    "arguments by name": (
        COPY + ENTRY,
        COPY.replace("fresh, frame", "source=frame, to=fresh") + ENTRY.replace("True", "writable=True"),
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_linux_would_call_right_is_right(what: str):
    given = verdict("h03_demand_zero", edited(RIGHT[what]))
    assert given.full, failed(given)


def test_a_fault_that_is_not_served_has_no_cause():
    given = verdict(
        "h03_demand_zero",
        edited(("    area = kernel.area(process, address)\n", "    return\n    area = 0\n")),
    )
    assert {row.feedback.cause for row in given.rows if row.feedback is not None} == {""}


def test_a_child_that_may_write_is_named():
    line = "kernel.set_entry(child, address, frame, False)"
    given = headlines((line, line.replace("False", "True")))
    assert "Child wrote into the parent's page." in given.values()


def test_the_wrong_code_is_no_signal_that_is_missing():
    given = headlines(("SEGV_ACCERR", "SEGV_MAPERR"))
    assert given["segv"].startswith("Yours gives 5. write 8 to 0x5010: SIGSEGV(code=1)")


def test_a_major_fault_is_none_of_these():
    assert headlines(('"min_flt"', '"maj_flt"')) == {
        "counters": "Yours gives min_flt: 0; right is min_flt: 7."
    }


def test_a_copy_that_forgets_the_contents_is_found():
    assert "cow" in headlines(("            kernel.copy(fresh, frame)\n", ""))


def test_an_entry_may_be_read_before_the_area():
    first = "    area = kernel.area(process, address)\n"
    given = verdict("h03_demand_zero", edited((first, f"    kernel.entry(process, address)\n{first}")))
    assert given.full


def test_what_the_kernel_does_not_know_is_a_crash_with_its_reason():
    given = headlines(("kernel.zero_frame(), False", "None, False"))
    assert "None is no frame; alloc, entry and zero_frame give frames" in given["zero"]


def test_prints_cost_no_points():
    assert verdict("h03_demand_zero", edited(("    area =", "    print('fault')\n    area ="))).full


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import course.memory\n", "imports course"),
        ("from pyemu.hw import bulk\n", "imports pyemu.hw"),
        ("async def fork(kernel, parent, child):\n    pass\n", "is an `async def`"),
    ],
)
def test_what_is_no_answer_is_named(source: str, message: str):
    given = verdict("h03_demand_zero", f"{master(H3)}\n\n{source}")
    assert any(message in headline for headline in failed(given).values())
