"""Exercise E9: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from course.sketch import sketch
from pyemu import Tree, run
from tests.exercises.answers import failed, master, source_of, verdict, wrong

E9 = exercise_of("e09_review_sh")
SENTENCES = {
    "blames-OOM": "OOM releases once after the patch.",
    "blames-RETRY": "The RETRY path does not unlock; right.",
    "mend-SIGBUS-only": "SIGSEGV still releases twice.",
    "mend-SIGSEGV-only": "SIGBUS still releases twice.",
    "remove-all": "OOM now returns with the lock.",
    "unlock-on-RETRY": "Now a dropped lock is released.",
    "scenario-OOM": "Balance is right here.",
    "scenario-x86": "Wrong handler.",
    "scenario-RETRY-kill": "No unlock on this path.",
    "says-deadlock": "Too many releases, not too few.",
    "blames-P3": "Helper unchanged; P8 moved the unlock.",
    "S8a-as-double": "A different effect: OOM no longer swallowed.",
    "drops-for-all": "A fault without an area now returns with the lock.",
}
POINTS = {name: 7 for name in SENTENCES if name.startswith(("blames", "scenario", "says", "S8a"))}
POINTS |= {"mend-SIGBUS-only": 6, "mend-SIGSEGV-only": 6}
POINTS |= {"remove-all": 8, "unlock-on-RETRY": 8, "drops-for-all": 8}
RIGHT = 'SCENARIO = {"arch": "sh", "area": "file", "T": "read 1"}'
EARLY = "    if fault & VM_FAULT_OOM:  # the others release it themselves\n        await up_read(mm)\n"
UNCHANGED = "    if not fault & VM_FAULT_RETRY:\n        await up_read(mm)\n"


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E9)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def with_scenario(words: str) -> str:
    return edited((RIGHT, f"SCENARIO = {words}"))


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E9.behaviours}
    assert points == {"path": 3, "scenario": 3, "mend": 2, "decoys": 2}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(E9.id, source_of(E9, wrong(E9, name).file))
    assert list(failed(given).values()) == [SENTENCES[name]]
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E9.wrong} == set(SENTENCES) == set(POINTS)


@pytest.mark.parametrize(
    ("words", "releases"),
    [
        ({"area": "private", "T": "read 1"}, 1),
        ({"area": "file", "T": "read 1"}, 2),
        ({"area": "sigsegv", "T": "read 1"}, 2),
        ({"area": "oom", "T": "read 1"}, 2),  # once, and once more when the access is made again
        ({"T": "read 1", "M": "wait_message; signal task=T signal=SIGKILL"}, 0),
    ],
)
def test_a_run_of_the_emulators_own_handler_has_the_releases_of_the_form(words, releases: int):
    trace = run(sketch("path", arch="sh", **words), Tree.upto(8)).trace
    dropped = len(trace.select("lock_dropped", task="T"))
    twice = len([one for one in trace.select("violation") if one.a == "bad unlock balance"])
    callee = len(trace.select("message", task="T"))
    assert dropped + twice - callee == releases


def test_the_form_knows_every_path_of_its_own_table():
    given = verdict(E9.id, edited(('"SIGSEGV": 2', '"SIGSEG": 2')))
    assert failed(given) == {"path": "Your answer is not written yet: there is no answer for 'SIGSEGV'."}


@pytest.mark.parametrize(
    "words",
    [
        '{"arch": "sh", "area": "sigsegv", "T": "write 3"}',
        '{"arch": "sh", "area": "file", "T": "read 0; tmpfs_write 2"}',
        '{"arch": "sh", "area": "userfaultfd", "T": "read 2", "M": "wait_message; wake 2"}',
        '{"arch": "sh", "area": "file", "T": "read 0", "U": "read 3"}',
    ],
)
def test_any_scenario_that_shows_it_is_right(words: str):
    assert verdict(E9.id, with_scenario(words)).full


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("7", "SCENARIO must be a dict of texts"),
        ('{"arch": "sh", "area": "fil", "T": "read 1"}', "area is 'fil'; it must be one of: userfaultfd"),
        ('{"arch": "sh", "T": "reed 1"}', "'reed' is no step"),
        ('{"arch": "sh", "area": "file", "M": "pause ticks=1"}', "SCENARIO has no task T"),
        ('{"arch": "sh", "area": "file", "T": "read 1; " * 200}', "too large"),
        ('{"arch": "sh", "area": "private", "T": "read 1"}', "on sh, with patch 8: no rule is broken"),
    ],
)
def test_a_scenario_that_shows_nothing_is_told_why(words: str, message: str):
    given = verdict(E9.id, with_scenario(words))
    assert list(failed(given)) == ["scenario"]
    assert message in failed(given)["scenario"]


def test_a_handler_left_as_it_was_is_not_mended():
    given = verdict(E9.id, edited((EARLY, UNCHANGED)))
    assert failed(given) == {"mend": "SIGBUS still releases twice."}


def test_a_third_way_to_mend_it_is_right():
    release = "        await up_read(mm)\n"
    oom = "    if fault & VM_FAULT_OOM:\n        if user_mode(regs):\n"
    assert verdict(E9.id, edited((EARLY, ""), (oom, oom.replace("\n", f"\n{release}", 1)))).full


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ([("    await force_sig_fault(SIGBUS, BUS_ADRERR, address)", "    return")], ["mend"]),
        ([("            await pagefault_out_of_memory()", "            pass")], ["decoys"]),
        ([("        flags |= FAULT_FLAG_TRIED\n", "        return\n")], ["decoys"]),
        ([('        await count("maj_flt" if fault & VM_FAULT_MAJOR else "min_flt")\n', "")], ["decoys"]),
    ],
)
def test_a_handler_that_mends_and_breaks_something_else_loses_points(changes, lost: list[str]):
    assert list(failed(verdict(E9.id, edited(*changes)))) == lost


@pytest.mark.parametrize("other", ["do_user_addr_fault", "do_arch_fault", "do_page_fault"])
def test_the_kernels_own_handler_is_out_of_reach(other: str):
    body = (
        f"async def sh_page_fault(regs, error_code, address):\n    await {other}(regs, error_code, address)\n"
    )
    given = verdict(E9.id, f"{master(E9)}\n\n{body}")
    assert given.points < E9.points
    assert "mend" in failed(given)


def test_prints_cost_nothing():
    given = verdict(E9.id, edited(('    """sh\'s do_sigbus."""\n', "    print('sigbus')\n")))
    assert given.full
    assert set(given.printed.split()) == {"sigbus"}
