"""The clock, the recorder and the policies of the tree that runs."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import Any

from pyemu.effects.operations import operation


@operation(turn=False)
def clock() -> int:
    """Give the virtual time, in ticks of one microsecond."""


@operation(turn=False)
def begin_step(number: int) -> None:
    """Tell that the program goes on to another step: what follows is no repetition of what was."""


@operation(turn=False)
def report(what: str, value: str) -> None:
    """Tell the recorder of the run something that a program saw."""


@operation(turn=False)
def policies() -> Any:
    """Give the policies of the tree that runs (`pyemu.tree.Policies`); only for the kernel's own code."""
