"""One attempt to serve a fault (`pyemu.kernel.memory`, `cow`, `file_fault`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Mm, Vma


@kernel_function("mm/memory.c")
def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
    """Make one attempt; give VM_FAULT_* bits. With RETRY, mmap_sem is gone."""


@kernel_function("mm/memory.c")
def do_anonymous_page(vma: Vma, address: int, flags: int) -> int:
    """Serve a missing page of anonymous memory."""


@kernel_function("mm/memory.c")
def do_wp_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Serve a write to a read-only page of a writable area."""


@kernel_function("mm/memory.c")
def do_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a missing page of a file: read, private write or shared write."""


@kernel_function("mm/memory.c")
def fault_dirty_shared_page(vma: Vma, pfn: int, flags: int, made_writable: bool) -> int:
    """End a write to a shared page: dirty it, unlock it, throttle the writer."""


@kernel_function("mm/filemap.c", "__lock_page_or_retry")
def lock_page_or_retry(pfn: int, mm: Mm, flags: int) -> bool:
    """Lock a page that was swapped in; if not, the fault says RETRY."""
