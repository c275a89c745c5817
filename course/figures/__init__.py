"""Pictures of mechanisms, drawn by code from what ran: always the same bytes, and a text that says the same.

===============  =====================================================================================
``walk``         the levels of a page table, and the part of the address that is the index into each
``tlb_sets``     the sets and ways of a TLB, and where a page may lie
``lock_holders`` who holds mmap_sem, who waits for it, who sleeps, over time
``retry_loop``   the loop around handle_mm_fault: how often a tree lets it go round
``sleeps``       the states of a task, and what ends each sleep
===============  =====================================================================================

A figure is SVG of a few shapes, written by `course.figures.drawing`: whole numbers, no date, no random id. A
plotting library would bring fonts as paths, and axes that a diagram has no use for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.figures.holders import lock_holders as lock_holders
    from course.figures.loop import retry_loop as retry_loop
    from course.figures.sets import tlb_sets as tlb_sets
    from course.figures.states import sleeps as sleeps
    from course.figures.tables import walk as walk

_HOME = {
    "lock_holders": "course.figures.holders",
    "retry_loop": "course.figures.loop",
    "sleeps": "course.figures.states",
    "tlb_sets": "course.figures.sets",
    "walk": "course.figures.tables",
}

__all__ = ["lock_holders", "retry_loop", "sleeps", "tlb_sets", "walk"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(
            f"module 'course.figures' has no attribute {name!r}; it has: {', '.join(__all__)}"
        )
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
