"""The lock of a single area: faults from user mode try it before mmap_sem (Linux since v6.4)."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm, Vma
from pyemu.effects.operations import operation


@operation()
def lock_vma_under_rcu(mm: Mm, address: int) -> Vma | None:
    """Find the area of an address and lock it for reading, without mmap_sem; None if that needs a wait."""


@operation()
def vma_end_read(mm: Mm) -> None:
    """Release the one area of an address space that the running task has locked for reading."""


@operation()
def vma_start_write(vma: Vma) -> None:
    """Lock an area against readers until mmap_sem, held for writing, is released; wait for its readers."""
