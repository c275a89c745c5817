"""Posts between programs: none is lost, none counts twice, and a wait for one may have an end."""

from __future__ import annotations

import pytest

from pyemu import Tree, run
from pyemu.effects.handles import Task
from pyemu.effects.posts import post, post_dequeue, post_queue
from pyemu.effects.sleeping import schedule, set_current_state
from pyemu.flags import TASK_RUNNING, TASK_UNINTERRUPTIBLE
from pyemu.scenario import Scenario
from tests.pyemu.scenes import COPY, READ, WAIT, Lab, Step, monitor, pause, poll, scene, send, task, victim

T = Task(1)


def test_a_post_before_the_wait_is_found() -> None:
    lab = Lab("T", "U")
    lab.do("U", post(T))
    assert lab.do("T", post_queue()) is True
    assert lab.do("T", post_dequeue()) is True
    assert lab.do("T", post_queue()) is False


def test_a_post_between_the_announcement_and_the_sleep_ends_the_sleep() -> None:
    lab = Lab("T", "U")
    assert lab.do("T", post_queue()) is False
    lab.do("U", post(T))
    lab.do("T", schedule())
    assert not lab.waits("T")
    assert lab.do("T", post_dequeue()) is True
    assert lab.state("T") == TASK_RUNNING


def test_a_post_wakes_only_who_waits_for_one() -> None:
    lab = Lab("T", "U")
    lab.do("T", post_queue())
    lab.do("T", post_dequeue())
    lab.do("T", set_current_state(TASK_UNINTERRUPTIBLE))
    lab.do("U", post(T))
    lab.do("T", schedule())
    assert lab.waits("T")


def test_every_post_lets_one_wait_end() -> None:
    lab = Lab("T", "U")
    lab.do("U", post(T))
    lab.do("U", post(T))
    found = [(lab.do("T", post_queue()), lab.do("T", post_dequeue())) for _ in range(3)]
    assert found == [(True, True), (True, True), (False, False)]


def program(*steps: Step) -> list[str]:
    """What T marks, with the time, while U posts at 50."""
    result = run(scene(task("T", *steps, process="P"), task("U", pause(50), {"do": "post", "task": "T"})))
    return [f"{t} {value}" for t, name, what, value in result.reports if (name, what) == ("T", "mark")]


@pytest.mark.parametrize(("ticks", "at"), [(None, 50), (80, 50), (20, 20), (0, 0)])
def test_a_wait_for_a_post_ends_with_it_or_with_its_time(ticks: int | None, at: int) -> None:
    wait = {"do": "wait_post"} if ticks is None else {"do": "wait_post", "ticks": ticks}
    assert program(wait, {"do": "mark", "label": "on"}) == [f"{at} on"]


# --------------------------------------------------------------------------------- what else scripts need


def two_pages(*steps: Step) -> Scenario:
    second = {"do": "read", "area": "V", "page": 2}
    return scene(victim(READ, second), monitor(*steps))


def test_an_answer_goes_to_the_page_of_the_last_message() -> None:
    answer = {**COPY, "answer": True}
    result = run(two_pages(WAIT, answer, WAIT, answer), Tree.after)
    assert result.tasks["T"].outcomes == ("ret=5", "ret=5")
    assert run(two_pages(WAIT, COPY, WAIT, COPY), Tree.after).end == "hang"


def test_an_answer_without_a_message_goes_to_the_page_of_the_step() -> None:
    result = run(scene(victim(pause(9), READ), monitor({**COPY, "answer": True})), Tree.after)
    assert result.tasks["T"].outcomes == ("ret=5",)


@pytest.mark.parametrize(("ticks", "at"), [(20, 20), (0, 0), (90, 50)])
def test_a_wait_for_a_message_may_have_an_end(ticks: int, at: int) -> None:
    wait = {"do": "wait_message", "ticks": ticks}
    result = run(scene(victim(pause(50), READ), monitor(wait, {"do": "mark", "label": "m"}, poll(60), COPY)))
    assert [t for t, _, what, _ in result.reports if what == "mark"] == [at + (at == 50)]  # an attempt: 1 us


@pytest.mark.parametrize(("thread", "ends"), [(True, False), (False, True)])
def test_who_shares_memory_only_is_not_killed_with_the_others(thread: bool, ends: bool) -> None:
    helper = task("H", pause(50), {"do": "mark", "label": "alive"}, process="P", thread=thread)
    result = run(scene(task("T", pause(90), process="P"), helper, task("S", pause(9), send("SIGKILL"))))
    assert result.tasks["T"].outcome == "killed:9"
    assert [value for _, name, _, value in result.reports if name == "H"] == ["alive"] * ends


def test_who_shares_memory_only_may_mean_something_else_by_a_signal() -> None:
    helper = task("H", process="P", thread=False, signals={"SIGUSR1": "ignore"})
    one = scene(task("T", pause(9), process="P", signals={"SIGUSR1": "handler"}), helper)
    assert [spec.thread for spec in one.tasks] == [True, False]
    run(one, strict=True)
