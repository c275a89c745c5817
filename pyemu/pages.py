"""Who uses a page frame, or a slot of the swap device: references, and the page-table entries that name it.

A reference belongs to somebody: to an entry, to the page cache, or to whoever took it. An entry takes over
the reference of whoever maps the page; a frame without a reference is free, and may be used again at once.

A slot of the swap device is used by the entries that name it, counted in the swap map, and by the page that
the swap cache holds for it.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.swapops import SWAP, is_swap_entry, pte_present, swp_offset
from pyemu.errors import HandlerError
from pyemu.flags import HPAGE_SHIFT, PAGE_SHIFT
from pyemu.hugepages import POOL, POOL_PFN, HugePool, head
from pyemu.hw import x86
from pyemu.state import FrameState, Location, State

SWAP_MAP: Location = ("swap_map",)


def frame_number(entry: int) -> int:
    """Give the frame number in an entry."""
    return (entry & x86.ADDRESS) >> PAGE_SHIFT


def named_frame(state: State, entry: int) -> int | None:
    """Give the frame that an entry names, if somebody has to count that: nobody counts the zero page."""
    pfn = frame_number(entry)
    return pfn if pte_present(entry) and state.data.get(("frame", pfn)) is not None else None


def leaf(state: State, mm: int, address: int) -> int:
    """Give the entry of an address without the watchers of the state being told: for footprints."""
    place = x86.leaf_address(state.ram, state.roots[mm], address)
    return x86.read_entry(state.ram, place) if place is not None else 0


def huge_leaf(state: State, mm: int, address: int) -> int:
    """Give the entry of a page directory that an address selects, without the watchers being told."""
    place = x86.leaf_address(state.ram, state.roots[mm], address, level=2)
    return x86.read_entry(state.ram, place) if place is not None else 0


def pmd(mm: int, address: int) -> Location:
    """Give the location of the entry of a huge page."""
    return ("pmd", mm, address >> HPAGE_SHIFT)


def covering(state: State, mm: int, address: int) -> tuple[list[Location], int]:
    """Give the entry that maps an address, 0 without one, and where it stands or would stand."""
    small: Location = ("pte", mm, address >> PAGE_SHIFT)
    directory = huge_leaf(state, mm, address)
    if directory & x86.PS:
        return [pmd(mm, address)], directory
    if directory:
        return [small], leaf(state, mm, address)
    return [small, pmd(mm, address)], 0


def get_frame(state: State, pfn: int) -> FrameState:
    """Give a frame that is in use.

    Raises
    ------
    HandlerError
        When no page uses it.
    """
    frame: FrameState | None = state.get(("frame", pfn))
    if frame is None:
        raise HandlerError(
            f"frame {pfn} holds no page: it is free, a page table or the zero page. Use what alloc_page or "
            "an entry gave, and only while you hold a reference to it."
        )
    return frame


def release_frame(state: State, pfn: int, *, unmap: bool = False) -> None:
    """Drop a reference, that of an entry if `unmap`; the last one frees the frame."""
    pfn = head(pfn)
    frame = get_frame(state, pfn)
    left = replace(frame, refcount=frame.refcount - 1, mapcount=frame.mapcount - unmap)
    if left.refcount:
        state.set(("frame", pfn), left)
        return
    state.set(("frame", pfn), None)
    if pfn >= POOL_PFN:
        pool: HugePool = state.get(POOL)
        state.set(POOL, replace(pool, free=(*pool.free, pfn)))
        state.set(("bytes", pfn), None)
        return
    freed = ("free_frames", state.arena)
    state.set(freed, (*state.get(freed), pfn))


def write_entry(state: State, mm: int, address: int, entry: int) -> None:
    """Write an entry, and count who is named by it: a new page's reference passes to the entry."""
    before = state.get_pte(mm, address)
    old, new = named_frame(state, before), named_frame(state, entry)
    state.set_pte(mm, address, entry)
    count_slots(state, before, entry)
    count_entry(state, before, old, new)


def write_huge_entry(state: State, mm: int, address: int, entry: int) -> None:
    """Write the entry of a huge page, and count as `write_entry` does."""
    before = state.get_huge_pte(mm, address)
    old, new = named_frame(state, before), named_frame(state, entry)
    state.set_huge_pte(mm, address, entry)
    count_entry(state, before, old, new)


def count_entry(state: State, before: int, old: int | None, new: int | None) -> None:
    """Count that an entry, which was `before`, names one frame now and no longer another one."""
    if old == new:
        return
    if new is not None:
        frame = get_frame(state, new)
        state.set(("frame", new), replace(frame, mapcount=frame.mapcount + 1))
    if old is not None:
        if before & x86.D:
            note_dirty(state, old)  # the only place where that write is known is about to go
        release_frame(state, old, unmap=True)


def count_slots(state: State, before: int, entry: int) -> None:
    """Count in the swap map that an entry has changed."""
    old = swp_offset(before) if is_swap_entry(before) else 0
    new = swp_offset(entry) if is_swap_entry(entry) else 0
    if old == new:
        return
    counts = list(state.get(SWAP_MAP))
    if old:
        counts[old] -= 1
    if new:
        counts[new] += 1
    state.set(SWAP_MAP, tuple(counts))


def free_swap_and_cache(state: State, slot: int) -> None:
    """Free the page that is cached for a slot which no entry names any more, if it can be done at once.

    References
    ----------
    Linux v5.7, mm/swapfile.c, free_swap_and_cache [fact:swap-slot-freed].
    """
    pfn: int | None = state.get(("cache", SWAP.id, slot))
    if pfn is None or state.get(SWAP_MAP)[slot]:
        return
    frame = get_frame(state, pfn)
    if frame.locked_by is None and not frame.writeback and not frame.mapcount:
        leave_swap_cache(state, pfn)


def leave_swap_cache(state: State, pfn: int) -> None:
    """Take a page out of the swap cache; it is dirty, for its slot may soon hold another."""
    frame = get_frame(state, pfn)
    state.set(("cache", SWAP.id, frame.index), None)
    state.set(("frame", pfn), replace(frame, mapping=None, index=0, dirty=True))
    release_frame(state, pfn)


def note_dirty(state: State, pfn: int) -> None:
    """Mark a file's page as changed."""
    frame = get_frame(state, pfn)
    if frame.mapping is not None and not frame.dirty:
        state.set(("frame", pfn), replace(frame, dirty=True))
