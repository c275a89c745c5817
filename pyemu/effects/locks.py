"""mmap_sem, and the spinlocks of page tables: taking and releasing them."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.operations import operation


@operation()
def down_read(mm: Mm) -> None:
    """Take mmap_sem for reading; sleep in state D while a writer holds it or waits for it."""


@operation()
def down_read_trylock(mm: Mm) -> bool:
    """Take mmap_sem for reading if that needs no wait; say whether it was taken."""


@operation()
def down_read_killable(mm: Mm) -> int:
    """Take mmap_sem for reading; give 0, or -EINTR (-4) when SIGKILL ended the wait."""


@operation()
def up_read(mm: Mm) -> None:
    """Release mmap_sem, which is held for reading."""


@operation()
def down_write(mm: Mm) -> None:
    """Take mmap_sem for writing; sleep in state D until nobody holds it."""


@operation()
def down_write_killable(mm: Mm) -> int:
    """Take mmap_sem for writing; give 0, or -EINTR (-4) when SIGKILL ended the wait."""


@operation()
def up_write(mm: Mm) -> None:
    """Release mmap_sem, which is held for writing."""


@operation()
def spin_lock(mm: Mm, address: int) -> None:
    """Take the lock of the page table that holds an address's entry; whoever needs it burns its CPU.

    An operation on entries takes it by itself; take it to make several of them one step. Never sleep with it.
    """


@operation()
def spin_unlock(mm: Mm, address: int) -> None:
    """Release the lock of the page table that holds an address's entry."""
