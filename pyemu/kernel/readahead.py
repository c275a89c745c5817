"""Reading ahead: who asks for one page of a file gets its neighbours as well.

Models `mm/filemap.c` and `mm/readahead.c` of Linux v5.6 and v5.7 for faults [fact:file-read-around]: a
missing page has the pages around it read; a page in the last quarter of these is marked, and who meets it has
the next ones read.

Where the model is simpler: the kernel gives up reading around a page after a hundred misses (MMAP_LOTSAMISS).
"""

from __future__ import annotations

from pyemu.effects.disk import submit_read
from pyemu.effects.files import add_to_page_cache, next_window, set_page_readahead, test_clear_page_readahead
from pyemu.effects.handles import File, Mm
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.records import Window
from pyemu.kernel.retry import maybe_unlock_mmap_for_io


async def do_sync_mmap_readahead(mm: Mm, file: File, index: int, flags: int, random: bool) -> bool:
    """Have the pages around a missing one read; say whether mmap_sem was dropped for that."""
    size = await file.read_ahead
    if random or not size:
        return False
    pinned = await maybe_unlock_mmap_for_io(mm, flags, False)
    window = await next_window(file, index, False)
    await read_pages_ahead(file, window)
    return pinned


async def do_async_mmap_readahead(
    mm: Mm, file: File, index: int, page: int, flags: int, random: bool
) -> bool:
    """Have the next pages read if this one is marked; say whether mmap_sem was dropped for that.

    References
    ----------
    Linux v5.7, mm/filemap.c, do_async_mmap_readahead [fact:file-hit-marked].
    """
    size = await file.read_ahead
    if random or not size:
        return False
    marked = await test_clear_page_readahead(page)
    if not marked:
        return False
    pinned = await maybe_unlock_mmap_for_io(mm, flags, False)
    window = await next_window(file, index, True)
    await read_pages_ahead(file, window)
    return pinned


async def read_pages_ahead(file: File, window: Window) -> None:
    """Ask the disk for the pages of a window that are not cached; neighbours make one request.

    References
    ----------
    Linux v5.7, mm/readahead.c, __do_page_cache_readahead [fact:file-read-around].
    """
    size = await file.size
    first = index = window.start  # of the request that grows
    end = min(window.start + window.size, size)
    while index < end:
        page = await alloc_page(0)
        added = await add_to_page_cache(file, index, page)
        if added:
            if index == window.start + window.size - window.async_size:
                await set_page_readahead(page)
        else:
            if first < index:
                await submit_read(file, first, index - first)
            first = index + 1
        await put_page(page)  # the cache holds those that were added
        index += 1
    if first < index:
        await submit_read(file, first, index - first)
