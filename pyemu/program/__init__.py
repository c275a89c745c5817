"""Programs: what the tasks of a scenario do, step by step, as coroutines on top of the kernel.

A task's program is the user's side: it accesses memory, makes system calls, reads messages, sends signals.
After an exception or a system call it comes back to user mode, where signals are delivered; then the same
access is made again.
"""

from __future__ import annotations

from pyemu.calls.mmap import exit_mm
from pyemu.calls.signal import exit_to_user_mode
from pyemu.effects.handles import current
from pyemu.effects.machine import begin_step
from pyemu.effects.processes import wait_for_fork
from pyemu.program import cache, files, guests, memory, monitor, others, pins, processes, swap
from pyemu.program.perform import PERFORMS, USER
from pyemu.scenario import ResolvedStep

# Every subject is imported here, so that the table of steps is complete.
SUBJECTS = (cache, files, guests, memory, monitor, others, pins, processes, swap)


async def run_program(steps: tuple[ResolvedStep, ...]) -> None:
    """Run the steps of one task in order."""
    while steps:
        step = steps[0]
        await begin_step(len(steps))
        await PERFORMS[step.do](step)
        await exit_to_user_mode(USER)  # from the system call; from an interrupt, after an access
        steps = steps[1:]
    if await current.forks:
        await exit_mm()


async def run_child(steps: tuple[ResolvedStep, ...]) -> None:
    """Run the steps of a task that another one forks."""
    await wait_for_fork()
    await run_program(steps)
