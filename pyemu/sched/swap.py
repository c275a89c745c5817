"""The swap device and its cache, and pages that leave their frame: for the device, or for another frame.

``("cache", 0, slot)`` holds the frame of a page in the swap cache; the cache owns a reference to it. The swap
map (``("swap_map",)``) counts for each slot the entries that name it; a slot is free when there is none and
nothing is cached. Who maps a page of private memory is found by its address, which is the same in each
process that shares it: nothing is ever moved to another. Linux looks through the areas of an anon_vma.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyemu.effects.handles import Mm
from pyemu.effects.swapops import (
    FIRST_SLOT,
    SWAP,
    is_migration_entry,
    make_migration_entry,
    make_swap_entry,
    pte_present,
    swp_offset,
)
from pyemu.flags import (
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_SWP_WRITE,
    PAGE_UFFD_WP,
    PAGE_USER,
    VmFlag,
)
from pyemu.pages import SWAP_MAP, frame_number, get_frame, leave_swap_cache
from pyemu.sched import lockdep
from pyemu.sched.areas import areas_of
from pyemu.sched.entries import flush, put_entry
from pyemu.sched.files import note
from pyemu.sched.pages import Places, freed, take, taken
from pyemu.sched.semantics import Again, World, only_wait, semantics
from pyemu.sched.spinlocks import is_free, table
from pyemu.sched.tasks import Task
from pyemu.state import FrameState, Location, VmaState

ACCESS = VmFlag.READ | VmFlag.WRITE | VmFlag.EXEC


# ------------------------------------------------------------------------------------ slots and the cache


@semantics(lambda world, task, slot: ([SWAP_MAP], []))
def swap_count(world: World, task: Task, slot: int) -> int:
    """Read the swap map."""
    count: int = world.state.get(SWAP_MAP)[slot]
    return count


def any_slot(world: World, task: Task, pfn: int) -> Places:
    """Footprint of taking a free slot: the whole swap map, and what is cached."""
    slots = range(FIRST_SLOT, len(world.state.data[SWAP_MAP]))
    return [SWAP_MAP], [("frame", pfn), *(("cache", SWAP.id, slot) for slot in slots)]


def go_in(world: World, task: Task, pfn: int, slot: int, frame: FrameState) -> None:
    """Put a page into the swap cache."""
    world.state.set(("cache", SWAP.id, slot), pfn)
    held = replace(frame, mapping=SWAP.id, index=slot, refcount=frame.refcount + 1)
    world.state.set(("frame", pfn), held)
    note(world, task, pfn, SWAP.id, slot, "goes into the cache")


@semantics(any_slot)
def add_to_swap(world: World, task: Task, pfn: int) -> bool:
    """Take the first free slot for a page."""
    for slot, count in enumerate(world.state.get(SWAP_MAP)):
        if slot >= FIRST_SLOT and not count and world.state.get(("cache", SWAP.id, slot)) is None:
            go_in(world, task, pfn, slot, replace(get_frame(world.state, pfn), dirty=True, uptodate=True))
            return True
    return False


@semantics(lambda world, task, slot, pfn: ([SWAP_MAP], [("cache", SWAP.id, slot), ("frame", pfn)]))
def add_to_swap_cache(world: World, task: Task, slot: int, pfn: int) -> bool:
    """Add a page that is to be read, locked."""
    if not world.state.get(SWAP_MAP)[slot] or world.state.get(("cache", SWAP.id, slot)) is not None:
        return False
    go_in(world, task, pfn, slot, replace(get_frame(world.state, pfn), locked_by=task.id))
    lockdep.took(task, lockdep.LockClass.PAGE, pfn)
    return True


def in_swap_cache(world: World, task: Task, pfn: int) -> Places:
    """Footprint of a page that leaves the swap cache."""
    frame: FrameState | None = world.state.data.get(("frame", pfn))
    index = frame.index if frame is not None else 0
    return [], [("frame", pfn), freed(world), ("cache", SWAP.id, index)]


@semantics(in_swap_cache)
def delete_from_swap_cache(world: World, task: Task, pfn: int) -> None:
    """Remove a page."""
    note(world, task, pfn, SWAP.id, get_frame(world.state, pfn).index, "leaves the cache")
    leave_swap_cache(world.state, pfn)


@semantics(in_swap_cache)
def remove_mapping(world: World, task: Task, pfn: int) -> bool:
    """Remove a page that is clean and that nobody else uses: the cache and the caller hold it."""
    frame = get_frame(world.state, pfn)
    if frame.mapping != SWAP.id or frame.dirty or frame.refcount != 2:
        return False
    delete_from_swap_cache(world, task, pfn)
    return True


# ------------------------------------------------------------------------------------ entries of a page


def everywhere(world: World, task: Task, pfn: int, address: int, *_: object) -> Places:
    """Footprint of changing every entry of a page: in each address space, the area and the entry."""
    reads: list[Location] = []
    writes: list[Location] = [("tlb", cpu) for cpu in range(len(world.state.mmus))]
    for mm in world.state.roots:
        reads += [*areas_of(world, mm), table(mm, address)]
        writes.append(("pte", mm, address >> PAGE_SHIFT))
    return reads, [*writes, *taken(world), ("frame", pfn), SWAP_MAP]


def tables_are_free(world: World, task: Task, pfn: int, address: int, *_: object) -> bool:
    """Say whether nobody else has the lock of a page table in which a page may have an entry."""
    return all(is_free(world, task, Mm(mm), address) for mm in world.state.roots)


def entries_at(world: World, address: int) -> Iterator[tuple[Mm, VmaState, int]]:
    """Give each entry of an address that is not empty: address space, area, entry."""
    for mm in world.state.roots:
        number = world.state.find_vma(mm, address)
        area: VmaState | None = world.state.get(("vma", number)) if number is not None else None
        entry = world.state.get_pte(mm, address)
        if entry and area is not None and area.start <= address:
            yield Mm(mm), area, entry


@semantics(everywhere, enabled=tables_are_free)
def try_to_unmap(world: World, task: Task, pfn: int, address: int) -> None:
    """Let the entries of a page name its slot."""
    slot = get_frame(world.state, pfn).index
    for mm, area, entry in entries_at(world, address):
        if pte_present(entry) and frame_number(entry) == pfn and not area.flags & VmFlag.LOCKED:
            put_entry(world, task, mm, address, make_swap_entry(slot, entry))
            flush(world, task, address)


@semantics(everywhere, enabled=tables_are_free)
def try_to_migrate(world: World, task: Task, pfn: int, address: int) -> None:
    """Let the entries of a page say that it is on its way."""
    for mm, _, entry in entries_at(world, address):
        if pte_present(entry) and frame_number(entry) == pfn:
            put_entry(world, task, mm, address, make_migration_entry(pfn, entry))
            flush(world, task, address)


@semantics(
    lambda world, task, old, new, address: everywhere(world, task, new, address),
    enabled=lambda world, task, old, new, address: tables_are_free(world, task, new, address),
)
def remove_migration_ptes(world: World, task: Task, old: int, new: int, address: int) -> None:
    """Let the entries name the page again, each with a reference of its own."""
    for mm, area, entry in entries_at(world, address):
        if not is_migration_entry(entry) or swp_offset(entry) != old:
            continue
        frame = get_frame(world.state, new)
        world.state.set(("frame", new), replace(frame, refcount=frame.refcount + 1))
        rights = PAGE_PRESENT | PAGE_USER if area.flags & ACCESS else PAGE_PROTNONE | PAGE_USER
        if entry & PAGE_SWP_WRITE and area.flags & VmFlag.WRITE:
            rights |= PAGE_RW
        if entry & PAGE_UFFD_WP:
            rights = rights & ~PAGE_RW | PAGE_UFFD_WP
        put_entry(world, task, mm, address, new << PAGE_SHIFT | rights)


def awaited(world: World, task: Task, mm: Mm, address: int, pte: int) -> Places:
    """Footprint of waiting for a page that is moved: its entry, its queue, one's own state."""
    place: Location = ("pte", mm.id, address >> PAGE_SHIFT)
    return [place, table(mm.id, address)], [("frame", swp_offset(pte)), ("state", task.id)]


@semantics(awaited, enabled=lambda world, task, mm, address, pte: is_free(world, task, mm, address))
def migration_entry_wait(world: World, task: Task, mm: Mm, address: int, pte: int) -> Again | None:
    """Wait for the unlock of the page, without a reference: one more would keep it from being moved."""
    if world.state.get_pte(mm.id, address) != pte:
        return None
    return only_wait(take(world, task, swp_offset(pte), exclusive=False, killable=False))
