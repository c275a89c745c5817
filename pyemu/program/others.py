"""Steps that pass time, send signals and look at other tasks."""

from __future__ import annotations

from pyemu.calls.signal import RESTARTED, exit_to_user_mode
from pyemu.calls.syscalls import sys_nanosleep, sys_wait_post
from pyemu.effects.handles import Task
from pyemu.effects.machine import clock, report
from pyemu.effects.posts import post
from pyemu.effects.records import Regs
from pyemu.effects.signals import send_signal, send_signal_to_thread, set_current_blocked, setitimer
from pyemu.program.perform import performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.PAUSE)
async def pause(step: ResolvedStep) -> None:
    """Sleep for a time; a handler ends that early, a stop doesn't."""
    now = await clock()
    end = now + step.ticks
    while True:
        result = await sys_nanosleep(max(0, end - now))
        if not result:
            return
        said = await exit_to_user_mode(Regs(user=True, ax=result))
        if said != RESTARTED:
            return
        now = await clock()


@performs(Action.SIGNAL)
async def signal(step: ResolvedStep) -> None:
    """Send a signal to a task's process."""
    await send_signal(Task(step.task), step.signal)


@performs(Action.SAMPLE)
async def sample(step: ResolvedStep) -> None:
    """Tell the state of a task."""
    state = await Task(step.task).state
    await report(f"sample {step.label}", state)


@performs(Action.MARK)
async def mark(step: ResolvedStep) -> None:
    """Leave a mark in the trace: here the program was."""
    await report("mark", step.label)


@performs(Action.POST)
async def tell(step: ResolvedStep) -> None:
    """Let another task's `wait_post` end: the one that goes on now, or its next one."""
    await post(Task(step.task))


@performs(Action.WAIT_POST)
async def wait_for_post(step: ResolvedStep) -> None:
    """Wait for another task's `post`."""
    await sys_wait_post(step.ticks)


@performs(Action.TKILL)
async def tkill(step: ResolvedStep) -> None:
    """Send a signal to one thread."""
    await send_signal_to_thread(Task(step.task), step.signal)


@performs(Action.BLOCK, Action.UNBLOCK)
async def mask(step: ResolvedStep) -> None:
    """Block or unblock a signal."""
    await set_current_blocked(step.signal, step.do is Action.BLOCK)


@performs(Action.SETITIMER)
async def set_timer(step: ResolvedStep) -> None:
    """Set the process's timer."""
    await setitimer(step.ticks, step.interval, step.count)
