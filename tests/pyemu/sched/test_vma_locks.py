"""The lock of a single area: readers never wait, a writer waits for them and keeps new ones out."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree
from pyemu.effects.areas import find_vma, set_vma_flags
from pyemu.effects.handles import Mm, Vma
from pyemu.effects.locks import down_read, down_write, up_write
from pyemu.effects.vma_locks import lock_vma_under_rcu, vma_end_read, vma_start_write
from pyemu.flags import VM_READ
from tests.pyemu.scenes import PAGE, Lab, V

AREA = {"process": "P"}


@pytest.fixture
def lab() -> Lab:
    return Lab("R", "S", "W", tree=Tree.later("6.12"), area=AREA)


def mm_of(lab: Lab) -> Mm:
    return Mm(lab.task("R").mm)


def kinds(lab: Lab, name: str) -> list[Any]:
    return [event.b for event in lab.world.trace.select("vma_lock", task=name)]


def found(lab: Lab) -> Vma:
    """W finds the area, with mmap_sem held for writing."""
    lab.do("W", down_write(mm_of(lab)))
    vma: Vma = lab.do("W", find_vma(mm_of(lab), V))
    return vma


def test_two_readers_share_an_area_without_mmap_sem(lab: Lab) -> None:
    mm = mm_of(lab)
    one = lab.do("R", lock_vma_under_rcu(mm, V))
    two = lab.do("S", lock_vma_under_rcu(mm, V + PAGE))
    assert one == two
    assert lab.do("R", one.vm_start) == V
    assert lab.task("R").stats["acquisitions"] == 0
    lab.do("R", vma_end_read(mm))
    lab.do("S", vma_end_read(mm))
    assert not lab.task("R").locks
    assert not lab.world.violations
    lab.close()


@pytest.mark.parametrize("address", [V - 1, V + 4 * PAGE, 0x1000])
def test_where_there_is_no_area_there_is_nothing_to_lock(lab: Lab, address: int) -> None:
    assert lab.do("R", lock_vma_under_rcu(mm_of(lab), address)) is None
    lab.close()


def test_a_writer_waits_for_the_readers_in_state_d(lab: Lab) -> None:
    mm = mm_of(lab)
    lab.do("R", lock_vma_under_rcu(mm, V))
    lab.do("S", lock_vma_under_rcu(mm, V))
    vma = found(lab)
    lab.do("W", vma_start_write(vma))
    assert lab.waits("W")
    assert lab.state("W") == 2
    lab.do("R", vma_end_read(mm))
    assert lab.waits("W")
    lab.do("S", vma_end_read(mm))
    lab.go_on("W")
    assert lab.state("W") == 0
    assert kinds(lab, "W") == ["taken for writing"]
    lab.close()


def test_readers_are_refused_from_the_moment_that_a_writer_waits_until_mmap_sem_is_free(lab: Lab) -> None:
    mm = mm_of(lab)
    lab.do("R", lock_vma_under_rcu(mm, V))
    vma = found(lab)
    lab.do("W", vma_start_write(vma))
    assert lab.do("S", lock_vma_under_rcu(mm, V)) is None
    lab.do("R", vma_end_read(mm))
    lab.go_on("W")
    assert lab.do("S", lock_vma_under_rcu(mm, V)) is None
    lab.do("W", set_vma_flags(vma, int(VM_READ)))
    lab.do("W", up_write(mm))
    assert lab.do("S", lock_vma_under_rcu(mm, V)) is not None
    lab.close()


def test_locking_twice_for_writing_marks_once(lab: Lab) -> None:
    vma = found(lab)
    lab.do("W", vma_start_write(vma))
    lab.do("W", vma_start_write(vma))
    assert kinds(lab, "W") == ["taken for writing"]
    lab.close()


def test_releasing_what_one_does_not_hold_is_bad_balance(lab: Lab) -> None:
    lab.do("R", vma_end_read(mm_of(lab)))
    assert lab.rules("R") == ["bad unlock balance"]
    lab.close()


def test_an_area_read_without_any_lock_is_told(lab: Lab) -> None:
    mm = mm_of(lab)
    vma = lab.do("R", lock_vma_under_rcu(mm, V))
    lab.do("R", vma_end_read(mm))
    lab.do("R", vma.vm_flags)
    assert lab.rules("R") == ["vma without mmap_sem"]
    lab.close()


def test_waiting_for_mmap_sem_with_an_area_locked_is_the_wrong_order(lab: Lab) -> None:
    mm = mm_of(lab)
    lab.do("R", lock_vma_under_rcu(mm, V))
    lab.do("R", down_read(mm))
    assert lab.rules("R") == ["lock order"]
    lab.close()
