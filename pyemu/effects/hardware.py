"""What the CPU does for a task."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.operations import operation
from pyemu.effects.records import AccessResult


@operation()
def access(address: int, kind: str, value: int) -> AccessResult:
    """Let the CPU of the running task make one access: TLB, walk, permission, A and D bits."""


@operation()
def access_user(address: int, kind: str, value: int) -> AccessResult:
    """Let kernel code read or write one byte of user memory: as `access`, in kernel mode."""


@operation()
def copy_user(address: int, kind: str, length: int, pfn: int, offset: int) -> AccessResult:
    """Let kernel code copy between user memory and a frame, up to the end of the user page.

    With ``read`` the bytes go from user memory to the frame, with ``write`` the other way. The value is the
    number of bytes copied.
    """
