"""Page-table entries and page frames."""

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.flags import PAGE_SHIFT, PAGE_SIZE
from pyemu.hw import x86
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, Location

Places = tuple[list[Location], list[Location]]


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
