"""Steps of a monitor: wait for messages, fill, write-protect, wake, register, unregister, close."""

from __future__ import annotations

from pyemu.calls.signal import exit_to_user_mode
from pyemu.calls.syscalls import sys_poll
from pyemu.calls.userfaultfd import (
    userfaultfd_continue,
    userfaultfd_copy,
    userfaultfd_register,
    userfaultfd_release,
    userfaultfd_unregister,
    userfaultfd_wake,
    userfaultfd_writeprotect,
    userfaultfd_zeropage,
)
from pyemu.effects.handles import Context
from pyemu.effects.machine import clock, report
from pyemu.effects.uffd import last_message, userfaultfd_next_message
from pyemu.flags import (
    UFFDIO_CONTINUE_MODE_DONTWAKE,
    UFFDIO_COPY_MODE_DONTWAKE,
    UFFDIO_COPY_MODE_WP,
    UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
    UFFDIO_WRITEPROTECT_MODE_WP,
    UFFDIO_ZEROPAGE_MODE_DONTWAKE,
    errno_name,
)
from pyemu.program.perform import USER, performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.WAIT_MESSAGE)
async def wait_for_message(step: ResolvedStep) -> None:
    """Sleep in poll() until a message is there, and read it; give up when the time is over."""
    context = Context(step.context)
    end = await deadline(step.ticks)
    while True:
        message = await userfaultfd_next_message(context)
        if message is not None:
            return
        left = await time_left(end)
        if not left:
            return
        await sys_poll(context, left)
        await exit_to_user_mode(USER)  # a signal ends poll() early: its handler runs, then poll() again


@performs(Action.WAIT_READABLE)
async def wait_until_readable(step: ResolvedStep) -> None:
    """Sleep in poll() until it says that a message is there, and leave it there."""
    context = Context(step.context)
    end = await deadline(step.ticks)
    while True:
        left = await time_left(end)
        if not left:
            return
        ready = await sys_poll(context, left)
        await exit_to_user_mode(USER)
        if ready:
            return


async def deadline(ticks: int) -> int:
    """Give the time at which a wait of so many ticks ends; -1 for one without a limit."""
    if ticks < 0:
        return -1
    now = await clock()
    return now + ticks


async def time_left(end: int) -> int:
    """Give the ticks that are left until a deadline: 0 when it has passed, -1 without one."""
    if end < 0:
        return -1
    now = await clock()
    return max(0, end - now)


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


async def tell(ioctl: str, result: int) -> None:
    """Tell which error an ioctl gave; nothing when it did what it was asked for."""
    if result:
        await report("ioctl", f"{ioctl}={errno_name(result)}")


@performs(Action.COPY)
async def fill(step: ResolvedStep) -> None:
    """Fill missing pages."""
    await report("resolve", "copy")
    address = await meant(step)
    mode = 0 if step.wake else UFFDIO_COPY_MODE_DONTWAKE
    if step.protect:
        mode |= UFFDIO_COPY_MODE_WP
    result = await userfaultfd_copy(Context(step.context), address, step.length, step.byte, mode)
    await tell("copy", result)


@performs(Action.ZEROPAGE)
async def fill_with_zeros(step: ResolvedStep) -> None:
    """Map the zero page at missing pages."""
    await report("resolve", "zeropage")
    address = await meant(step)
    mode = 0 if step.wake else UFFDIO_ZEROPAGE_MODE_DONTWAKE
    result = await userfaultfd_zeropage(Context(step.context), address, step.length, mode)
    await tell("zeropage", result)


@performs(Action.CONTINUE)
async def map_what_is_there(step: ResolvedStep) -> None:
    """Map pages that are in the cache."""
    await report("resolve", "continue")
    address = await meant(step)
    mode = 0 if step.wake else UFFDIO_CONTINUE_MODE_DONTWAKE
    result = await userfaultfd_continue(Context(step.context), address, step.length, mode)
    await tell("continue", result)


@performs(Action.WRITEPROTECT)
async def write_protect(step: ResolvedStep) -> None:
    """Take the right to write from a range, or give it back."""
    address = await meant(step)
    mode = 0 if step.wake else UFFDIO_WRITEPROTECT_MODE_DONTWAKE
    if step.protect:
        mode |= UFFDIO_WRITEPROTECT_MODE_WP
    else:
        await report("resolve", "writeprotect")
    result = await userfaultfd_writeprotect(Context(step.context), address, step.length, mode)
    await tell("writeprotect", result)


@performs(Action.WAKE)
async def wake(step: ResolvedStep) -> None:
    """Wake who waits in a range, and bring nothing."""
    address = await meant(step)
    result = await userfaultfd_wake(Context(step.context), address, step.length)
    await tell("wake", result)


@performs(Action.REGISTER)
async def register(step: ResolvedStep) -> None:
    """Attach a range."""
    result = await userfaultfd_register(Context(step.context), step.address, step.length, step.mode)
    await tell("register", result)


@performs(Action.UNREGISTER)
async def unregister(step: ResolvedStep) -> None:
    """Detach a range."""
    await report("resolve", "unregister")
    result = await userfaultfd_unregister(Context(step.context), step.address, step.length)
    await tell("unregister", result)


@performs(Action.CLOSE)
async def close(step: ResolvedStep) -> None:
    """Close the userfaultfd."""
    await report("resolve", "close")
    await userfaultfd_release(Context(step.context))
