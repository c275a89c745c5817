"""Accesses: the CPU of a task translates an address, and RAM holds the byte."""

from __future__ import annotations

from pyemu.effects.records import AccessResult
from pyemu.flags import PAGE_SHIFT
from pyemu.hw import HitLevel, PageFault, Registers, TableRef, x86
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]


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
