"""Locks of a file: who waits, who is next, in which order they are taken, and a lock that was freed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pyemu.effects import Effect
from pyemu.effects.file_locks import (
    hugetlb_fault_mutex_lock,
    hugetlb_fault_mutex_unlock,
    i_mmap_lock_read,
    i_mmap_lock_write,
    i_mmap_unlock_read,
    i_mmap_unlock_write,
    inode_lock,
    inode_unlock,
)
from pyemu.effects.handles import File, Mm, Task
from pyemu.effects.locks import down_read, spin_lock
from pyemu.effects.pages import alloc_page, lock_page
from pyemu.effects.signals import send_signal
from pyemu.flags import SIGKILL, TASK_UNINTERRUPTIBLE
from pyemu.sched.lockdep import LockClass, name
from tests.pyemu.scenes import Lab, V, scene, task

F = File(1)
NAMES = ("A", "B", "C", "D")


@pytest.fixture
def lab() -> Lab:
    area = {"userfaultfd": False, "kind": "shmem", "process": "P"}
    return Lab(*NAMES, scenario=scene(*[task(one, process="P") for one in NAMES], area=area))


def test_readers_share_and_a_writer_waits_for_them(lab: Lab) -> None:
    lab.do("A", i_mmap_lock_read(F))
    lab.do("B", i_mmap_lock_read(F))
    lab.do("C", i_mmap_lock_write(F))
    assert lab.waits("C")
    assert lab.state("C") == TASK_UNINTERRUPTIBLE
    lab.do("D", i_mmap_lock_read(F))
    assert lab.waits("D"), "a reader behind a queued writer waits"
    lab.do("A", i_mmap_unlock_read(F))
    assert lab.waits("C")
    lab.do("B", i_mmap_unlock_read(F))
    assert not lab.waits("C")
    assert lab.state("C") == 0
    assert lab.waits("D")
    lab.go_on("C")
    lab.do("C", i_mmap_unlock_write(F))
    assert not lab.waits("D")
    lab.go_on("D")
    lab.do("D", i_mmap_unlock_read(F))
    lab.do("A", i_mmap_lock_write(F))
    assert not lab.waits("A")
    assert all(lab.rules(one) == [] for one in NAMES)


def test_a_release_lets_every_reader_in_up_to_the_next_writer(lab: Lab) -> None:
    lab.do("A", i_mmap_lock_write(F))
    lab.do("B", i_mmap_lock_read(F))
    lab.do("C", i_mmap_lock_read(F))
    lab.do("D", i_mmap_lock_write(F))
    lab.do("A", i_mmap_unlock_write(F))
    assert [lab.waits(one) for one in "BCD"] == [False, False, True]


def test_the_mutexes_of_two_pages_are_two_and_that_of_one_is_one(lab: Lab) -> None:
    lab.do("A", hugetlb_fault_mutex_lock(F, 0))
    lab.do("B", hugetlb_fault_mutex_lock(F, 1))
    lab.do("C", hugetlb_fault_mutex_lock(File(2), 0))
    assert not any(lab.waits(one) for one in "ABC")
    lab.do("D", hugetlb_fault_mutex_lock(F, 0))
    assert lab.waits("D")
    lab.do("B", hugetlb_fault_mutex_unlock(F, 1))
    assert lab.waits("D")
    lab.do("A", hugetlb_fault_mutex_unlock(F, 0))
    lab.go_on("D")
    assert lab.task("D").locks == [(LockClass.FAULT_MUTEX, 1 << 16)]
    assert lab.task("A").locks == []


def test_no_signal_ends_a_wait(lab: Lab) -> None:
    lab.do("A", inode_lock(F))
    lab.do("B", inode_lock(F))
    lab.do("C", send_signal(Task(lab.task("B").id), SIGKILL))
    assert lab.waits("B")
    lab.do("A", inode_unlock(F))
    assert not lab.waits("B")


@pytest.mark.parametrize("unlock", [i_mmap_unlock_read, i_mmap_unlock_write, inode_unlock])
def test_who_releases_what_it_does_not_hold_is_told(lab: Lab, unlock: Callable[[File], Effect[None]]) -> None:
    lab.do("A", unlock(F))
    assert lab.rules("A") == ["bad unlock balance"]


def test_a_lock_that_was_freed_with_its_file_is_seen_and_the_mutex_is_not_in_it(lab: Lab) -> None:
    state = lab.world.state
    state.set(("file", 1), replace(state.data["file", 1], alive=False))
    lab.do("A", hugetlb_fault_mutex_lock(F, 0))
    lab.do("A", hugetlb_fault_mutex_unlock(F, 0))
    assert lab.rules("A") == []
    lab.do("A", i_mmap_lock_read(F))
    lab.do("A", i_mmap_unlock_read(F))
    lab.do("A", inode_lock(F))
    assert lab.rules("A") == ["use after free"] * 3
    assert "takes the lock of file 1's mappings, which was freed" in lab.task("A").violations[0][1]


def test_the_outer_lock_is_taken_first(lab: Lab) -> None:
    lab.do("A", inode_lock(F))
    lab.do("A", down_read(Mm(1)))
    lab.do("A", i_mmap_lock_read(F))
    lab.do("A", hugetlb_fault_mutex_lock(F, 0))
    lab.do("A", lock_page(lab.do("A", alloc_page(0))))
    lab.do("A", spin_lock(Mm(1), V))
    assert lab.rules("A") == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (lambda: hugetlb_fault_mutex_lock(F, 0), lambda: i_mmap_lock_read(F)),
        (lambda: i_mmap_lock_read(F), lambda: inode_lock(F)),
        (lambda: hugetlb_fault_mutex_lock(F, 0), lambda: hugetlb_fault_mutex_lock(F, 1)),
        (lambda: i_mmap_lock_read(F), lambda: down_read(Mm(1))),
    ],
)
def test_the_wrong_order_is_seen(
    lab: Lab, first: Callable[[], Effect[None]], then: Callable[[], Effect[None]]
) -> None:
    lab.do("A", first())
    lab.do("A", then())
    assert lab.rules("A") == ["lock order"]


def test_the_mutex_is_not_taken_with_a_page_lock_held(lab: Lab) -> None:
    lab.do("A", lock_page(lab.do("A", alloc_page(0))))
    lab.do("A", hugetlb_fault_mutex_lock(F, 0))
    assert lab.rules("A") == ["lock order"]


def test_each_lock_has_a_name() -> None:
    assert name(LockClass.FAULT_MUTEX, (3 << 16) + 2) == "the fault mutex of huge page 2 of file 3"
    assert name(LockClass.I_MMAP, 3) == "the lock of file 3's mappings"
    assert name(LockClass.INODE, 3) == "the lock of file 3"
    assert name(LockClass.AREA, 3) == "the lock of vma 3"
    assert name(LockClass.PAGE, 3) == "the lock of page 3"
