"""Pages of a file leave memory: because the file ends before them, or because nobody needs them.

Models `mm/truncate.c` and `mm/fadvise.c` of Linux v5.6 and v5.7 [fact:truncate-unmaps-twice]
[fact:cache-drop] [fact:file-beyond-end].
"""

from __future__ import annotations

from pyemu.effects.disk import wait_on_page_writeback
from pyemu.effects.files import (
    cached_pages,
    delete_from_page_cache,
    find_get_page,
    set_file_size,
    unmap_file_page,
)
from pyemu.effects.handles import File
from pyemu.effects.pages import lock_page, look_at_page, put_page, trylock_page, unlock_page
from pyemu.kernel import implements


@implements
async def sys_ftruncate(file: File, pages: int) -> int:
    """Set the length; whoever maps a page beyond it loses it, and the next access gets SIGBUS.

    The mappings are emptied before and afterwards: a fault that was under way may have made a private copy
    in between.
    """
    old = await file.size
    await set_file_size(file, pages)
    await unmap_mapping_range(file, pages, old)
    rest = await cached_pages(file, pages)
    while rest:
        await truncate_page(file, rest[0])
        rest = rest[1:]
    await unmap_mapping_range(file, pages, old)
    return 0


async def unmap_mapping_range(file: File, first: int, end: int) -> None:
    """Empty every entry that shows a page of a range, private copies included."""
    index = first
    while index < end:
        await unmap_file_page(file, index, True)
        index += 1


async def truncate_page(file: File, index: int) -> None:
    """Take one page out of the cache; wait for its lock and for the disk first."""
    page = await find_get_page(file, index)
    if page is None:
        return
    await lock_page(page)
    seen = await look_at_page(page)
    if seen.mapping == file.id:
        await wait_on_page_writeback(page)
        if seen.mapcount:  # a fault was under way, and has mapped it; now it is locked out
            await unmap_file_page(file, index, False)
        await delete_from_page_cache(page)
    await unlock_page(page)
    await put_page(page)


@implements
async def sys_fadvise_dontneed(file: File) -> int:
    """Drop the pages that can be dropped: clean, unlocked, mapped by nobody."""
    rest = await cached_pages(file, 0)
    while rest:
        page = await find_get_page(file, rest[0])
        rest = rest[1:]
        if page is not None:
            await invalidate_page(page)
            await put_page(page)
    return 0


async def invalidate_page(page: int) -> None:
    """Take a page out of the cache if nobody needs it."""
    if await trylock_page(page):
        seen = await look_at_page(page)
        if not (seen.dirty or seen.writeback or seen.mapcount):
            await delete_from_page_cache(page)
        await unlock_page(page)
