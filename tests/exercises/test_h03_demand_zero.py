"""Exercise H3: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import SEEDS, failed, master, source_of, verdict, wrong

H3 = exercise_of("h03_demand_zero")
SENTENCES = {
    "read-allocates": "Reading maps the zero page; the write is a second fault.",
    "zero-writable": "You wrote the shared zero page.",
    "no-flush": "Old translation still used after the copy.",
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
    "early-put": "A frame was freed before its entry was emptied.",
    "put-before-flush": "A frame was freed while a processor still knew it.",
    "lost-frame": "A frame was lost: nobody has it, and nobody gave it back.",
    "copy-swapped": "Copied over the old frame.",
    "copies-at-fork": "fork copies no page.",
}
POINTS = {
    "read-allocates": 4,
    "zero-writable": 7,
    "no-flush": 7,
    "always-copy": 9,
    "parent-writable": 3,
    "no-refcount": 4,
    "writes-old": 2,
    "child-read-faults": 4,
    "cow-over-ro": 8,
    "segv-counted": 9,
    "maperr-as-bus": 9,
    "dontneed-keeps": 6,
    "drops-parents": 7,
    "early-put": 9,
    "put-before-flush": 9,
    "lost-frame": 7,
    "copy-swapped": 5,
    "copies-at-fork": 3,
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
    assert list(given) == ["dontneed", "fork"]
    assert set(given.values()) == {"Old translation still used after the drop."}


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
            "child-read-faults",
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
    assert given["segv"].startswith("Yours gives 4. write 8 to 0x5010: SIGSEGV(code=1)")


def test_a_major_fault_is_none_of_these():
    assert headlines(('"min_flt"', '"maj_flt"')) == {
        "counters": "Yours gives min_flt: 0; right is min_flt: 5."
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
