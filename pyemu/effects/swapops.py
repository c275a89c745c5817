"""Entries that name a page which is not mapped: on the swap device, or on its way to another frame.

Such a page-table entry is not 0, and its PRESENT and PROTNONE bits are clear, so that every access faults::

    63   52 51                              12 11 10  9  8  7  4  3  2  0
       0   | slot of the device, or a frame   | M |WP| S| 0|  0 | W|  0     (bit 0: PRESENT, bit 8: PROTNONE)

S says that the page is swapped out, M that it is migrating: one of the two is set. W says of a migrating
page that its entry was writable. WP is the same bit as in an entry that names a page: write-protected by a
userfaultfd. The layout is ours; Linux has one of its own for each architecture [fact:swap-entry-kinds].

These functions look at values alone, as the macros of `include/linux/swapops.h` do, and are no effects.
"""

from __future__ import annotations

from pyemu.effects.handles import File
from pyemu.flags import (
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_SWP_MIGRATION,
    PAGE_SWP_SWAPPED,
    PAGE_SWP_WRITE,
    PAGE_UFFD_WP,
)

# The swap device. Its cache is the swap cache: a page is found there by its slot, as a file's page by its
# place in the file (``swapper_spaces``).
SWAP = File(0)
FIRST_SLOT = 1  # slot 0 holds the header of the device


def pte_present(pte: int) -> bool:
    """Say whether an entry names a page in memory: PROT_NONE hides it from the CPU, not from the kernel."""
    return bool(pte & (PAGE_PRESENT | PAGE_PROTNONE))


def is_swap_entry(pte: int) -> bool:
    """Say whether an entry names a slot of the swap device."""
    return not pte_present(pte) and bool(pte & PAGE_SWP_SWAPPED)


def is_migration_entry(pte: int) -> bool:
    """Say whether an entry names a page that somebody moves."""
    return not pte_present(pte) and bool(pte & PAGE_SWP_MIGRATION)


def swp_offset(pte: int) -> int:
    """Give the slot, or the frame, that an entry names which is not present."""
    return pte >> PAGE_SHIFT


def make_swap_entry(slot: int, pte: int) -> int:
    """Give the entry of a page that `pte` names and that has a slot: its mark for write-protection stays."""
    return slot << PAGE_SHIFT | PAGE_SWP_SWAPPED | pte & PAGE_UFFD_WP


def make_migration_entry(pfn: int, pte: int) -> int:
    """Give the entry of a page that `pte` names, while it is moved: whether it is writable stays."""
    write = PAGE_SWP_WRITE if pte & PAGE_RW else 0
    return pfn << PAGE_SHIFT | PAGE_SWP_MIGRATION | write | pte & PAGE_UFFD_WP
