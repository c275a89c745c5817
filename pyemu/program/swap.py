"""Steps on pages that leave their place: to the swap device, to another frame, and back."""

from __future__ import annotations

from pyemu.calls.swap import collapse_huge_page, shrink_range, sys_madvise_pageout, sys_move_pages
from pyemu.effects.handles import Task
from pyemu.effects.machine import report
from pyemu.program.perform import performs, system_call
from pyemu.scenario import Action, ResolvedStep


@performs(Action.MADV_PAGEOUT)
async def page_out(step: ResolvedStep) -> None:
    """Ask for the pages of a range to be reclaimed."""
    await system_call(sys_madvise_pageout, step.address, step.length)


@performs(Action.RECLAIM)
async def reclaim(step: ResolvedStep) -> None:
    """Reclaim pages of a range as kswapd does."""
    await shrink_range(Task(step.task), step.address, step.length)


@performs(Action.MOVE_PAGES)
async def move_pages(step: ResolvedStep) -> None:
    """Move the pages of a range to other frames, and tell how many stayed."""
    outcome = await system_call(sys_move_pages, Task(step.task), step.address, step.length, step.ticks)
    await report("outcome", outcome)


@performs(Action.KHUGEPAGED)
async def collapse(step: ResolvedStep) -> None:
    """Bring the swapped pages of a range in as khugepaged does, and tell how many it asked for."""
    outcome = await system_call(collapse_huge_page, Task(step.task), step.address, step.length)
    await report("outcome", outcome)
