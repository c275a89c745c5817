"""How a page leaves memory: it gets a slot, its entries name that, the device writes it, the frame is free.

Models `mm/vmscan.c` (shrink_page_list), `mm/madvise.c` (MADV_PAGEOUT) of Linux v5.4 to v5.7, for pages of
private memory [fact:reclaim-anon] [fact:madv-pageout]. Where the model is simpler: pages are reclaimed one by
one, not in lists, and it is said which: nobody counts how often they are used.
"""

from __future__ import annotations

from pyemu.effects.areas import find_vma_intersection
from pyemu.effects.disk import submit_write
from pyemu.effects.entries import get_mapped_page, get_pte, my_zero_pfn, pte_pfn
from pyemu.effects.files import clear_page_dirty_for_io, find_get_page
from pyemu.effects.handles import Mm, Task, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import look_at_page, put_page, trylock_page, unlock_page
from pyemu.effects.processes import get_task_mm
from pyemu.effects.swap import add_to_swap, remove_mapping, try_to_unmap
from pyemu.effects.swapops import SWAP, is_swap_entry, pte_present, swp_offset
from pyemu.flags import EINVAL, ENOMEM, ESRCH, PAGE_SIZE, VM_LOCKED
from pyemu.kernel import implements
from pyemu.kernel.fork import leave_mm


@implements
async def shrink_page(pfn: int, address: int) -> bool:
    """Take one page as far out of memory as it goes without a wait.

    Entry: you hold a reference, which is given back. A page that has to be written stays in the swap cache
    until somebody comes by again; a fault finds it there meanwhile.
    """
    locked = await trylock_page(pfn)
    if not locked:
        await put_page(pfn)
        return False
    freed = await shrink_locked(pfn, address)
    await unlock_page(pfn)
    await put_page(pfn)
    return freed


async def shrink_locked(pfn: int, address: int) -> bool:
    """Reclaim a page that is locked; one that somebody else holds keeps its frame."""
    page = await look_at_page(pfn)
    if not page.anonymous or page.writeback:
        return False
    if not page.swapcache:
        has_slot = await add_to_swap(pfn)
        if not has_slot:
            return False
    await try_to_unmap(pfn, address)
    page = await look_at_page(pfn)
    if page.mapcount:
        return False
    if not page.dirty:
        return await remove_mapping(pfn)
    if page.refcount == 2:  # the swap cache and the reclaimer: nobody can write to it any more
        await clear_page_dirty_for_io(pfn)
        await submit_write(SWAP, page.index, 1)
    return False


async def shrink_entry(mm: Mm, address: int, pte: int, shared: bool) -> bool:
    """Reclaim the page of an entry if that is still `pte`; one with more users only if `shared`."""
    zero = await my_zero_pfn()
    pfn = await pte_pfn(pte)
    if not pte_present(pte) or pfn == zero:
        return False
    held = await get_mapped_page(mm, address, pte)
    if not held:
        return False
    page = await look_at_page(pfn)
    if page.anonymous and (shared or page.mapcount == 1):
        return await shrink_page(pfn, address)
    await put_page(pfn)
    return False


@implements
async def sys_madvise_pageout(start: int, length: int) -> int:
    """Reclaim what nobody else maps; mmap_sem is held for reading."""
    mm = await current.mm
    address = start
    await down_read(mm)
    areas: tuple[Vma, ...] = await find_vma_intersection(mm, start, start + length)
    while areas:
        first = await areas[0].vm_start
        end = await areas[0].vm_end
        vm_flags = await areas[0].vm_flags
        if first > address:
            break
        if vm_flags & VM_LOCKED:
            await up_read(mm)
            return -EINVAL
        end = min(end, start + length)
        while address < end:
            pte = await get_pte(mm, address)
            await shrink_entry(mm, address, pte, False)
            address += PAGE_SIZE
        areas = areas[1:]
    await up_read(mm)
    return 0 if address >= start + length else -ENOMEM


@implements
async def shrink_range(task: Task, start: int, length: int) -> int:
    """Reclaim pages as kswapd does, without mmap_sem, whoever shares them: mapped, or in the swap cache."""
    mm = await get_task_mm(task)
    if mm is None:
        return -ESRCH
    address = start
    n_freed = 0
    while address < start + length:
        pte = await get_pte(mm, address)
        freed = False
        if is_swap_entry(pte):
            page = await find_get_page(SWAP, swp_offset(pte))
            if page is not None:
                freed = await shrink_page(page, address)
        else:
            freed = await shrink_entry(mm, address, pte, True)
        n_freed += freed
        address += PAGE_SIZE
    await leave_mm(mm)
    return n_freed
