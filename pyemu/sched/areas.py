"""Areas, page-table entries, frames and accesses.

An area may be used only under mmap_sem, and only in the hold in which it was found: whoever drops the lock
must look it up again. Each read of a field checks that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyemu.effects.handles import Context, Mm, Vma
from pyemu.effects.records import AccessResult
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE, VmFlag
from pyemu.hw import HitLevel, PageFault, Registers, TableRef, x86
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, Location, VmaState

Places = tuple[list[Location], list[Location]]
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
    return [], [*areas_of(world, mm), ("vma", vma.id), ("vma", task.id * 1_000_000 + task.next_id + 1)]


def check_lock(world: World, task: Task, mm: int, what: str) -> None:
    """Report a use of areas without mmap_sem."""
    if not task.holds_lock(mm):
        world.violation(
            task,
            UNLOCKED,
            f"{task.name} {what} without mmap_sem: another thread may change the areas meanwhile.",
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
    elif not task.holds_lock(area.mm):
        check_lock(world, task, area.mm, f"reads vma {vma.id}")
    elif task.found.get(vma.id) != task.hold:
        world.violation(
            task,
            STALE,
            f"{task.name} uses vma {vma.id}, found in an earlier hold of mmap_sem: look it up again "
            "after each drop.",
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
        case _:
            return None if area.context is None else Context(area.context)


@semantics(changed)
def set_vma_context(world: World, task: Task, vma: Vma, context: Context | None) -> None:
    """Attach or detach a userfaultfd."""
    area = check_use(world, task, vma)
    flags = area.flags & ~VmFlag.UFFD_MISSING if context is None else area.flags | VmFlag.UFFD_MISSING
    number = None if context is None else context.id
    world.state.set(("vma", vma.id), replace(area, flags=flags, context=number))


@semantics(changed)
def split_vma(world: World, task: Task, vma: Vma, address: int) -> None:
    """Cut an area in two."""
    area = check_use(world, task, vma)
    world.state.set(("vma", vma.id), replace(area, end=address))
    world.state.add_vma(task.new_id(), replace(area, start=address))


@semantics(changed)
def free_vma(world: World, task: Task, vma: Vma) -> None:
    """Free an area: handles to it dangle from now on."""
    area = check_use(world, task, vma)
    world.state.set(("vma", vma.id), replace(area, alive=False))
    rest = tuple(one for one in world.state.get(("vmas", area.mm)) if one != vma.id)
    world.state.set(("vmas", area.mm), rest)


@semantics(
    lambda world, task, mm, *_: (
        [],
        [*areas_of(world, mm.id), ("vma", task.id * 1_000_000 + task.next_id + 1)],
    )
)
def insert_vma(world: World, task: Task, mm: Mm, start: int, end: int, vm_flags: int) -> Vma:
    """Add an area."""
    check_lock(world, task, mm.id, "adds an area")
    vma = task.new_id()
    world.state.add_vma(vma, VmaState(mm.id, start, end, VmFlag(vm_flags)))
    task.found[vma] = task.hold
    return Vma(vma)


# ------------------------------------------------------------------------------------------ entries


def entry(world: World, task: Task, mm: Mm, address: int, *_: object) -> Places:
    """Footprint of reading an entry."""
    return [("pte", mm.id, address >> PAGE_SHIFT)], []


def entry_written(world: World, task: Task, mm: Mm, address: int, *_: object) -> Places:
    """Footprint of writing an entry: making a table takes a frame, a change flushes."""
    tlbs = [("tlb", cpu) for cpu in range(len(world.state.mmus))]
    return [], [("pte", mm.id, address >> PAGE_SHIFT), ("next_pfn",), *tlbs]


@semantics(entry)
def get_pte(world: World, task: Task, mm: Mm, address: int) -> int:
    """Read an entry."""
    return world.state.get_pte(mm.id, address)


def map_frame(world: World, task: Task, mm: Mm, address: int, pfn: int, flags: int) -> None:
    """Write an entry and record it."""
    value = pfn << PAGE_SHIFT | x86.P | x86.US | flags
    world.state.set_pte(mm.id, address, value)
    world.event(task, "pte", address & ~(PAGE_SIZE - 1), value)


@semantics(entry_written)
def set_pte_if_none(world: World, task: Task, mm: Mm, address: int, pfn: int, writable: bool) -> bool:
    """Map a page if the entry is empty."""
    if world.state.get_pte(mm.id, address):
        return False
    map_frame(world, task, mm, address, pfn, x86.RW | x86.D if writable else 0)
    return True


@semantics(entry_written)
def make_pte_writable(world: World, task: Task, mm: Mm, address: int, pfn: int) -> bool:
    """Replace a read-only entry by a writable one."""
    old = world.state.get_pte(mm.id, address)
    if not old or old & x86.RW:
        return False
    map_frame(world, task, mm, address, pfn, x86.RW | x86.D | x86.A)
    world.event(task, "flush", address, world.state.flush(address))
    return True


@semantics(entry_written)
def zap_pte(world: World, task: Task, mm: Mm, address: int) -> bool:
    """Empty an entry and flush it."""
    if not world.state.get_pte(mm.id, address):
        return False
    world.state.set_pte(mm.id, address, 0)
    world.event(task, "pte", address, 0)
    world.event(task, "flush", address, world.state.flush(address))
    return True


@semantics(lambda world, task, byte: ([], [("next_pfn",)]))
def alloc_page(world: World, task: Task, byte: int) -> int:
    """Take a frame."""
    return world.state.alloc_page(byte & 0xFF)


@semantics(lambda world, task: ([], []))
def my_zero_pfn(world: World, task: Task) -> int:
    """Give the zero page's frame."""
    return ZERO_PFN


@semantics(lambda world, task, pte: ([], []))
def pte_pfn(world: World, task: Task, pte: int) -> int:
    """Give the frame number in an entry."""
    return (pte & x86.ADDRESS) >> PAGE_SHIFT


# ------------------------------------------------------------------------------------------ accesses


def accessed(world: World, task: Task, address: int, kind: str, value: int) -> Places:
    """Footprint of an access: the entry (A and D bits), the CPU's TLB, the byte."""
    cpu = task.cpu if task.cpu < len(world.state.mmus) else 0
    place: Location = ("pte", task.mm, address >> PAGE_SHIFT)
    return [], [place, ("tlb", cpu), ("byte", task.mm, address)]


def note_walk(world: World, task: Task, address: int, references: list[TableRef]) -> None:
    """Record which table entries the hardware read."""
    world.event(task, "walk", address, len(references))
    for reference in references:
        world.event(task, "table", reference.pa, x86.read_entry(world.state.ram, reference.pa))


@semantics(accessed)
def access(world: World, task: Task, address: int, kind: str, value: int) -> AccessResult:
    """Make one access on the task's CPU: the emulated MMU translates, RAM holds the byte."""
    state = world.state
    cpu = task.cpu if task.cpu < len(state.mmus) else 0
    mmu = state.mmus[cpu]
    root = state.roots[task.mm]
    if state.touched is not None:
        for place in accessed(world, task, address, kind, value)[1]:
            state.touched("write", place, None, None)
    if state.loaded[cpu] != root:
        state.loaded[cpu] = root
        mmu.load(Registers(cr0=x86.CR0_WP, cr3=root, cr4=0, efer=x86.EFER_NXE, cpl=3))
    world.event(task, "access", address, kind)
    task.stats["accesses"] += 1
    references: list[TableRef] = []
    try:
        done = mmu.access(address, kind, references)
    except PageFault as fault:
        note_walk(world, task, address, references)
        world.event(task, "exception", fault.cr2, fault.error_code)
        return AccessResult(None, fault.error_code)
    if done.level is HitLevel.WALK:
        note_walk(world, task, address, references)
    else:
        world.event(task, "tlb_hit", address, int(done.level))
    if kind == "write":
        state.ram[done.pa] = value & 0xFF
    byte = state.ram[done.pa]
    world.event(task, "value", address, byte)
    return AccessResult(byte)
