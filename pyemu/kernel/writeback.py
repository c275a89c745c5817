"""Writing dirty pages of a mapped file back to the disk.

Models `mm/msync.c` and `mm/page-writeback.c` of Linux v5.6 and v5.7 [fact:msync-protects].
"""

from __future__ import annotations

from pyemu.effects.areas import find_vma_intersection
from pyemu.effects.disk import submit_write, wait_on_page_writeback
from pyemu.effects.files import clear_page_dirty_for_io, find_get_page
from pyemu.effects.handles import File, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import lock_page, look_at_page, put_page, unlock_page
from pyemu.flags import ENOMEM, PAGE_SHIFT, PAGE_SIZE, VM_SHARED
from pyemu.kernel import implements


@implements
async def sys_msync(start: int, length: int) -> int:
    """Write what is dirty in a range of shared mappings, and wait; mmap_sem is not held meanwhile."""
    mm = await current.mm
    address = start
    while address < start + length:
        await down_read(mm)
        areas: tuple[Vma, ...] = await find_vma_intersection(mm, address, start + length)
        if not areas:
            await up_read(mm)
            return -ENOMEM
        vma = areas[0]
        first = await vma.vm_start
        end = await vma.vm_end
        file = await vma.vm_file
        ops = await vma.vm_ops
        pgoff = await vma.vm_pgoff
        vm_flags = await vma.vm_flags
        await up_read(mm)
        if first > address:
            return -ENOMEM
        end = min(end, start + length)
        if ops == "file" and vm_flags & VM_SHARED:
            index = pgoff + ((address - first) >> PAGE_SHIFT)
            await write_and_wait(file, index, (end - address + PAGE_SIZE - 1) >> PAGE_SHIFT)
        address = end
    return 0


async def write_and_wait(file: File, first: int, pages: int) -> None:
    """Write the dirty pages of a range of a file and wait (``filemap_write_and_wait_range``)."""
    index = first
    while index < first + pages:
        page = await find_get_page(file, index)
        if page is not None:
            await write_cache_page(file, page)
            await put_page(page)
        index += 1
    index = first
    while index < first + pages:
        page = await find_get_page(file, index)
        if page is not None:
            await wait_on_page_writeback(page)
            await put_page(page)
        index += 1


async def write_cache_page(file: File, page: int) -> None:
    """Give one page to the disk if it is dirty: its shared entries become read-only first."""
    await lock_page(page)
    seen = await look_at_page(page)
    if seen.mapping == file.id:
        await wait_on_page_writeback(page)
        if await clear_page_dirty_for_io(page):
            await submit_write(file, seen.index, 1)
    await unlock_page(page)
