"""Page-table entries: compared and changed under the page-table lock, and counted.

Each change keeps the counts of the pages right: an entry that begins to name a page takes over the reference
of whoever mapped it, and an entry that stops drops it. The swap map counts the entries that name a slot.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import Mm
from pyemu.effects.swapops import SWAP, is_migration_entry, is_swap_entry, pte_present, swp_offset
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE, PAGE_SWP_WRITE
from pyemu.hw import x86
from pyemu.pages import (
    SWAP_MAP,
    covering,
    frame_number,
    free_swap_and_cache,
    get_frame,
    leaf,
    named_frame,
    write_entry,
)
from pyemu.sched.pages import Places, taken
from pyemu.sched.semantics import World, semantics
from pyemu.sched.spinlocks import is_free, table
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, FrameState, Location


def entry(world: World, task: Task, mm: Mm, address: int, *_: object) -> Places:
    """Footprint of reading an entry."""
    return [("pte", mm.id, address >> PAGE_SHIFT)], []


def named(world: World, entry: int) -> list[Location]:
    """Give where it is counted who uses what an entry names: its page, or its slot with the cached page."""
    if is_swap_entry(entry):
        return [SWAP_MAP, *cached_at(world, swp_offset(entry))]
    pfn = frame_number(entry)
    frame: FrameState | None = world.state.data.get(("frame", pfn))
    places: list[Location] = [("frame", pfn)]
    if pte_present(entry) and frame is not None and frame.mapping == SWAP.id:
        places += [SWAP_MAP, ("cache", SWAP.id, frame.index)]
    return places


def cached_at(world: World, slot: int) -> list[Location]:
    """Give the locations of a page that the swap cache may hold."""
    place: Location = ("cache", SWAP.id, slot)
    pfn = world.state.data.get(place)
    return [place] if pfn is None else [place, ("frame", pfn)]


def entry_written(world: World, task: Task, mm: Mm, address: int, *entries: int) -> Places:
    """Footprint of writing an entry: a table takes a frame, what it names is counted, a change flushes.

    `entries` are what it may become.
    """
    tlbs = [("tlb", cpu) for cpu in range(len(world.state.mmus))]
    frames = [place for one in (*entries, leaf(world.state, mm.id, address)) for place in named(world, one)]
    return [table(mm.id, address)], [("pte", mm.id, address >> PAGE_SHIFT), *taken(world), *frames, *tlbs]


@semantics(entry)
def get_pte(world: World, task: Task, mm: Mm, address: int) -> int:
    """Read an entry."""
    return world.state.get_pte(mm.id, address)


def put_entry(world: World, task: Task, mm: Mm, address: int, value: int) -> None:
    """Write an entry and record it."""
    write_entry(world.state, mm.id, address, value)
    world.event(task, "pte", address & ~(PAGE_SIZE - 1), value)


def flush(world: World, task: Task, address: int) -> None:
    """Drop what every CPU has cached of an address, and record it."""
    world.event(task, "flush", address, world.state.flush(address))


@semantics(
    lambda world, task, mm, address, pfn, *_: entry_written(world, task, mm, address, pfn << PAGE_SHIFT),
    enabled=is_free,
)
def set_pte_if_none(world: World, task: Task, mm: Mm, address: int, pfn: int, writable: bool) -> bool:
    """Map a page if the entry is empty."""
    if world.state.get_pte(mm.id, address):
        return False
    rights = x86.RW | x86.D if writable else 0
    put_entry(world, task, mm, address, pfn << PAGE_SHIFT | x86.P | x86.US | rights)
    return True


@semantics(
    lambda world, task, mm, address, old, new: entry_written(world, task, mm, address, new),
    enabled=is_free,
)
def set_pte_if_same(world: World, task: Task, mm: Mm, address: int, old: int, new: int) -> bool:
    """Replace an entry if nobody changed it meanwhile."""
    if world.state.get_pte(mm.id, address) != old:
        return False
    put_entry(world, task, mm, address, new)
    # A right that is added needs no flush: a cached entry that forbids an access sends the CPU to the tables.
    if old & x86.P and (frame_number(old) != frame_number(new) or old & ~new):
        flush(world, task, address)
    return True


def clear_entry(world: World, task: Task, mm: Mm, address: int, old: int) -> None:
    """Empty an entry; if it was the last user of a slot, the page that is cached for that goes as well."""
    slot = swp_offset(old) if is_swap_entry(old) else 0
    pfn = named_frame(world.state, old)
    if pfn is not None and get_frame(world.state, pfn).mapping == SWAP.id:
        slot = get_frame(world.state, pfn).index
    put_entry(world, task, mm, address, 0)
    if slot:
        free_swap_and_cache(world.state, slot)


@semantics(entry_written, enabled=is_free)
def zap_pte(world: World, task: Task, mm: Mm, address: int) -> bool:
    """Empty an entry and flush it."""
    old = world.state.get_pte(mm.id, address)
    if not old:
        return False
    clear_entry(world, task, mm, address, old)
    if old & x86.P:
        flush(world, task, address)
    return pte_present(old)


@semantics(lambda world, task: ([], []))
def my_zero_pfn(world: World, task: Task) -> int:
    """Give the zero page's frame."""
    return ZERO_PFN


@semantics(lambda world, task, pte: ([], []))
def pte_pfn(world: World, task: Task, pte: int) -> int:
    """Give the frame number in an entry."""
    return frame_number(pte)


@semantics(lambda world, task, pfn, flags: ([], []))
def mk_pte(world: World, task: Task, pfn: int, flags: int) -> int:
    """Make an entry."""
    return pfn << PAGE_SHIFT | flags


def looked_up(world: World, task: Task, address: int) -> Places:
    """Footprint of a look into /proc: the entry and the page that it names."""
    places, pte = covering(world.state, task.mm, address)
    return [*places, ("frame", frame_number(pte))], []


@semantics(looked_up)
def pagemap(world: World, task: Task, address: int) -> str:
    """Read /proc/self/pagemap and /proc/kpageflags: bits of the entry, and what kind of page it names."""
    _, pte = covering(world.state, task.mm, address)
    if is_swap_entry(pte) or is_migration_entry(pte):
        return "swap"
    if not pte_present(pte):
        return ""
    if frame_number(pte) == ZERO_PFN:
        return "present zeropage"
    frame: FrameState = world.state.get(("frame", frame_number(pte)))
    words = ["present"]
    if not frame.anonymous:
        words.append("file/shared")
    if frame.mapcount == 1:
        words.append("excl")
    if frame.anonymous:
        words.append("anon")
    if pte & x86.PS:
        words.append("huge")
    return " ".join(words)


@semantics(lambda world, task, mm, address, pte: entry_written(world, task, mm, address), enabled=is_free)
def get_mapped_page(world: World, task: Task, mm: Mm, address: int, pte: int) -> bool:
    """Take a reference to an entry's page, if the entry still names it."""
    if world.state.get_pte(mm.id, address) != pte:
        return False
    pfn = frame_number(pte)
    frame = get_frame(world.state, pfn)
    world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + 1))
    return True


@semantics(lambda world, task, mm, address, *_: entry_written(world, task, mm, address), enabled=is_free)
def modify_pte(world: World, task: Task, mm: Mm, address: int, clear: int, add: int) -> int:
    """Change bits of an entry that names a page."""
    old = world.state.get_pte(mm.id, address)
    new = old & ~clear | add
    if pte_present(old) and new != old:
        put_entry(world, task, mm, address, new)
        if old & x86.P and old & ~new:
            flush(world, task, address)
    return old


def copied(world: World, task: Task, mm: Mm, address: int, child: Mm, *_: int) -> Places:
    """Footprint of copying an entry: the parent's, the child's, the page."""
    reads, parents = entry_written(world, task, mm, address)
    return [*reads, table(child.id, address)], [*parents, ("pte", child.id, address >> PAGE_SHIFT)]


def both_free(world: World, task: Task, mm: Mm, address: int, child: Mm, *_: int) -> bool:
    """Say whether nobody else has the lock of the parent's table or of the child's."""
    return is_free(world, task, mm, address) and is_free(world, task, child, address)


@semantics(copied, enabled=both_free)
def copy_pte(
    world: World, task: Task, mm: Mm, address: int, child: Mm, clear: int, not_for_child: int
) -> bool:
    """Copy an entry to a child."""
    old = world.state.get_pte(mm.id, address)
    if not old:
        return False
    if not pte_present(old):
        # A page that is moved is no longer writable for either: the child could not see the other's writes.
        put_entry(world, task, mm, address, old & ~PAGE_SWP_WRITE)
        put_entry(world, task, child, address, old & ~(PAGE_SWP_WRITE | not_for_child))
        return True
    if named_frame(world.state, old) is not None:
        frame = get_frame(world.state, frame_number(old))
        world.state.set(("frame", frame_number(old)), replace(frame, refcount=frame.refcount + 1))
    if old & clear:
        put_entry(world, task, mm, address, old & ~clear)
        if old & x86.P:
            flush(world, task, address)
    put_entry(world, task, child, address, old & ~(clear | not_for_child))
    return True
