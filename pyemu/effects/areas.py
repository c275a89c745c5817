"""Memory areas: look them up, cut, free, insert."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Context, Mm, Vma
from pyemu.effects.operations import operation


@operation(turn=False)
def find_vma(mm: Mm, address: int) -> Vma | None:
    """Find the first area that ends above an address; mmap_sem must be held. It may start above it, too."""


@operation(turn=False)
def find_vma_intersection(mm: Mm, start: int, end: int) -> tuple[Vma, ...]:
    """Find every area that overlaps ``[start, end)``; mmap_sem must be held."""


@operation(turn=False)
def set_vma_context(vma: Vma, context: Context | None, modes: int) -> None:
    """Attach an area to a userfaultfd for VM_UFFD_* faults, or detach it; mmap_sem is held for writing."""


@operation(turn=False)
def split_vma(vma: Vma, address: int) -> None:
    """Cut an area in two at an address; the handle keeps the lower part. mmap_sem is held for writing."""


@operation(turn=False)
def expand_stack(vma: Vma, address: int) -> bool:
    """Let an area that grows downwards begin at the page of an address; say whether there was room."""


@operation(turn=False)
def free_vma(vma: Vma) -> None:
    """Take an area out of its address space and free it; mmap_sem must be held for writing."""


@operation(turn=False)
def insert_vma(mm: Mm, start: int, end: int, vm_flags: int) -> Vma:
    """Add an area; mmap_sem must be held for writing."""


@operation(turn=False)
def set_vma_flags(vma: Vma, vm_flags: int) -> None:
    """Set the flags of an area; mmap_sem must be held for writing."""


@operation(turn=False)
def dup_vma(vma: Vma, child: Mm) -> Vma:
    """Give the child an area like the parent's, without a userfaultfd; both locks are held for writing."""


@operation(turn=False)
def has_anon_pages(vma: Vma) -> bool:
    """Say whether an area has pages of its own (its ``anon_vma``); mmap_sem must be held for writing."""
