"""Page frames: who holds them, and their lock, first come, first served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.effects import Effect
from pyemu.effects.entries import get_pte, mk_pte, pte_pfn, set_pte_if_none, set_pte_if_same, zap_pte
from pyemu.effects.handles import Mm, Task
from pyemu.effects.pages import (
    alloc_page,
    get_page,
    lock_page,
    lock_page_killable,
    look_at_page,
    put_page,
    trylock_page,
    unlock_page,
    wait_on_page_locked,
    wait_on_page_locked_killable,
)
from pyemu.effects.records import Page
from pyemu.effects.signals import send_signal
from pyemu.errors import HandlerError
from pyemu.flags import (
    EINTR,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_USER,
    SIGKILL,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
)
from pyemu.state import FrameState
from tests.pyemu.scenes import V1, Lab, V

MM = Mm(1)
TASKS = ("A", "B", "C", "D")
RIGHTS = PAGE_PRESENT | PAGE_USER | PAGE_RW


def frame(lab: Lab, pfn: int) -> FrameState | None:
    found: FrameState | None = lab.world.state.data.get(("frame", pfn))
    return found


def owner_of(lab: Lab, pfn: int) -> int | None:
    """Who holds the lock of a page that is in use."""
    found = frame(lab, pfn)
    assert found is not None
    return found.locked_by


# ------------------------------------------------------------------------------------ references


def test_a_fresh_page_has_one_reference_and_no_entry() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(9))
    assert lab.do("A", look_at_page(pfn)) == Page(None, 0, 0, 1, False, False, False)
    assert lab.world.state.ram[pfn * 4096] == 9


def test_the_last_reference_frees_the_frame_and_the_next_page_gets_it() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", get_page(pfn))
    lab.do("A", put_page(pfn))
    assert frame(lab, pfn) is not None
    lab.do("A", put_page(pfn))
    assert frame(lab, pfn) is None
    assert lab.do("A", alloc_page(1)) == pfn


def test_nobody_counts_who_uses_the_zero_page() -> None:
    lab = Lab("A")
    for use in (put_page, get_page, put_page, put_page):
        lab.do("A", use(1))
    assert frame(lab, 1) is None


USES = [look_at_page, get_page, put_page, trylock_page, lock_page, unlock_page]
FRAMES = {"the empty frame": 0, "the zero page": 1, "a free frame": 200}


@pytest.mark.parametrize(
    ("use", "pfn"),
    [(use, pfn) for use in USES for pfn in FRAMES.values() if pfn != 1 or use not in (get_page, put_page)],
)
def test_a_frame_that_holds_no_page_is_refused(use: Callable[[int], Effect[Any]], pfn: int) -> None:
    with pytest.raises(HandlerError, match=f"frame {pfn} holds no page"):
        Lab("A").do("A", use(pfn))


def test_an_entry_takes_over_the_reference_of_who_maps_the_page() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    assert lab.do("A", set_pte_if_none(MM, V, pfn, True)) is True
    assert frame(lab, pfn) == FrameState(mapcount=1, refcount=1)
    assert lab.do("A", zap_pte(MM, V)) is True
    assert frame(lab, pfn) is None


def test_who_comes_second_keeps_the_page_that_was_not_mapped() -> None:
    lab = Lab("A")
    first, second = lab.do("A", alloc_page(0)), lab.do("A", alloc_page(0))
    lab.do("A", set_pte_if_none(MM, V, first, True))
    assert lab.do("A", set_pte_if_none(MM, V, second, True)) is False
    assert frame(lab, second) == FrameState()


def test_a_page_that_is_held_outlives_its_entry() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", get_page(pfn))
    lab.do("A", set_pte_if_none(MM, V, pfn, True))
    lab.do("A", zap_pte(MM, V))
    assert frame(lab, pfn) == FrameState(mapcount=0, refcount=1)


def test_an_entry_is_replaced_only_if_it_is_still_the_same() -> None:
    lab = Lab("A")
    first, second = lab.do("A", alloc_page(0)), lab.do("A", alloc_page(0))
    lab.do("A", set_pte_if_none(MM, V, first, False))
    old = lab.do("A", get_pte(MM, V))
    new = lab.do("A", mk_pte(second, RIGHTS))
    assert lab.do("A", set_pte_if_same(MM, V, old | PAGE_DIRTY, new)) is False
    assert lab.do("A", get_pte(MM, V)) == old
    assert lab.do("A", set_pte_if_same(MM, V, old, new)) is True
    assert lab.do("A", pte_pfn(lab.do("A", get_pte(MM, V)))) == second
    assert frame(lab, first) is None
    assert frame(lab, second) == FrameState(mapcount=1, refcount=1)


def test_other_rights_for_the_same_page_change_no_count() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", set_pte_if_none(MM, V, pfn, True))
    old = lab.do("A", get_pte(MM, V))
    lab.do("A", set_pte_if_same(MM, V, old, old & ~PAGE_RW))
    assert frame(lab, pfn) == FrameState(mapcount=1, refcount=1)


def test_a_page_hidden_by_prot_none_is_still_counted() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", set_pte_if_none(MM, V, pfn, True))
    old = lab.do("A", get_pte(MM, V))
    lab.do("A", set_pte_if_same(MM, V, old, old & ~PAGE_PRESENT | PAGE_PROTNONE))
    assert frame(lab, pfn) == FrameState(mapcount=1, refcount=1)
    assert lab.do("A", zap_pte(MM, V)) is True
    assert frame(lab, pfn) is None


@pytest.mark.parametrize(
    ("gone", "n_flushes"),
    [(PAGE_RW, 1), (0, 0)],
    ids=["a right is taken away", "a right is added"],
)
def test_only_what_takes_something_away_is_flushed(gone: int, n_flushes: int) -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", set_pte_if_none(MM, V, pfn, bool(gone)))
    old = lab.do("A", get_pte(MM, V))
    lab.do("A", set_pte_if_same(MM, V, old, old & ~gone if gone else old | PAGE_RW))
    assert len(lab.world.trace.select("flush")) == n_flushes


def test_a_dirty_entry_that_goes_leaves_its_file_page_dirty() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.world.state.set(("frame", pfn), FrameState(mapping=1, refcount=2))
    lab.do("A", set_pte_if_none(MM, V, pfn, True))
    lab.do("A", zap_pte(MM, V))
    assert frame(lab, pfn) == FrameState(mapping=1, refcount=1, dirty=True)


def test_two_entries_hold_a_page_twice() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", get_page(pfn))
    for address in (V, V1):
        lab.do("A", set_pte_if_none(MM, address, pfn, False))
    assert frame(lab, pfn) == FrameState(mapcount=2, refcount=2)
    lab.do("A", zap_pte(MM, V))
    assert frame(lab, pfn) == FrameState(mapcount=1, refcount=1)


# ------------------------------------------------------------------------------------ the page lock


LOCKS: dict[str, Callable[[int], Effect[Any]]] = {
    "lock": lock_page,
    "lock killable": lock_page_killable,
    "wait": wait_on_page_locked,
    "wait killable": wait_on_page_locked_killable,
}


@dataclass
class Brute:
    """The rules of the page lock, written down once more and as plainly as can be."""

    owner: str | None = None
    line: list[tuple[str, str]] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)

    def ask(self, name: str, how: str) -> bool:
        """Whether a task need not wait."""
        if self.owner is None:
            if how.startswith("lock"):
                self.owner = name
            return True
        self.line.append((name, how))
        return False

    def release(self) -> None:
        self.owner = None
        while self.line and self.owner is None:
            name, how = self.line.pop(0)
            if how.startswith("lock"):
                self.owner = name

    def may_go_on(self, name: str) -> bool:
        found = dict(self.line).get(name)
        return found is None or ("killable" in found and name in self.killed)


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(TASKS), st.sampled_from(sorted(LOCKS))),
        st.tuples(st.sampled_from(TASKS), st.sampled_from(["try", "unlock", "kill"])),
    ),
    max_size=24,
)


@given(MOVES)
def test_the_lock_follows_the_rules(moves: list[tuple[str, str]]) -> None:
    lab = Lab(*TASKS, "S", processes={name: name for name in (*TASKS, "S")})
    pfn = lab.do("S", alloc_page(0))
    brute = Brute()
    for name, move in moves:
        if move == "kill":
            lab.do("S", send_signal(Task(lab.task(name).id), SIGKILL))
            brute.killed.add(name)
        elif lab.idle(name):
            if move == "try":
                free = brute.owner is None
                assert lab.do(name, trylock_page(pfn)) is free
                brute.owner = name if free else brute.owner
            elif move == "unlock":
                if brute.owner == name:
                    lab.do(name, unlock_page(pfn))
                    brute.release()
            else:
                answer = lab.do(name, LOCKS[move](pfn))
                took = brute.ask(name, move)
                # Who is being killed already joins a queue that it may leave at once.
                assert lab.waits(name) is not (took or brute.may_go_on(name))
                assert answer == (0 if took and "killable" in move else None)
        for other in TASKS:
            if not lab.idle(other):
                assert lab.waits(other) is not brute.may_go_on(other)
                if brute.may_go_on(other):
                    killed = other in dict(brute.line)
                    waits_in = lab.task(other).pending
                    assert waits_in is not None
                    killable = waits_in.args[1]
                    assert lab.go_on(other) == (-EINTR if killed else 0 if killable else None)
                    brute.line = [one for one in brute.line if one[0] != other]
        owner = owner_of(lab, pfn)
        assert owner == (lab.task(brute.owner).id if brute.owner else None)
    lab.close()


@pytest.mark.parametrize(
    ("how", "state"),
    [("lock", TASK_UNINTERRUPTIBLE), ("lock killable", TASK_KILLABLE)],
)
def test_a_wait_for_a_page_is_no_interruptible_sleep(how: str, state: int) -> None:
    lab = Lab("A", "B", processes={"B": "Q"})
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", lock_page(pfn))
    lab.do("B", LOCKS[how](pfn))
    assert lab.state("B") == state
    lab.do("A", unlock_page(pfn))
    assert lab.state("B") == 0
    lab.close()


def test_who_waits_for_a_release_does_not_get_the_lock() -> None:
    lab = Lab("A", "B", "C")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", lock_page(pfn))
    lab.do("B", wait_on_page_locked(pfn))
    lab.do("C", lock_page(pfn))
    lab.do("A", unlock_page(pfn))
    lab.go_on("B")
    lab.go_on("C")
    assert owner_of(lab, pfn) == lab.task("C").id
    lab.close()


def test_who_came_behind_a_lock_waits_for_its_release_as_well() -> None:
    lab = Lab("A", "B", "C")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", lock_page(pfn))
    lab.do("B", lock_page(pfn))
    lab.do("C", wait_on_page_locked(pfn))
    lab.do("A", unlock_page(pfn))
    assert lab.waits("C")
    lab.go_on("B")
    lab.do("B", unlock_page(pfn))
    lab.go_on("C")
    lab.close()


def test_unlocking_an_unlocked_page_is_told() -> None:
    lab = Lab("A")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", unlock_page(pfn))
    assert lab.rules("A") == ["page unlock without lock"]


def test_a_lock_may_be_released_by_another_task() -> None:
    lab = Lab("A", "B")
    pfn = lab.do("A", alloc_page(0))
    lab.do("A", lock_page(pfn))
    lab.do("B", unlock_page(pfn))  # as the disk does when it has read the page
    assert lab.rules("B") == []
    assert lab.do("A", trylock_page(pfn)) is True
