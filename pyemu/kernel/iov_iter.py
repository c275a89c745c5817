"""Buffers of a system call as pages: for those who hand the pages on instead of copying from them.

Models `lib/iov_iter.c` of Linux v5.6 and v5.7, for one buffer that is read [fact:vmsplice].
"""

from __future__ import annotations

from pyemu.calls.gup import get_user_pages_fast
from pyemu.effects.records import GupResult
from pyemu.flags import PAGE_SIZE
from pyemu.kernel import implements


@implements
async def iov_iter_get_pages(address: int, n: int, max_pages: int) -> GupResult:
    """Get the pages behind a buffer, as many as there are room for: `n` of the result counts bytes."""
    offset = address % PAGE_SIZE
    wanted = min(-(-(offset + n) // PAGE_SIZE), max_pages)
    got = await get_user_pages_fast(address - offset, wanted, 0)
    if got.n <= 0:
        return got
    return GupResult(min(got.n * PAGE_SIZE - offset, n), None, got.pages)
