"""userfaultfd (`pyemu.kernel.userfaultfd`, `.userfaultfd_ioctl`, `.mcopy`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Context, Mm, Vma


@kernel_function("fs/userfaultfd.c")
def handle_userfault(vma: Vma, address: int, flags: int, reason: int) -> int:
    """Hand a fault to the monitor and wait; `reason` is VM_UFFD_MISSING, _WP or _MINOR."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_must_wait(mm: Mm, address: int, reason: int) -> bool:
    """Say whether the monitor still has to do something."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_register(context: Context, start: int, length: int, mode: int) -> int:
    """UFFDIO_REGISTER: attach a range; 0, -EINVAL, -ENOMEM or -EBUSY."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_unregister(context: Context, start: int, length: int) -> int:
    """UFFDIO_UNREGISTER: detach a range and wake its waiters."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_wake(context: Context, start: int, length: int) -> int:
    """UFFDIO_WAKE: wake who waits in a range; 0 or -EINVAL."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_copy(context: Context, start: int, length: int, byte: int, mode: int) -> int:
    """UFFDIO_COPY: fill missing pages; 0, -EEXIST, -ENOENT, -EINVAL or -EAGAIN."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_zeropage(context: Context, start: int, length: int, mode: int) -> int:
    """UFFDIO_ZEROPAGE: map the zero page at missing pages."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_continue(context: Context, start: int, length: int, mode: int) -> int:
    """UFFDIO_CONTINUE: map pages that are in the cache; 0, -EEXIST, -EFAULT, -ENOENT, -EINVAL or -EAGAIN."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_writeprotect(context: Context, start: int, length: int, mode: int) -> int:
    """UFFDIO_WRITEPROTECT: take or give the right to write; 0, -EINVAL, -ENOENT."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_release(context: Context) -> None:
    """Close a userfaultfd: detach every area, wake every waiter."""


@kernel_function("mm/userfaultfd.c")
def mcopy_atomic(mm: Mm, start: int, length: int, byte: int, mode: int) -> int:
    """Fill missing pages; give the bytes filled or an error."""


@kernel_function("mm/userfaultfd.c")
def mcopy_atomic_pte(vma: Vma, address: int, byte: int, protects: bool) -> int:
    """Fill one missing page of anonymous memory; 0 or -EEXIST."""


@kernel_function("mm/userfaultfd.c")
def mcopy_continue(mm: Mm, start: int, length: int) -> int:
    """Map pages that are in the cache; give the bytes mapped or an error."""


@kernel_function("mm/userfaultfd.c")
def mfill_zeropage(mm: Mm, start: int, length: int) -> int:
    """Map the zero page at missing pages; give the bytes or an error."""


@kernel_function("mm/userfaultfd.c")
def mfill_zeropage_pte(vma: Vma, address: int) -> int:
    """Map the zero page at one missing page; 0 or -EEXIST."""


@kernel_function("mm/userfaultfd.c")
def mwriteprotect_range(mm: Mm, start: int, length: int, protects: bool) -> int:
    """Take or give the right to write; 0 or -ENOENT."""
