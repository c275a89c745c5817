"""The table of steps: which coroutine performs which action."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from pyemu.effects.records import Regs
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
