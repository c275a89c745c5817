"""Signals in the fault path (`pyemu.kernel.signal`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.records import Regs


@kernel_function
def fault_signal_pending(fault: int, regs: Regs) -> bool:
    """Say whether a signal must end this fault early (Linux v5.7, include/linux/sched/signal.h)."""


@kernel_function
def exit_to_user_mode(regs: Regs) -> str:
    """Deliver pending signals before user mode goes on; name the one whose handler left the access."""
