"""Huge pages: the pool, what of it is reserved, and the entries that name them.

A mapping reserves its huge pages when it is made: ``("reserve", file, page)`` holds for whom, 0 for everybody
who maps the file shared, the address space for a private mapping. The reservation is used up by the first
huge page that is taken for that place. A child of fork shares the mapping and not the reservations
[fact:hugetlb-reserve].
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import File, Mm, Vma
from pyemu.errors import ScenarioError
from pyemu.flags import (
    FOLL_GET,
    FOLL_TOUCH,
    FOLL_WRITE,
    HPAGE_MASK,
    HPAGE_SHIFT,
    HPAGE_SIZE,
    PAGE_SHIFT,
    VmFlag,
)
from pyemu.hugepages import FRAMES, POOL, HugePool
from pyemu.hw import x86
from pyemu.pages import (
    frame_number,
    get_frame,
    huge_leaf,
    named_frame,
    note_dirty,
    pmd,
    release_frame,
    write_huge_entry,
)
from pyemu.sched.areas import areas_of, check_use
from pyemu.sched.entries import flush
from pyemu.sched.pages import Places, taken
from pyemu.sched.semantics import World, semantics
from pyemu.sched.spinlocks import is_free, table
from pyemu.sched.tasks import Task
from pyemu.state import FileState, Location, VmaState

SHARED = 0  # for whom a page of a shared mapping is reserved: for everybody
NOBODY = -1  # has reservations in a child of fork


def index_of(area: VmaState, address: int) -> int:
    """Give the huge page of the file that an address shows."""
    return ((address - area.start) >> HPAGE_SHIFT) + area.pgoff // FRAMES


# ------------------------------------------------------------------------------------ the pool


def next_huge_page(world: World) -> list[Location]:
    """Give the places of the huge page that would be taken next."""
    pool: HugePool | None = world.state.data.get(POOL)
    return [("frame", pool.free[-1]), ("bytes", pool.free[-1])] if pool is not None and pool.free else []


def dequeued(world: World, task: Task, vma: Vma, index: int, *_: object) -> Places:
    """Footprint of taking: the pool, the reservation, the huge page."""
    file = world.state.data["vma", vma.id].file
    return [("vma", vma.id)], [POOL, ("reserve", file, index), *next_huge_page(world)]


@semantics(dequeued)
def dequeue_huge_page(world: World, task: Task, vma: Vma, index: int, avoid_reserve: bool, byte: int) -> int:
    """Take a huge page, a reserved one if it may be."""
    area = check_use(world, task, vma)
    place: Location = ("reserve", area.file, index)
    reserved = not avoid_reserve and world.state.get(place) == owner_of(area)
    pool: HugePool = world.state.get(POOL)
    if not reserved and pool.available <= 0:
        if avoid_reserve:
            raise ScenarioError(
                f"{task.name} copies huge page {index} of a private mapping of its own, and no page "
                f"is left in "
                "the pool: Linux would take the page away from the child, which this model doesn't. Give the "
                f"machine more: [machine] huge_pages = {len(pool.free) + 1} or higher."
            )
        return 0
    if reserved:
        world.state.set(place, None)
    pfn = world.state.alloc_huge_page(byte & 0xFF, int(reserved))
    world.event(task, "huge_page", pfn, "taken, reserved" if reserved else "taken")
    return pfn


def owner_of(area: VmaState) -> int:
    """Give for whom the pages of an area are reserved."""
    return SHARED if area.flags & VmFlag.SHARED else area.mm if area.reserves else NOBODY


def forget_reserve(world: World, file: int, index: int, owner: int) -> None:
    """Take a promise back, if it was made to this owner and not kept yet."""
    if world.state.get(("reserve", file, index)) == owner:
        pool: HugePool = world.state.get(POOL)
        world.state.set(("reserve", file, index), None)
        world.state.set(POOL, replace(pool, reserved=pool.reserved - 1))


def closed(world: World, task: Task, vma: Vma) -> Places:
    """Footprint of closing a mapping: what was reserved for it."""
    area: VmaState = world.state.data["vma", vma.id]
    return [("vma", vma.id)], [POOL, *(("reserve", area.file, index) for index in indices(area))]


def indices(area: VmaState) -> range:
    """Give the huge pages of the file that an area shows."""
    return range(index_of(area, area.start), index_of(area, area.end))


@semantics(closed)
def hugetlb_vm_op_close(world: World, task: Task, vma: Vma) -> None:
    """Give back what a private mapping didn't use; what a shared one reserved belongs to the file."""
    area = check_use(world, task, vma)
    if area.file is not None and owner_of(area) != SHARED:
        for index in indices(area):
            forget_reserve(world, area.file, index, owner_of(area))


def let_go(world: World, task: Task, file: File) -> Places:
    """Footprint of letting a file go: all that it has, and who maps it."""
    data = world.state.data
    mine = [place for place in data if place[:2] == ("cache", file.id) or place[:2] == ("reserve", file.id)]
    frames = [data[place] for place in mine if place[0] == "cache" and data[place] is not None]
    pages = [(kind, pfn) for pfn in frames for kind in ("frame", "bytes")]
    areas = [place for mm in world.state.roots for place in areas_of(world, mm)]
    return areas, [("file", file.id), POOL, *mine, *pages]


@semantics(let_go)
def iput(world: World, task: Task, file: File) -> None:
    """Free a file that has no name when nothing maps it."""
    state: FileState = world.state.get(("file", file.id))
    mapped = any(
        world.state.get(("vma", vma)).file == file.id
        for mm in world.state.roots
        for vma in world.state.get(("vmas", mm))
    )
    if state.named or mapped or not state.alive:
        return
    for place in let_go(world, task, file)[1]:
        if place[0] == "cache" and world.state.get(place) is not None:
            pfn = world.state.get(place)
            world.state.set(place, None)
            world.state.set(("frame", pfn), replace(get_frame(world.state, pfn), mapping=None))
            release_frame(world.state, pfn)
        elif place[0] == "reserve":
            forget_reserve(world, file.id, place[2], SHARED)
    world.state.set(("file", file.id), replace(state, alive=False))
    world.event(task, "file_freed", state.name)


@semantics(lambda world, task, target, source: ([("bytes", source)], [("bytes", target)]))
def copy_huge_page(world: World, task: Task, target: int, source: int) -> None:
    """Copy what a huge page holds."""
    world.state.set(("bytes", target), world.state.get(("bytes", source)))


# ------------------------------------------------------------------------------------ entries


def entry(world: World, task: Task, mm: Mm, address: int, *_: object) -> Places:
    """Footprint of reading an entry."""
    return [pmd(mm.id, address)], []


def entry_written(world: World, task: Task, mm: Mm, address: int, *pages: int) -> Places:
    """Footprint of writing an entry: tables take frames, pages are counted, a change flushes."""
    old = frame_number(huge_leaf(world.state, mm.id, address))
    frames: list[Location] = [("frame", pfn) for pfn in (old, *pages)]
    freed: list[Location] = [POOL, ("bytes", old)]
    tlbs = [("tlb", cpu) for cpu in range(len(world.state.mmus))]
    return [table(mm.id, address)], [pmd(mm.id, address), *taken(world), *frames, *freed, *tlbs]


@semantics(entry)
def get_huge_pte(world: World, task: Task, mm: Mm, address: int) -> int:
    """Read an entry."""
    return world.state.get_huge_pte(mm.id, address)


def put_entry(world: World, task: Task, mm: Mm, address: int, value: int) -> None:
    """Write an entry and record it."""
    write_huge_entry(world.state, mm.id, address, value)
    world.event(task, "pte", address & HPAGE_MASK, value)


@semantics(
    lambda world, task, mm, address, old, new: entry_written(world, task, mm, address, frame_number(new)),
    enabled=is_free,
)
def set_huge_pte_if_same(world: World, task: Task, mm: Mm, address: int, old: int, new: int) -> bool:
    """Replace an entry if nobody changed it meanwhile."""
    if world.state.get_huge_pte(mm.id, address) != old:
        return False
    put_entry(world, task, mm, address, new)
    if old & x86.P and (frame_number(old) != frame_number(new) or old & ~new):
        flush(world, task, address)
    return True


@semantics(entry_written, enabled=is_free)
def zap_huge_pte(world: World, task: Task, mm: Mm, address: int) -> bool:
    """Empty an entry and flush it."""
    if not world.state.get_huge_pte(mm.id, address):
        return False
    put_entry(world, task, mm, address, 0)
    flush(world, task, address)
    return True


@semantics(lambda world, task, mm, address, *_: entry_written(world, task, mm, address), enabled=is_free)
def modify_huge_pte(world: World, task: Task, mm: Mm, address: int, clear: int, add: int) -> int:
    """Change bits of an entry that names a page."""
    old = world.state.get_huge_pte(mm.id, address)
    new = old & ~clear | add
    if old and new != old:
        put_entry(world, task, mm, address, new)
        if old & x86.P and old & ~new:
            flush(world, task, address)
    return old


def copied(world: World, task: Task, mm: Mm, address: int, child: Mm, *_: int) -> Places:
    """Footprint of copying an entry: the parent's, the child's, the page."""
    reads, parents = entry_written(world, task, mm, address)
    return [*reads, table(child.id, address)], [*parents, pmd(child.id, address)]


@semantics(
    copied,
    enabled=lambda world, task, mm, address, child, clear: (
        is_free(world, task, mm, address) and is_free(world, task, child, address)
    ),
)
def copy_huge_pte(world: World, task: Task, mm: Mm, address: int, child: Mm, clear: int) -> bool:
    """Copy an entry to a child."""
    old = world.state.get_huge_pte(mm.id, address)
    pfn = named_frame(world.state, old)
    if pfn is None:
        return False
    frame = get_frame(world.state, pfn)
    world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + 1))
    if old & clear:
        put_entry(world, task, mm, address, old & ~clear)
        flush(world, task, address)
    put_entry(world, task, child, address, old & ~clear)
    return True


def followed(world: World, task: Task, mm: Mm, address: int, *_: object) -> Places:
    """Footprint of following an entry: it is read, and its page gets references."""
    return [pmd(mm.id, address)], [("frame", frame_number(huge_leaf(world.state, mm.id, address)))]


@semantics(followed)
def follow_huge_pte(world: World, task: Task, mm: Mm, address: int, foll_flags: int, n: int) -> int:
    """Follow an entry under its lock."""
    found = world.state.get_huge_pte(mm.id, address)
    if not found & x86.P or (foll_flags & FOLL_WRITE and not found & x86.RW):
        return 0
    pfn = frame_number(found)
    if foll_flags & FOLL_TOUCH and foll_flags & FOLL_WRITE:
        note_dirty(world.state, pfn)
    if foll_flags & FOLL_GET:
        frame = get_frame(world.state, pfn)
        world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + n))
    return pfn + ((address % HPAGE_SIZE) >> PAGE_SHIFT)
