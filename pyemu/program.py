"""Programs: what the tasks of a scenario do, step by step, as coroutines on top of the kernel.

A task's program is the user's side: it accesses memory, makes system calls, reads messages, sends signals.
After an exception or a system call it comes back to user mode, where signals are delivered; then the same
access is made again.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.fault import do_page_fault
from pyemu.calls.signal import exit_to_user_mode
from pyemu.calls.syscalls import sys_madvise_dontneed, sys_mmap_fixed, sys_munmap, sys_nanosleep, sys_poll
from pyemu.calls.userfaultfd import userfaultfd_close, userfaultfd_copy, userfaultfd_unregister
from pyemu.effects.handles import Context, Task
from pyemu.effects.hardware import access
from pyemu.effects.machine import clock, report
from pyemu.effects.records import Regs
from pyemu.effects.signals import send_signal
from pyemu.effects.uffd import userfaultfd_next_message, userfaultfd_wake
from pyemu.flags import VM_READ, VM_WRITE
from pyemu.scenario import Action, ResolvedStep

USER = Regs(user=True)
SYSCALL = Regs(user=True)


async def run_program(steps: tuple[ResolvedStep, ...]) -> None:
    """Run the steps of one task in order."""
    while steps:
        await run_step(steps[0])
        steps = steps[1:]


async def run_step(step: ResolvedStep) -> None:
    """Run one step."""
    match step.do:
        case Action.READ | Action.WRITE:
            outcome = await access_memory(step)
            await report("outcome", outcome)
        case Action.PAUSE:
            await sys_nanosleep(step.ticks)
        case Action.WAIT_MESSAGE:
            await wait_for_message(step)
        case Action.POLL:
            await read_messages(step)
        case Action.COPY:
            context = Context(step.context)
            await report("resolve", "copy")
            await userfaultfd_copy(context, step.address, step.byte, step.wake)
        case Action.WAKE:
            await userfaultfd_wake(Context(step.context), step.address, step.length)
        case Action.UNREGISTER:
            await report("resolve", "unregister")
            await userfaultfd_unregister(Context(step.context), step.address, step.length)
        case Action.CLOSE:
            await report("resolve", "close")
            await userfaultfd_close(Context(step.context))
        case Action.SIGNAL:
            await send_signal(Task(step.task), step.signal)
        case Action.SAMPLE:
            state = await Task(step.task).state
            await report(f"sample {step.label}", state)
        case Action.MMAP_FIXED:
            await sys_mmap_fixed(step.address, step.length, int(VM_READ | VM_WRITE))
        case Action.MUNMAP:
            await sys_munmap(step.address, step.length)
        case Action.MADV_DONTNEED:
            await sys_madvise_dontneed(step.address, step.length)
    await exit_to_user_mode(SYSCALL)  # from the system call; from an interrupt, after an access


async def access_memory(step: ResolvedStep) -> str:
    """Access one byte until it works or a signal handler leaves; give the outcome as the records name it."""
    while True:
        done: Any = await access(step.address, step.do.value, step.byte)
        if done.value is not None:
            return f"ret={done.value}"
        await do_page_fault(USER, done.error_code, step.address)
        left = await exit_to_user_mode(USER)
        if left:
            return str(left)


async def wait_for_message(step: ResolvedStep) -> None:
    """Sleep in poll() until a message is there, and read it."""
    context = Context(step.context)
    while True:
        message = await userfaultfd_next_message(context)
        if message is not None:
            return
        await sys_poll(context, -1)
        await exit_to_user_mode(SYSCALL)  # a signal ends poll() early: its handler runs, then poll() again


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
            await exit_to_user_mode(SYSCALL)
