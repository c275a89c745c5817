"""Locks of a file that may be waited for: of its mappings, of one page's huge fault, of the file itself."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import File
from pyemu.effects.operations import operation


@operation()
def i_mmap_lock_read(file: File) -> None:
    """Take the lock of a file's mappings (i_mmap_rwsem) for reading; sleep in state D while that must be."""


@operation()
def i_mmap_unlock_read(file: File) -> None:
    """Release the lock of a file's mappings, which is held for reading."""


@operation()
def i_mmap_lock_write(file: File) -> None:
    """Take the lock of a file's mappings for writing; sleep in state D until nobody holds it."""


@operation()
def i_mmap_unlock_write(file: File) -> None:
    """Release the lock of a file's mappings, which is held for writing."""


@operation()
def hugetlb_fault_mutex_lock(file: File, index: int) -> None:
    """Take the mutex that faults on one huge page of a file share; sleep in state D until it is free."""


@operation()
def hugetlb_fault_mutex_unlock(file: File, index: int) -> None:
    """Release the mutex of faults on one huge page."""


@operation()
def inode_lock(file: File) -> None:
    """Take the lock of a file (i_rwsem) for writing; sleep in state D until nobody holds it."""


@operation()
def inode_unlock(file: File) -> None:
    """Release the lock of a file."""
