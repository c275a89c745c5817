"""Steps of a monitor: wait for messages, fill, wake, unregister, close."""

from __future__ import annotations

from pyemu.calls.signal import exit_to_user_mode
from pyemu.calls.syscalls import sys_poll
from pyemu.calls.userfaultfd import userfaultfd_close, userfaultfd_copy, userfaultfd_unregister
from pyemu.effects.handles import Context
from pyemu.effects.machine import clock, report
from pyemu.effects.uffd import last_message, userfaultfd_next_message, userfaultfd_wake
from pyemu.program.perform import USER, performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.WAIT_MESSAGE)
async def wait_for_message(step: ResolvedStep) -> None:
    """Sleep in poll() until a message is there, and read it; give up when the time is over."""
    context = Context(step.context)
    end = left = -1
    if step.ticks >= 0:
        now = await clock()
        end = now + step.ticks
    while True:
        message = await userfaultfd_next_message(context)
        if message is not None:
            return
        if end >= 0:
            now = await clock()
            left = end - now
            if left <= 0:
                return
        await sys_poll(context, left)
        await exit_to_user_mode(USER)  # a signal ends poll() early: its handler runs, then poll() again


@performs(Action.POLL)
async def read_messages(step: ResolvedStep) -> None:
    """Read messages as they come, for a time."""
    context = Context(step.context)
    now = await clock()
    end = now + step.ticks
    while True:
        message = await userfaultfd_next_message(context)
        if message is None:
            now = await clock()
            if now >= end:
                return
            await sys_poll(context, end - now)
            await exit_to_user_mode(USER)


async def meant(step: ResolvedStep) -> int:
    """Give the address that a step means: its own, or that of the message it answers."""
    if not step.answer:
        return step.address
    asked = await last_message()
    return asked or step.address


@performs(Action.COPY)
async def fill(step: ResolvedStep) -> None:
    """Fill a missing page."""
    await report("resolve", "copy")
    address = await meant(step)
    await userfaultfd_copy(Context(step.context), address, step.byte, step.wake)


@performs(Action.WAKE)
async def wake(step: ResolvedStep) -> None:
    """Wake who waits in a range, and bring nothing."""
    address = await meant(step)
    await userfaultfd_wake(Context(step.context), address, step.length)


@performs(Action.UNREGISTER)
async def unregister(step: ResolvedStep) -> None:
    """Detach a range."""
    await report("resolve", "unregister")
    await userfaultfd_unregister(Context(step.context), step.address, step.length)


@performs(Action.CLOSE)
async def close(step: ResolvedStep) -> None:
    """Close the userfaultfd."""
    await report("resolve", "close")
    await userfaultfd_close(Context(step.context))
