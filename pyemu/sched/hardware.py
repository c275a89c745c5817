"""Accesses: the CPU of a task translates an address, and RAM holds the bytes.

A program accesses memory in user mode. Kernel code that copies to or from user memory does so with the
kernel's privilege (CPL 0), through the same page tables; SMAP is not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyemu.effects.records import AccessResult
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE
from pyemu.hugepages import head
from pyemu.hw import Access, HitLevel, PageFault, Registers, TableRef, x86
from pyemu.pages import covering, frame_number
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
USER, KERNEL = 3, 0  # privilege levels


def cpu_of(world: World, task: Task) -> int:
    """Give the CPU on which a task runs; the first one for a task that is stepped by hand."""
    return task.cpu if task.cpu < len(world.state.mmus) else 0


def accessed(world: World, task: Task, address: int, *_: object) -> Places:
    """Footprint of an access: the entry (A and D bits), the CPU's TLB, what the frame holds.

    A change of an entry is flushed in the same step, so a TLB never names another frame than the entry does.
    Where no page is, only the entry is read: not even a TLB has it.
    """
    places, entry = covering(world.state, task.mm, address)
    if not entry & x86.P:
        return places, []
    return [], [*places, ("tlb", cpu_of(world, task)), ("bytes", frame_number(entry))]


def copied(world: World, task: Task, address: int, kind: str, length: int, pfn: int, offset: int) -> Places:
    """Footprint of a copy: as of an access, and the kernel's frame on the other side."""
    reads, writes = accessed(world, task, address)
    held: Location = ("bytes", head(pfn))
    return (reads, [*writes, held]) if kind == "read" else ([*reads, held], writes)


def touch(world: World, footprint: Callable[..., Places], *args: Any) -> None:
    """Tell who watches, if anybody does, which places the hardware touches."""
    if world.state.touched is not None:
        for how, some in zip(("read", "write"), footprint(world, *args), strict=True):
            for place in some:
                world.state.touched(how, place, None, None)


def note_walk(world: World, task: Task, address: int, references: list[TableRef]) -> None:
    """Record which table entries the hardware read."""
    world.event(task, "walk", address, len(references))
    for reference in references:
        world.event(task, "table", reference.pa, x86.read_entry(world.state.ram, reference.pa))


def translate(world: World, task: Task, address: int, kind: str, cpl: int) -> Access | PageFault:
    """Let the emulated MMU of the task's CPU translate an address, and record what it did."""
    state, cpu = world.state, cpu_of(world, task)
    mmu, root = state.mmus[cpu], state.roots[task.mm]
    if state.loaded[cpu] != root:
        state.loaded[cpu] = root
        mmu.load(Registers(cr0=x86.CR0_WP, cr3=root, cr4=0, efer=x86.EFER_NXE, cpl=USER))
    references: list[TableRef] = []
    if cpl != USER:
        mmu.set_mode(cpl)
    try:
        done = state.access(cpu, address, kind, references)
    except PageFault as fault:
        note_walk(world, task, address, references)
        world.event(task, "exception", fault.cr2, fault.error_code)
        return fault
    finally:
        if cpl != USER:
            mmu.set_mode(USER)
    if done.level is HitLevel.WALK:
        note_walk(world, task, address, references)
    else:
        world.event(task, "tlb_hit", address, int(done.level))
    return done


def one_byte(world: World, task: Task, address: int, kind: str, value: int, cpl: int) -> AccessResult:
    """Read or write one byte."""
    touch(world, accessed, task, address)
    done = translate(world, task, address, kind, cpl)
    if isinstance(done, PageFault):
        return AccessResult(None, done.error_code)
    if kind == "write":
        world.state.store(done.pa, bytes([value & 0xFF]))
    byte = world.state.load(done.pa, 1)[0]
    world.event(task, "value", address, byte)
    return AccessResult(byte)


@semantics(accessed)
def access(world: World, task: Task, address: int, kind: str, value: int) -> AccessResult:
    """Make one access of a program."""
    world.event(task, "access", address, kind)
    task.stats["accesses"] += 1
    return one_byte(world, task, address, kind, value, USER)


@semantics(accessed)
def access_user(world: World, task: Task, address: int, kind: str, value: int) -> AccessResult:
    """Make one access of kernel code to user memory."""
    world.event(task, "uaccess", address, kind)
    return one_byte(world, task, address, kind, value, KERNEL)


@semantics(copied)
def copy_user(
    world: World, task: Task, address: int, kind: str, length: int, pfn: int, offset: int
) -> AccessResult:
    """Copy up to the end of the user page."""
    touch(world, copied, task, address, kind, length, pfn, offset)
    world.event(task, "uaccess", address, kind)
    done = translate(world, task, address, kind, KERNEL)
    if isinstance(done, PageFault):
        return AccessResult(None, done.error_code)
    n = min(length, PAGE_SIZE - address % PAGE_SIZE, PAGE_SIZE - offset)
    user, frame = done.pa, (pfn << PAGE_SHIFT) + offset
    source, target = (user, frame) if kind == "read" else (frame, user)
    world.state.store(target, world.state.load(source, n))
    world.event(task, "copied", address, n)
    return AccessResult(n)
