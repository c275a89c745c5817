"""Areas, page-table entries, frames and accesses.

An area may be used only under mmap_sem, and only in the hold in which it was found: whoever drops the lock
must look it up again. Each read of a field checks that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyemu.effects.handles import Context, File, Mm, Vma
from pyemu.effects.swapops import pte_present
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE, VmFlag
from pyemu.pages import frame_number, get_frame, leaf, named_frame
from pyemu.sched.lockdep import LockClass
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location, VmaState

AREA = LockClass.AREA
Places = tuple[list[Location], list[Location]]
STACK_GAP = 256 * PAGE_SIZE  # stack_guard_gap: what must stay free below a stack
UFFD_FLAGS = VmFlag.UFFD_MISSING | VmFlag.UFFD_WP | VmFlag.UFFD_MINOR
STALE = "stale vma"
USE_AFTER_FREE = "use after free"
UNLOCKED = "vma without mmap_sem"


def areas_of(world: World, mm: int) -> list[Location]:
    """Give the locations of an address space's areas."""
    return [("vmas", mm), *(("vma", one) for one in world.state.data["vmas", mm])]


def looked_up(world: World, task: Task, mm: Mm, *_: object) -> Places:
    """Footprint of a look-up."""
    return areas_of(world, mm.id), []


def changed(world: World, task: Task, vma: Vma, *_: object) -> Places:
    """Footprint of a change to an area."""
    mm = world.state.data["vma", vma.id].mm
    return areas_of(world, mm), [("vmas", mm), ("vma", vma.id), fresh(task)]


def fresh(task: Task) -> Location:
    """Give the location of the next area that a task makes."""
    return ("vma", task.id * 1_000_000 + task.next_id + 1)


def check_lock(world: World, task: Task, mm: int, what: str) -> None:
    """Report a use of areas without mmap_sem."""
    if not task.holds_lock(mm):
        world.violation(
            task,
            UNLOCKED,
            f"{task.name} {what} without mmap_sem.",
        )


def hand_out(task: Task, vma: int | None) -> Vma | None:
    """Give a handle, and note the hold in which the area was found."""
    if vma is None:
        return None
    task.found[vma] = task.hold
    return Vma(vma)


def check_use(world: World, task: Task, vma: Vma) -> VmaState:
    """Give an area, and report what is wrong with using it now."""
    area: VmaState = world.state.get(("vma", vma.id))
    if not area.alive:
        world.violation(
            task,
            USE_AFTER_FREE,
            f"{task.name} reads vma {vma.id}, which was freed while the lock was dropped.",
        )
    elif (AREA, vma.id) in task.locks:
        return area  # the area's own lock is enough to read it
    elif not task.holds_lock(area.mm):
        check_lock(world, task, area.mm, f"reads vma {vma.id}")
    elif task.found.get(vma.id) != task.hold:
        world.violation(
            task,
            STALE,
            f"{task.name} uses vma {vma.id}, found in an earlier hold of mmap_sem.",
        )
    return area


@semantics(looked_up)
def find_vma(world: World, task: Task, mm: Mm, address: int) -> Vma | None:
    """Find the first area that ends above an address."""
    check_lock(world, task, mm.id, "calls find_vma")
    vma = world.state.find_vma(mm.id, address)
    world.event(task, "find_vma", address, vma or 0)
    return hand_out(task, vma)


@semantics(looked_up)
def find_vma_intersection(world: World, task: Task, mm: Mm, start: int, end: int) -> tuple[Vma, ...]:
    """Find every area that overlaps a range."""
    check_lock(world, task, mm.id, "looks for areas")
    found = []
    for vma in world.state.get(("vmas", mm.id)):
        area: VmaState = world.state.get(("vma", vma))
        if area.start < end and start < area.end:
            found.append(hand_out(task, vma))
    return tuple(one for one in found if one is not None)


@semantics(lambda world, task, vma, field: ([("vma", vma.id)], []))
def read_vma(world: World, task: Task, vma: Vma, field: str) -> Any:
    """Read a field."""
    area = check_use(world, task, vma)
    match field:
        case "vm_start":
            return area.start
        case "vm_end":
            return area.end
        case "vm_flags":
            return area.flags
        case "vm_mm":
            return Mm(area.mm)
        case "vm_file":
            return None if area.file is None else File(area.file)
        case "vm_pgoff":
            return area.pgoff
        case "vm_ops":  # a file keeps its fault function for life
            return "" if area.file is None else world.state.data["file", area.file].kind
        case "is_resv_owner":
            return area.reserves
        case _:
            return None if area.context is None else Context(area.context)


@semantics(changed)
def set_vma_context(world: World, task: Task, vma: Vma, context: Context | None, modes: int) -> None:
    """Attach or detach a userfaultfd."""
    area = check_use(world, task, vma)
    flags = area.flags & ~UFFD_FLAGS | VmFlag(modes)
    number = None if context is None else context.id
    world.state.set(("vma", vma.id), replace(area, flags=flags, context=number))


@semantics(changed)
def split_vma(world: World, task: Task, vma: Vma, address: int) -> None:
    """Cut an area in two."""
    area = check_use(world, task, vma)
    world.state.set(("vma", vma.id), replace(area, end=address))
    pages = (address - area.start) >> PAGE_SHIFT
    pgoff = area.pgoff if area.file is None else area.pgoff + pages
    world.state.add_vma(task.new_id(), replace(area, start=address, pgoff=pgoff))


def grown(world: World, task: Task, vma: Vma, *_: object) -> Places:
    """Footprint of growing downwards."""
    return areas_of(world, world.state.data["vma", vma.id].mm), [("vma", vma.id)]


@semantics(grown)
def expand_stack(world: World, task: Task, vma: Vma, address: int) -> bool:
    """Grow downwards, unless another area is too near."""
    area = check_use(world, task, vma)
    start = address & ~(PAGE_SIZE - 1)
    for other in world.state.get(("vmas", area.mm)):
        if start - STACK_GAP < world.state.get(("vma", other)).end <= area.start and other != vma.id:
            return False
    if start < STACK_GAP:
        return False
    world.state.set(("vma", vma.id), replace(area, start=start))
    return True


@semantics(changed)
def free_vma(world: World, task: Task, vma: Vma) -> None:
    """Free an area: handles to it dangle from now on."""
    area = check_use(world, task, vma)
    world.state.set(("vma", vma.id), replace(area, alive=False))
    rest = tuple(one for one in world.state.get(("vmas", area.mm)) if one != vma.id)
    world.state.set(("vmas", area.mm), rest)


@semantics(lambda world, task, mm, *_: (areas_of(world, mm.id), [("vmas", mm.id), fresh(task)]))
def insert_vma(world: World, task: Task, mm: Mm, start: int, end: int, vm_flags: int) -> Vma:
    """Add an area."""
    check_lock(world, task, mm.id, "adds an area")
    vma = task.new_id()
    world.state.add_vma(vma, VmaState(mm.id, start, end, VmFlag(vm_flags)))
    task.found[vma] = task.hold
    return Vma(vma)


@semantics(changed)
def set_vma_flags(world: World, task: Task, vma: Vma, vm_flags: int) -> None:
    """Set what an area allows."""
    area = check_use(world, task, vma)
    world.state.set(("vma", vma.id), replace(area, flags=VmFlag(vm_flags)))


def made(world: World, task: Task, vma: Vma, child: Mm) -> Places:
    """Footprint of copying an area to another address space."""
    mine = areas_of(world, world.state.data["vma", vma.id].mm)
    return [*mine, *areas_of(world, child.id)], [("vmas", child.id), fresh(task)]


@semantics(made)
def dup_vma(world: World, task: Task, vma: Vma, child: Mm) -> Vma:
    """Copy an area; the copy is registered with no userfaultfd."""
    area = check_use(world, task, vma)
    number = task.new_id()
    flags = area.flags & ~(UFFD_FLAGS | VmFlag.LOCKED)
    world.state.add_vma(number, replace(area, mm=child.id, flags=flags, context=None, reserves=False))
    task.found[number] = task.hold
    return Vma(number)


def every_entry(world: World, task: Task, vma: Vma) -> Places:
    """Footprint of looking through an area: its entries, and the pages that they name."""
    area: VmaState = world.state.data["vma", vma.id]
    places: list[Location] = [("vma", vma.id)]
    for address in range(area.start, area.end, PAGE_SIZE):
        places.append(("pte", area.mm, address >> PAGE_SHIFT))
        places.append(("frame", frame_number(leaf(world.state, area.mm, address))))
    return places, []


@semantics(every_entry)
def has_anon_pages(world: World, task: Task, vma: Vma) -> bool:
    """Look for a page that belongs to no file."""
    area = check_use(world, task, vma)
    for address in range(area.start, area.end, PAGE_SIZE):
        entry = world.state.get_pte(area.mm, address)
        pfn = named_frame(world.state, entry)
        swapped = bool(entry) and not pte_present(entry)
        if swapped or (pfn is not None and get_frame(world.state, pfn).anonymous):
            return True
    return False
