"""The inner loop of get_user_pages, written by a learner: the page whose fault said RETRY."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from pyemu.effects.handles import Mm, Task
from pyemu.effects.records import GupResult
from pyemu.kernel.gup_locked import get_pages

__all__ = ["gup_with"]

Repeat = Callable[[Task | None, Mm, int, int], Coroutine[Any, Any, GupResult]]


def gup_with(repeat_page: Repeat) -> dict[str, Callable[..., Any]]:
    """Put an inner loop into the kernel's get_user_pages.

    Parameters
    ----------
    repeat_page : callable
        ``async def repeat_page(tsk, mm, address, flags)``: gets one page, trying again. On entry ``mmap_sem``
        is not held; on exit it is if the `GupResult` says ``locked`` 1.

    Returns
    -------
    dict of str to callable
        For `pyemu.run`: what replaces ``__get_user_pages_locked``.
    """

    async def __get_user_pages_locked(
        tsk: Task | None, mm: Mm, start: int, nr_pages: int, locked: int | None, flags: int
    ) -> GupResult:
        return await get_pages(tsk, mm, start, nr_pages, locked, flags, repeat_page)

    return {"__get_user_pages_locked": __get_user_pages_locked}
