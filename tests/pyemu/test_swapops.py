"""Entries that name a page which is not mapped: four kinds, told apart by their bits."""

from __future__ import annotations

import pytest

from pyemu.effects.swapops import (
    is_migration_entry,
    is_swap_entry,
    make_migration_entry,
    make_swap_entry,
    pte_present,
    swp_offset,
)
from pyemu.flags import PAGE_PRESENT, PAGE_PROTNONE, PAGE_RW, PAGE_SWP_WRITE, PAGE_UFFD_WP

PAGE = 77 << 12
SWAP, MOVING = make_swap_entry(5, 0), make_migration_entry(77, 0)


@pytest.mark.parametrize(
    ("pte", "kinds"),
    [
        (0, (False, False, False)),
        (PAGE | PAGE_PRESENT, (True, False, False)),
        (PAGE | PAGE_PROTNONE, (True, False, False)),
        (PAGE | PAGE_PRESENT | PAGE_UFFD_WP | 0xA00, (True, False, False)),  # bits that the CPU leaves alone
        (SWAP, (False, True, False)),
        (MOVING, (False, False, True)),
    ],
)
def test_each_kind_is_told_from_the_others(pte: int, kinds: tuple[bool, bool, bool]) -> None:
    assert (pte_present(pte), is_swap_entry(pte), is_migration_entry(pte)) == kinds


def test_what_is_kept_of_the_entry_that_was() -> None:
    old = PAGE | PAGE_PRESENT | PAGE_RW | 0x64
    assert (swp_offset(SWAP), swp_offset(MOVING)) == (5, 77)
    assert make_swap_entry(5, old) == SWAP
    assert make_swap_entry(5, old | PAGE_UFFD_WP) == SWAP | PAGE_UFFD_WP
    assert make_migration_entry(77, old) == MOVING | PAGE_SWP_WRITE
    assert make_migration_entry(77, PAGE | PAGE_PRESENT | PAGE_UFFD_WP) == MOVING | PAGE_UFFD_WP
