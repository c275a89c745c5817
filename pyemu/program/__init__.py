"""Programs: what the tasks of a scenario do, step by step, as coroutines on top of the kernel.

A task's program is the user's side: it accesses memory, makes system calls, reads messages, sends signals.
After an exception or a system call it comes back to user mode, where signals are delivered; then the same
access is made again.
"""

from __future__ import annotations

from pyemu.calls.signal import exit_to_user_mode
from pyemu.effects.machine import begin_step
from pyemu.program import files, memory, monitor, others, pins
from pyemu.program.perform import PERFORMS, USER
from pyemu.scenario import ResolvedStep

# Every subject is imported here, so that the table of steps is complete.
SUBJECTS = (files, memory, monitor, others, pins)


async def run_program(steps: tuple[ResolvedStep, ...]) -> None:
    """Run the steps of one task in order."""
    while steps:
        step = steps[0]
        await begin_step(len(steps))
        await PERFORMS[step.do](step)
        await exit_to_user_mode(USER)  # from the system call; from an interrupt, after an access
        steps = steps[1:]
