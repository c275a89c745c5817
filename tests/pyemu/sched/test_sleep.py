"""Sleeping and waking: announce, look, sleep; a wake between the two is never lost."""

from __future__ import annotations

import pytest

from pyemu import run
from pyemu.effects.handles import Context, Task, current
from pyemu.effects.signals import send_signal
from pyemu.effects.sleeping import do_exit, schedule, schedule_timeout, set_current_state
from pyemu.effects.uffd import poll_dequeue, poll_queue, wake_up_poll
from pyemu.flags import SIGUSR1, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE
from tests.pyemu.scenes import Lab, pause, sample, scene, task

UFFD = Context(1)


def test_a_wake_between_the_announcement_and_the_sleep_is_not_lost() -> None:
    lab = Lab("T", "U")
    lab.do("T", poll_queue(UFFD))
    lab.do("U", wake_up_poll(UFFD))
    lab.do("T", schedule())
    assert not lab.waits("T")


def test_a_wake_before_the_announcement_wakes_nobody() -> None:
    lab = Lab("T", "U")
    lab.do("U", wake_up_poll(UFFD))
    lab.do("T", poll_queue(UFFD))
    lab.do("T", schedule())
    assert lab.waits("T")


def test_a_wake_after_the_sleep_began_ends_it() -> None:
    lab = Lab("T", "U")
    lab.do("T", poll_queue(UFFD))
    lab.do("T", schedule())
    assert lab.waits("T")
    lab.do("U", wake_up_poll(UFFD))
    assert not lab.waits("T")
    assert lab.state("T") == TASK_RUNNING


def test_who_left_the_queue_is_not_woken() -> None:
    lab = Lab("T", "U")
    lab.do("T", poll_queue(UFFD))
    lab.do("T", poll_dequeue(UFFD))
    lab.do("T", set_current_state(TASK_UNINTERRUPTIBLE))
    lab.do("U", wake_up_poll(UFFD))
    lab.do("T", schedule())
    assert lab.waits("T")


def test_schedule_in_state_running_is_no_sleep() -> None:
    lab = Lab("T")
    lab.do("T", schedule())
    assert not lab.waits("T")


def test_a_signal_that_ends_a_sleep_leaves_the_state_running() -> None:
    lab = Lab("T", "U", signals={"SIGUSR1": "handler"})
    lab.do("T", set_current_state(TASK_INTERRUPTIBLE))
    lab.do("T", schedule())
    lab.do("U", send_signal(Task(1), SIGUSR1))
    lab.go_on("T")
    assert lab.state("T") == TASK_RUNNING


@pytest.mark.parametrize("ticks", [0, -5])
def test_a_sleep_of_no_time_is_none(ticks: int) -> None:
    lab = Lab("T")
    lab.do("T", set_current_state(TASK_INTERRUPTIBLE))
    lab.do("T", schedule_timeout(ticks))
    assert not lab.waits("T")


def test_a_timer_fires_when_the_clock_passes_it_and_is_gone() -> None:
    lab = Lab("T")
    lab.do("T", set_current_state(TASK_INTERRUPTIBLE))
    lab.do("T", schedule_timeout(10))
    lab.world.clock = 9
    assert lab.waits("T")
    lab.world.clock = 10
    lab.go_on("T")
    assert lab.world.state.data["timer", 1] is None
    assert lab.world.trace.select("wake") == []  # it had not been noted as asleep


def test_a_task_that_ended_is_dead_and_makes_no_turn() -> None:
    lab = Lab("T")
    lab.do("T", do_exit(0))
    assert lab.task("T").ended
    assert lab.turn("T") is False
    assert lab.state("T") == 0x80


def test_each_sleep_shows_in_the_trace_with_its_state_and_what_woke_it() -> None:
    both = scene(task("T", pause(50)), task("U", pause(20), sample("now"), process="Q"))
    result = run(both, strict=True)
    story = [(e.t, e.kind, e.fields()) for e in result.trace.select("sleep", "wake", task="T")]
    assert story == [(0, "sleep", {"state": 1}), (50, "wake", {"reason": "time"})]
    assert [value for _, _, what, value in result.reports if what == "sample now"] == ["S"]


def test_the_clock_jumps_when_nobody_can_run() -> None:
    result = run(scene(task("T", pause(5_000_000))), strict=True)
    assert result.ticks == 5_000_000
    assert len(result.trace) < 50


def test_current_is_the_running_task() -> None:
    lab = Lab("T", "U")
    assert lab.do("U", current.state) == "R"
    lab.do("T", set_current_state(TASK_UNINTERRUPTIBLE))
    assert lab.do("U", Task(1).state) == "D"
    assert lab.do("U", current.mm) == lab.do("T", current.mm)
