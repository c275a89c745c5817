"""Sleeping, stopping, exiting."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.operations import operation


@operation()
def set_current_state(state: int) -> None:
    """Set the state of the running task, before it looks for a reason not to sleep."""


@operation()
def schedule() -> None:
    """Sleep until the state is RUNNING again, or a signal ends this kind of sleep."""


@operation()
def schedule_timeout(ticks: int) -> int:
    """Sleep as `schedule` does, but no longer than `ticks` microseconds; give what is left of them."""


@operation(turn=False)
def do_exit(signal: int) -> None:
    """End the running task; `signal` is what killed it, or 0."""
