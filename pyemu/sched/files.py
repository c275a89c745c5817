"""The page cache: which pages of a file are in memory, who maps them, and what is read ahead.

``("cache", file, page)`` holds the frame of a cached page; the cache owns a reference to it. Which entries
show a page is found by looking through the areas that show the file, as the kernel does with its interval
tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyemu.effects.handles import File, Mm
from pyemu.effects.records import Window
from pyemu.effects.swapops import pte_present
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE, VmFlag
from pyemu.hw import x86
from pyemu.pages import frame_number, get_frame, leaf, note_dirty, release_frame
from pyemu.sched import lockdep
from pyemu.sched.entries import clear_entry, flush, named, put_entry
from pyemu.sched.pages import Places, freed, taken
from pyemu.sched.semantics import World, semantics
from pyemu.sched.spinlocks import is_free, table
from pyemu.sched.tasks import Task
from pyemu.state import FileState, FrameState, Location, VmaState


def file_state(world: World, file: int) -> FileState:
    """Give the state of a file."""
    found: FileState = world.state.get(("file", file))
    return found


def note(world: World, task: Task, pfn: int, file: int, index: int, what: str) -> None:
    """Record what became of a page of a file."""
    name = world.state.data["file", file].name
    world.event(task, "cache", pfn, f"page {index} of {name} {what}")


@semantics(lambda world, task, file, field: ([("file", file.id)], []))
def read_file(world: World, task: Task, file: File, field: str) -> int:
    """Read a field; ``size`` is the length in pages."""
    state = file_state(world, file.id)
    match field:
        case "size":
            return state.pages
        case "read_ahead":
            return state.read_ahead
        case _:
            return state.throttle


@semantics(lambda world, task: ([], [("file", task.id * 1_000_000 + task.next_id + 1)]))
def memfd_create(world: World, task: Task) -> File:
    """Make a file."""
    file = File(task.new_id())
    world.state.set(("file", file.id), FileState("memfd", "shmem", 0))
    return file


def beyond(world: World, file: int, pages: int) -> list[Location]:
    """Give the places of what the disk holds of a file behind a page."""
    return [place for place in world.state.data if place[:2] == ("stored", file) and place[2] >= pages]


@semantics(lambda world, task, file, pages: ([], [("file", file.id), *beyond(world, file.id, pages)]))
def set_file_size(world: World, task: Task, file: File, pages: int) -> None:
    """Set the length; the disk forgets what lies behind it."""
    old = file_state(world, file.id)
    world.state.set(("file", file.id), replace(old, pages=pages, filled=min(old.filled, pages)))
    for place in beyond(world, file.id, pages):
        world.state.set(place, None)


# ------------------------------------------------------------------------------------ the cache


def cached(world: World, file: int, index: int) -> list[Location]:
    """Give the locations of a page that may be cached."""
    place: Location = ("cache", file, index)
    pfn = world.state.data.get(place)
    return [place] if pfn is None else [place, ("frame", pfn)]


@semantics(lambda world, task, file, index: ([], cached(world, file.id, index)))
def find_get_page(world: World, task: Task, file: File, index: int) -> int | None:
    """Look a page up and take a reference."""
    pfn: int | None = world.state.get(("cache", file.id, index))
    if pfn is not None:
        frame = get_frame(world.state, pfn)
        world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + 1))
    return pfn


@semantics(lambda world, task, file, index, pfn: ([], [("cache", file.id, index), ("frame", pfn)]))
def add_to_page_cache(world: World, task: Task, file: File, index: int, pfn: int) -> bool:
    """Add a page, locked."""
    place = ("cache", file.id, index)
    if world.state.get(place) is not None:
        return False
    frame = get_frame(world.state, pfn)
    world.state.set(place, pfn)
    world.state.set(
        ("frame", pfn),
        replace(frame, mapping=file.id, index=index, refcount=frame.refcount + 1, locked_by=task.id),
    )
    lockdep.took(task, lockdep.LockClass.PAGE, pfn)
    note(world, task, pfn, file.id, index, "goes into the cache")
    return True


def in_cache(world: World, task: Task, pfn: int) -> Places:
    """Footprint of a page's place in the cache."""
    frame: FrameState | None = world.state.data.get(("frame", pfn))
    place: list[Location] = []
    if frame is not None and frame.mapping is not None:
        place = [("cache", frame.mapping, frame.index)]
    return [], [("frame", pfn), freed(world), *place]


@semantics(in_cache)
def delete_from_page_cache(world: World, task: Task, pfn: int) -> bool:
    """Remove a page."""
    frame = get_frame(world.state, pfn)
    if frame.mapping is None:
        return False
    world.state.set(("cache", frame.mapping, frame.index), None)
    note(world, task, pfn, frame.mapping, frame.index, "leaves the cache")
    world.state.set(("frame", pfn), replace(frame, mapping=None, dirty=False, ahead=False))
    release_frame(world.state, pfn)
    return True


def every_page(world: World, task: Task, file: File, *_: object) -> Places:
    """Footprint of looking through a file's cache."""
    known = [place for place in world.state.data if place[0] == "cache" and place[1] == file.id]
    return known, []


@semantics(every_page)
def cached_pages(world: World, task: Task, file: File, first: int) -> tuple[int, ...]:
    """List the cached pages."""
    known = every_page(world, task, file)[0]
    return tuple(
        sorted(place[2] for place in known if place[2] >= first and world.state.get(place) is not None)
    )


# ------------------------------------------------------------------------------------ state of a page


@semantics(lambda world, task, pfn: ([], [("frame", pfn)]))
def set_page_uptodate(world: World, task: Task, pfn: int) -> None:
    """Mark a page as read."""
    world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), uptodate=True))


@semantics(lambda world, task, pfn: ([], [("frame", pfn)]))
def set_page_dirty(world: World, task: Task, pfn: int) -> bool:
    """Mark a page as changed."""
    was_clean = not get_frame(world.state, pfn).dirty
    note_dirty(world.state, pfn)
    return was_clean


@semantics(lambda world, task, pfn: ([], [("frame", pfn)]))
def set_page_readahead(world: World, task: Task, pfn: int) -> None:
    """Mark a page."""
    world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), ahead=True))


@semantics(lambda world, task, pfn: ([], [("frame", pfn)]))
def test_clear_page_readahead(world: World, task: Task, pfn: int) -> bool:
    """Ask for the mark, once."""
    frame = get_frame(world.state, pfn)
    if frame.ahead:
        world.state.set(("frame", pfn), replace(frame, ahead=False))
    return frame.ahead


@semantics(lambda world, task, file, index, met: ([("file", file.id)], [("ra", file.id)]))
def next_window(world: World, task: Task, file: File, index: int, met: bool) -> Window:
    """Choose a window and remember it."""
    size = file_state(world, file.id).read_ahead
    if met:
        last: Window = world.state.get(("ra", file.id), Window())
        window = Window(last.start + last.size, size, size)
    else:
        window = Window(max(0, index - size // 2), size, size // 4)
    world.state.set(("ra", file.id), window)
    return window


# ------------------------------------------------------------------------------------ who maps a page


def areas_of_file(world: World, file: int) -> list[Location]:
    """Give the locations that tell which areas show a file."""
    places: list[Location] = []
    for mm in world.state.roots:
        places += [("vmas", mm), *(("vma", one) for one in world.state.data["vmas", mm])]
    return places


def shown_at(world: World, file: int, index: int) -> Iterator[tuple[int, int, VmaState]]:
    """Give where a page of a file is shown: address space, address, area."""
    for mm in world.state.roots:
        for number in world.state.get(("vmas", mm)):
            area: VmaState = world.state.get(("vma", number))
            address = area.start + (index - area.pgoff) * PAGE_SIZE
            if area.file == file and area.start <= address < area.end:
                yield mm, address, area


def entries_of(world: World, file: int, index: int) -> Places:
    """Footprint of changing every entry that shows a page, and its frame."""
    writes: list[Location] = [("tlb", cpu) for cpu in range(len(world.state.mmus))]
    writes += [*taken(world), *cached(world, file, index)]
    for mm, address, _ in shown_at(world, file, index):
        writes.append(("pte", mm, address >> PAGE_SHIFT))
        writes += named(world, leaf(world.state, mm, address))
    tables = [table(mm, address) for mm, address, _ in shown_at(world, file, index)]
    return [*areas_of_file(world, file), *tables], writes


def tables_free(world: World, task: Task, file: int, index: int) -> bool:
    """Say whether nobody else has the lock of a page table that shows a page of a file."""
    return all(is_free(world, task, Mm(mm), address) for mm, address, _ in shown_at(world, file, index))


@semantics(
    lambda world, task, file, index, even_cows: entries_of(world, file.id, index),
    enabled=lambda world, task, file, index, even_cows: tables_free(world, task, file.id, index),
)
def unmap_file_page(world: World, task: Task, file: File, index: int, even_cows: bool) -> int:
    """Empty the entries of a page, or of its place in the file."""
    cached_page, n_entries = world.state.get(("cache", file.id, index)), 0
    for mm, address, _ in shown_at(world, file.id, index):
        old = world.state.get_pte(mm, address)
        shows_it = pte_present(old) and frame_number(old) == cached_page
        if old and (even_cows or shows_it):
            clear_entry(world, task, Mm(mm), address, old)
            flush(world, task, address)
            n_entries += 1
    return n_entries


def entries_of_frame(world: World, task: Task, pfn: int) -> Places:
    """Footprint of cleaning a page: every entry that shows it."""
    frame: FrameState | None = world.state.data.get(("frame", pfn))
    if frame is None or frame.mapping is None:
        return [], [("frame", pfn)]
    reads, writes = entries_of(world, frame.mapping, frame.index)
    return reads, [*writes, ("frame", pfn)]


def its_tables_free(world: World, task: Task, pfn: int) -> bool:
    """Say whether nobody else has the lock of a page table that shows a page."""
    frame: FrameState | None = world.state.get(("frame", pfn))
    return frame is None or frame.mapping is None or tables_free(world, task, frame.mapping, frame.index)


@semantics(entries_of_frame, enabled=its_tables_free)
def clear_page_dirty_for_io(world: World, task: Task, pfn: int) -> bool:
    """Clean a page and its shared entries, which become read-only: the next write faults."""
    frame = get_frame(world.state, pfn)
    dirty = frame.dirty
    if frame.mapping is not None:
        for mm, address, area in shown_at(world, frame.mapping, frame.index):
            old = world.state.get_pte(mm, address)
            if area.flags & VmFlag.SHARED and frame_number(old) == pfn and old & (x86.D | x86.RW):
                dirty = dirty or bool(old & x86.D)
                world.state.set_pte(mm, address, old & ~(x86.D | x86.RW))
                world.event(task, "pte", address, old & ~(x86.D | x86.RW))
                flush(world, task, address)
    world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), dirty=False))
    return dirty


def window_of(
    world: World, task: Task, mm: Mm, address: int, file: File, index: int, pages: int, flags: int
) -> Places:
    """Footprint of mapping a range: its entries, its part of the cache, the pages there."""
    writes = taken(world)
    for number in range(pages):
        writes.append(("pte", mm.id, (address >> PAGE_SHIFT) + number))
        writes += cached(world, file.id, index + number)
    return [("file", file.id), table(mm.id, address)], writes


@semantics(window_of, enabled=is_free)
def map_cached_pages(
    world: World, task: Task, mm: Mm, address: int, file: File, index: int, pages: int, flags: int
) -> int:
    """Map what is cached and ready."""
    size, n_mapped = file_state(world, file.id).pages, 0
    for number in range(min(pages, size - index)):
        place = address + number * PAGE_SIZE
        pfn = world.state.get(("cache", file.id, index + number))
        if pfn is None or world.state.get_pte(mm.id, place):
            continue
        frame = get_frame(world.state, pfn)
        if frame.locked_by is not None or not frame.uptodate or frame.ahead:
            continue
        world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + 1))
        put_entry(world, task, mm, place, pfn << PAGE_SHIFT | flags)
        n_mapped += 1
    return n_mapped


@semantics(lambda world, task, target, source: ([("bytes", source)], [("bytes", target)]))
def copy_page(world: World, task: Task, target: int, source: int) -> None:
    """Copy a frame's bytes."""
    world.state.store(target << PAGE_SHIFT, world.state.load(source << PAGE_SHIFT, PAGE_SIZE))


@semantics(lambda world, task, file: ([], [("faulty", file.id)]))
def count_faulty_call(world: World, task: Task, file: File) -> int:
    """Count."""
    n_calls: int = world.state.get(("faulty", file.id), 0) + 1
    world.state.set(("faulty", file.id), n_calls)
    return n_calls
