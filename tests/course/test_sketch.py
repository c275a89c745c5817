"""A scenario in a line a task is the scenario that its words say."""

from __future__ import annotations

import pytest

from course.sketch import sketch
from pyemu import Tree, run
from pyemu.errors import ScenarioError


def steps(text: str) -> list[dict[str, object]]:
    return [
        {"do": str(one.do), **dict(one.values)} for one in sketch("mine", M=text, T="read 1").tasks[0].program
    ]


def test_a_page_a_range_and_the_answer_are_told_apart() -> None:
    one, several, answer = steps("copy 1; wake 0-3; copy it")
    assert (one["page"], one["pages"], one["answer"]) == (1, 1, False)
    assert (several["page"], several["pages"]) == (0, 4)
    assert answer["answer"] is True


def test_keys_are_numbers_truths_and_names() -> None:
    copy, pause, signal = steps("copy 1 byte=6 wake=no; pause ticks=200; signal task=T signal=SIGSTOP")
    assert (copy["byte"], copy["wake"]) == (6, False)
    assert pause["ticks"] == 200
    assert signal["signal"] == 19


def test_all_tasks_but_the_monitor_share_their_memory() -> None:
    made = sketch("mine", T="read 1", U="read 1", M="wait_message; copy 1")
    assert [task.monitor for task in made.tasks] == [False, False, True]
    assert made.tasks[0].process == made.tasks[1].process != made.tasks[2].process
    assert str(run(made, Tree.after)) == "mine on tree after: T: ret=5; U: ret=5"


def test_who_stands_apart_is_no_thread_of_the_others() -> None:
    made = sketch("mine", apart="S", T="read 1", S="signal task=T signal=SIGUSR1", M="wait_message; copy 1")
    assert [task.monitor for task in made.tasks] == [False, True, True]
    assert str(run(made, Tree.after)) == "mine on tree after: T: ret=5"


def test_a_system_call_that_needs_a_buffer_has_one() -> None:
    made = sketch("mine", T="process_vm_readv 0-1", M="wait_message; copy it")
    assert run(made, Tree.after).tasks["T"].outcome == "ret=8192"


def test_what_it_is_served_for_can_be_chosen() -> None:
    monitor = "wait_message; copy it protect=yes; wait_message; writeprotect it protect=no"
    made = sketch("mine", served="missing+wp", T="write 1", M=monitor)
    assert run(made, Tree.after).tasks["T"].stats["attempts"] == 3


@pytest.mark.parametrize(
    ("area", "outcome"),
    [("private", "ret=0"), ("file", "SIGBUS(code=2)"), ("oom", "ret=0"), ("sigsegv", "SIGSEGV(code=1)")],
)
def test_its_memory_can_be_of_another_kind(area: str, outcome: str) -> None:
    assert run(sketch("mine", area=area, T="read 1"), Tree.after).tasks["T"].outcome == outcome


def test_another_architectures_handler_can_run() -> None:
    made = sketch("mine", arch="sh", area="file", T="read 1")
    broken = [one.rule for one in run(made, Tree.upto(8)).violations]
    assert broken == ["bad unlock balance"]


def test_an_area_that_is_none_is_told_which_there_are() -> None:
    with pytest.raises(ScenarioError, match="area is 'disk'; it must be one of: userfaultfd, private"):
        sketch("mine", area="disk", T="read 1")


@pytest.mark.parametrize(
    ("monitor", "says"),
    [
        ("wait_mesage", "'wait_mesage' is no step"),
        ("copy one", "'one' is neither a page"),
        ("copy", "it says no page"),
        ("wake byte=6", "it says no page"),
        ("copy 7", "page 7"),
        ("copy 1 bytes=3", "bytes"),
    ],
)
def test_a_slip_is_named(monitor: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        sketch("mine", T="read 1", M=monitor)
