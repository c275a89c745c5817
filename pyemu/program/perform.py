"""The table of steps: which coroutine performs which action."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from pyemu.calls.signal import RESTARTED, exit_to_user_mode
from pyemu.effects.core import Effect
from pyemu.effects.records import Regs
from pyemu.flags import errno_name
from pyemu.scenario import Action, ResolvedStep

Program = Callable[[ResolvedStep], Coroutine[Any, Any, None]]

USER = Regs(user=True)  # what an exception or a system call of a program interrupts: user mode
PERFORMS: dict[Action, Program] = {}


def performs(*actions: Action) -> Callable[[Program], Program]:
    """Register the coroutine below for these actions."""

    def register(program: Program) -> Program:
        PERFORMS.update(dict.fromkeys(actions, program))
        return program

    return register


async def system_call(make: Callable[..., Effect[int]], *args: Any) -> str:
    """Make a system call, and again as often as the kernel says so.

    Parameters
    ----------
    make : callable
        Builds the call of the kernel function, which gives a count or a negative error number.
    *args
        What it is called with.

    Returns
    -------
    str
        The outcome as the records of real kernels name it: ``ret=4096``, ``EFAULT``, ``SIGBUS(code=2)``.
    """
    while True:
        result = await make(*args)
        left = await exit_to_user_mode(Regs(user=True, ax=result))
        if left and left != RESTARTED:
            return left
        if left != RESTARTED:
            return f"ret={result}" if result >= 0 else errno_name(result)
