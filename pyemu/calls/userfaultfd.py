"""userfaultfd (`pyemu.kernel.userfaultfd`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Context, Mm, Vma


@kernel_function
def handle_userfault(vma: Vma, address: int, flags: int, reason: int) -> int:
    """Hand a fault to the monitor and wait; `reason` is VM_UFFD_MISSING or VM_UFFD_WP (fs/userfaultfd.c)."""


@kernel_function
def userfaultfd_must_wait(mm: Mm, address: int) -> bool:
    """Say whether the page is still missing (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def userfaultfd_copy(context: Context, address: int, byte: int, wake: bool) -> int:
    """UFFDIO_COPY: fill one missing page with a byte; 0, or -EEXIST, or -ENOENT (Linux v5.7)."""


@kernel_function
def userfaultfd_unregister(context: Context, start: int, length: int) -> int:
    """UFFDIO_UNREGISTER: detach a range and wake its waiters (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def userfaultfd_close(context: Context) -> None:
    """Close a userfaultfd: detach every area, wake every waiter (Linux v5.7, fs/userfaultfd.c)."""
