"""get_user_pages at the page table: which entry names a page that the caller may have, and the use of it.

Who uses a page that it never got follows a pointer that nobody has set: an oops, which ends the task.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import Mm
from pyemu.effects.swapops import pte_present
from pyemu.flags import FOLL_COW, FOLL_GET, FOLL_TOUCH, FOLL_WRITE, PAGE_SHIFT, SIGKILL
from pyemu.hugepages import head
from pyemu.hw import x86
from pyemu.pages import frame_number, get_frame, note_dirty
from pyemu.sched.pages import Places
from pyemu.sched.semantics import TaskEnded, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, FrameState, Location

NEVER_GOT = "page never got"


def followed(world: World, task: Task, mm: Mm, address: int, foll_flags: int) -> Places:
    """Footprint of following an entry: it is read, and its page gets a reference."""
    place: Location = ("pte", mm.id, address >> PAGE_SHIFT)
    leaf = x86.leaf_address(world.state.ram, world.state.roots[mm.id], address)
    if leaf is None:
        return [place], []
    return [place], [("frame", frame_number(x86.read_entry(world.state.ram, leaf)))]


def pin(world: World, pfn: int, foll_flags: int) -> int:
    """Give a page, with a reference if the caller wants one; nobody counts the zero page."""
    if foll_flags & FOLL_GET and pfn != ZERO_PFN:
        frame = get_frame(world.state, pfn)
        world.state.set(("frame", pfn), replace(frame, refcount=frame.refcount + 1))
    return pfn


@semantics(followed)
def follow_page_pte(world: World, task: Task, mm: Mm, address: int, foll_flags: int) -> int:
    """Follow an entry under its lock."""
    entry = world.state.get_pte(mm.id, address)
    if not pte_present(entry):
        return 0
    copied = foll_flags & FOLL_COW and entry & x86.D
    if foll_flags & FOLL_WRITE and not entry & x86.RW and not copied:
        return 0
    pfn = frame_number(entry)
    if foll_flags & FOLL_TOUCH and foll_flags & FOLL_WRITE and not entry & x86.D and pfn != ZERO_PFN:
        note_dirty(world.state, pfn)
    return pin(world, pfn, foll_flags)


@semantics(followed)
def gup_fast_pte(world: World, task: Task, mm: Mm, address: int, foll_flags: int) -> int:
    """Follow an entry as the CPU would, without a lock: no table is freed meanwhile."""
    entry = world.state.get_pte(mm.id, address)
    wanted = x86.P | x86.US | (x86.RW if foll_flags & FOLL_WRITE else 0)
    pfn = frame_number(entry)
    if entry & wanted != wanted or pfn == ZERO_PFN:
        return 0
    return pin(world, pfn, foll_flags)


def gotten(world: World, task: Task, pfn: int) -> FrameState | None:
    """Give the state of a page that the task says it has; the zero page has none."""
    frame: FrameState | None = world.state.get(("frame", head(pfn)))
    if frame is None and pfn != ZERO_PFN:
        world.violation(
            task,
            NEVER_GOT,
            f"{task.name} uses a page that it never got: get_user_pages gave 0 pages and no error, so "
            "pages[0] was never written. 0 is not success.",
        )
        raise TaskEnded(signal=SIGKILL)
    return frame


@semantics(lambda world, task, pfn: ([("frame", head(pfn))], []))
def page_to_nid(world: World, task: Task, pfn: int) -> int:
    """Give the node: there is one."""
    gotten(world, task, pfn)
    return 0


@semantics(lambda world, task, pfn: ([("frame", head(pfn))], []))
def page_mapping(world: World, task: Task, pfn: int) -> str:
    """Say what a page belongs to."""
    frame = gotten(world, task, pfn)
    if frame is None:
        return "none"
    return "anonymous" if frame.anonymous else "file"
