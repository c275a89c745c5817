"""System calls that programs make (`pyemu.kernel.syscalls`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import OURS, kernel_function
from pyemu.effects.handles import Context


@kernel_function("fs/select.c", "do_sys_poll")
def sys_poll(context: Context, ticks: int) -> bool:
    """Sleep until a message is there, at most `ticks` (-1: for ever); say whether one is."""


@kernel_function("kernel/time/hrtimer.c", "hrtimer_nanosleep")
def sys_nanosleep(ticks: int) -> int:
    """Sleep for `ticks` us of virtual time; 0, or -ERESTART_RESTARTBLOCK when a signal ended that early."""


@kernel_function(OURS)
def sys_wait_post(ticks: int) -> bool:
    """Sleep until another task has left a post, at most `ticks` (-1: for ever); say whether one has."""
