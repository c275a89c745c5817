"""Signals in the fault path (`pyemu.kernel.signal`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.records import Regs


@kernel_function("include/linux/sched/signal.h")
def fault_signal_pending(fault: int, regs: Regs) -> bool:
    """Say whether a signal must end this fault early."""


# What `exit_to_user_mode` says of a system call that gave -ERESTARTSYS.
INTERRUPTED = "EINTR"  # a handler ran that does not ask for more
RESTARTED = "restart"  # the call is made again


@kernel_function("arch/x86/kernel/signal.c", "do_signal")
def exit_to_user_mode(regs: Regs) -> str:
    """Deliver pending signals before user mode goes on.

    Gives the name of the signal whose handler left the access; else `INTERRUPTED` or `RESTARTED` where a
    system call gave -ERESTARTSYS; else nothing.
    """
