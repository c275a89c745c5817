"""The locks of page tables: who has one, who spins, who changes entries meanwhile."""

from __future__ import annotations

import pytest

from pyemu.effects.entries import get_pte, set_pte_if_none, set_pte_if_same, zap_pte
from pyemu.effects.handles import Mm
from pyemu.effects.locks import spin_lock, spin_unlock
from pyemu.effects.pages import alloc_page
from tests.pyemu.scenes import V1, Lab, V

MM = Mm(1)
FAR = V + (1 << 21)  # another page table


def test_the_second_one_spins_until_the_first_has_released_the_lock() -> None:
    lab = Lab("T", "U")
    lab.do("T", spin_lock(MM, V))
    lab.do("U", spin_lock(MM, V1))  # the same table
    assert lab.waits("U")
    assert lab.state("U") == 0  # it doesn't sleep: it burns its CPU
    lab.do("T", spin_unlock(MM, V))
    assert not lab.waits("U")
    lab.go_on("U")
    assert [event.b for event in lab.world.trace.select("spinlock")] == ["taken", "released", "taken"]


def test_tables_have_locks_of_their_own() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"})
    lab.do("T", spin_lock(MM, V))
    lab.do("U", spin_lock(MM, FAR))
    lab.do("S", spin_lock(Mm(2), V))
    assert not any(lab.waits(name) for name in "TUS")


@pytest.mark.parametrize("where", [V1, FAR], ids=["same table", "other table"])
def test_entries_of_a_locked_table_are_changed_by_its_owner_alone(where: int) -> None:
    lab = Lab("T", "U")
    pfn = lab.do("U", alloc_page(0))
    lab.do("T", spin_lock(MM, V))
    assert lab.do("U", get_pte(MM, where)) == 0  # reading needs no lock
    lab.do("U", set_pte_if_none(MM, where, pfn, True))
    assert lab.waits("U") is (where == V1)
    if where == V1:
        lab.do("T", spin_unlock(MM, V))
        lab.go_on("U")
    assert lab.do("T", get_pte(MM, where)) != 0


@pytest.mark.parametrize("change", ["replace", "empty"])
def test_every_change_of_an_entry_waits_for_the_lock(change: str) -> None:
    lab = Lab("T", "U")
    lab.do("T", spin_lock(MM, V))
    lab.do("U", zap_pte(MM, V1) if change == "empty" else set_pte_if_same(MM, V1, 0, 0))
    assert lab.waits("U")


def test_the_owner_of_the_lock_changes_entries_without_waiting() -> None:
    lab = Lab("T")
    pfn = lab.do("T", alloc_page(0))
    lab.do("T", spin_lock(MM, V))
    assert lab.do("T", set_pte_if_none(MM, V1, pfn, True)) is True
    lab.do("T", spin_unlock(MM, V))
    assert lab.rules("T") == []


def test_who_takes_it_twice_is_told_and_spins_for_ever() -> None:
    lab = Lab("T")
    lab.do("T", spin_lock(MM, V))
    lab.do("T", spin_lock(MM, V1))
    assert lab.rules("T") == ["recursive lock"]
    assert lab.waits("T")


@pytest.mark.parametrize("owner", ["U", ""], ids=["another's", "nobody's"])
def test_who_releases_what_it_does_not_hold_is_told(owner: str) -> None:
    lab = Lab("T", "U")
    if owner:
        lab.do(owner, spin_lock(MM, V))
    lab.do("T", spin_unlock(MM, V))
    assert lab.rules("T") == ["bad unlock balance"]
    assert lab.world.state.data.get(("ptl", 1, V >> 21)) == (2 if owner else None)
