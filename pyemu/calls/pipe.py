"""Pipes (`pyemu.kernel.pipe`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Pipe


@kernel_function("fs/pipe.c")
def pipe_read(pipe: Pipe, address: int, n: int) -> int:
    """read(2) of a pipe; the number of bytes, -EFAULT or -ERESTARTSYS."""


@kernel_function("fs/pipe.c")
def pipe_write(pipe: Pipe, address: int, n: int) -> int:
    """write(2) to a pipe; the number of bytes, -EFAULT or -ERESTARTSYS."""


@kernel_function("include/linux/wait.h", "wait_event_interruptible_exclusive")
def wait_for_pipe(pipe: Pipe, side: str) -> int:
    """Sleep until a pipe has data or room; 0, or -ERESTARTSYS for a signal."""
