"""Exercise H4: the sentences that its learners read, word by word, and scenarios that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.h04_handlers import HANDLERS
from course.checks.h04_trial import breaks, explored
from course.checks.library import exercise_of
from course.sketch import sketch
from pyemu import Tree, run
from tests.exercises.answers import failed, master, verdict, wrong

H4 = exercise_of("h04_break_it")
SENTENCES = {
    "reference-fails": "The kernel's own handler fails here too.",
    "no-wait": "RETRY never happened.",
    "one-task": "Nobody to race with.",
    "blocked-signal": "This signal is never pending.",
    "monitor-silent": "Both hang: a deadlock is no proof.",
    "kill-for-usr1": "SIGKILL hides this fault.",
    "wake-too-early": "The wake came before the wait.",
    "wrong-handler": "True, but of handler 3.",
    "bad-name": "No task 'x'; allowed are those that have a line.",
    "too-large": "Explored 3000, not finished: shrink.",
    "counter-only": "Counters may differ; name an invariant.",
    "present-page": "No fault: page present.",
}
FIVE = '    5: {"area": "file", "T": "read 1"},\n'
BREAKS: dict[int, dict[str, str]] = {
    1: {"T": "read 1", "M": "wait_message; wake 1; wait_message; wake 1; wait_message; copy 1"},
    2: {"T": "read 1", "U": "munmap 1; post task=M", "M": "wait_message; wait_post; wake 1"},
    3: {"T": "tmpfs_write 1", "M": "wait_message; signal task=T signal=SIGUSR1; copy 1"},
    4: {"T": "tmpfs_write 1", "M": "wait_message; signal task=T signal=SIGKILL"},
    5: {"area": "sigsegv", "T": "read 1"},
}


def with_five(words: object) -> str:
    """Give the master's answer with another scenario for handler 5."""
    source = master(H4)
    assert source.count(FIVE) == 1
    return source.replace(FIVE, f"    5: {words!r},\n")


def test_each_handler_gives_two_points():
    assert [one.points for one in H4.behaviours] == [2] * 5


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(H4.id, wrong(H4, name).file.read_text(encoding="utf-8"))
    assert list(failed(given).values()) == [SENTENCES[name]]
    assert given.points == 8


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H4.wrong} == set(SENTENCES)


def test_a_strange_name_is_told_which_tasks_there_are():
    words = {"T": "tmpfs_write 1", "M": "wait_message; post task=U; copy 1"}
    feedback = verdict(H4.id, with_five(words)).rows[-1].feedback
    assert feedback is not None
    assert feedback.mine == "nothing was run; its tasks are T, M"


@pytest.mark.parametrize("number", BREAKS)
def test_a_scenario_breaks_the_one_handler_that_it_is_for(number: int):
    scenario = sketch("one", **BREAKS[number])
    assert not [one for one in explored(scenario, 0).violations if one.rule != "SIGBUS"]
    assert [one for one in BREAKS if breaks(scenario, one)] == [number]


@pytest.mark.parametrize("name", ["S13", "S10a", "S9-swap", "W1", "W2", "W3", "S14", "syzbot-2017"])
def test_the_right_handler_does_what_the_kernels_does(name: str):
    mine, kernel = run(name, Tree.after, HANDLERS[0]), run(name, Tree.after)
    for task in kernel.tasks:
        assert mine.tasks[task].outcomes == kernel.tasks[task].outcomes
        for counter in ("min_flt", "maj_flt", "page-faults"):
            assert mine.tasks[task].counters[counter] == kernel.tasks[task].counters[counter]
    assert {one.rule for one in mine.violations} == {one.rule for one in kernel.violations}


def test_the_right_handler_sleeps_in_kernel_mode_whatever_the_signal():
    assert run("S12", Tree.after, HANDLERS[0]).tasks["T"].outcome == "ret=4096"
    assert not run("S12", Tree.after, HANDLERS[0]).spins


def test_the_notebooks_listing_is_the_right_handler():
    namespace: dict[str, object] = {}
    cell = next(one for one in H4.master() if one["id"] == "listing")
    exec("from pyemu.stubs import *\n" + cell["source"], namespace)
    listed = {"do_user_addr_fault": namespace["right_handler"]}
    for words in BREAKS.values():
        scenario = sketch("listed", **words)
        mine, right = run(scenario, Tree.after, listed), run(scenario, Tree.after, HANDLERS[0])
        assert mine.tasks["T"].outcomes == right.tasks["T"].outcomes
        assert mine.tasks["T"].stats["attempts"] == right.tasks["T"].stats["attempts"]


@pytest.mark.parametrize(
    "words",
    [
        {"area": "file", "T": "tmpfs_write 2"},
        {"area": "sigsegv", "T": "write 0"},
        {"area": "file", "T": "read 0; read 3", "U": "read 0"},
    ],
)
def test_any_scenario_that_breaks_it_is_right(words: dict[str, str]):
    assert verdict(H4.id, with_five(words)).full


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (None, "Your answer is not written yet: BREAKS has no scenario for handler 5."),
        (7, "BREAKS[5] must be a dict of texts"),
        ({"T": "reed 1"}, "'reed' is no step"),
        ({"M": "wait_message"}, "BREAKS[5] has no task T"),
        ({"T": "read 1; " * 100}, "too large"),
        ({"area": "file", "T": "pause ticks=5; read 0"}, "handler 5 does nothing wrong here"),
    ],
)
def test_a_scenario_that_shows_nothing_is_told_why(words: object, message: str):
    given = verdict(H4.id, with_five(words))
    assert list(failed(given)) == ["handler-5"]
    assert message in failed(given)["handler-5"]


@pytest.mark.parametrize(
    "steps",
    [
        "setitimer ticks=5 interval=5 count=3; read 1",
        "fork child=C; read 1",
        "unregister; read 1",
        "close; read 1",
        "mark label=a; sample task=T; read 1",
        "mlock 0-3",
        "vmsplice 1",
        "process_vm_readv 1-3",
        "mmap_fixed 1; madvise_dontneed 0; munmap 1-3; read 2",
    ],
)
def test_no_step_ends_the_judge(steps: str):
    given = verdict(H4.id, with_five({"T": steps, "M": "wait_message; copy it"}))
    assert given.points >= 8


@pytest.mark.parametrize("source", ["BREAKS = 5\n", "BREAKS = [1, 2]\n"])
def test_an_answer_of_another_form_is_told_which_form(source: str):
    given = verdict(H4.id, source)
    assert given.points == 0
    assert all("BREAKS must be a dict" in one for one in failed(given).values())


def test_the_handlers_are_out_of_reach():
    given = verdict(H4.id, "from course.checks import h04_handlers\n" + master(H4))
    assert given.points == 0


def test_prints_cost_nothing():
    given = verdict(H4.id, "print('tried')\n" + master(H4))
    assert given.full
    assert set(given.printed.split()) == {"tried"}
