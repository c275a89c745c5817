"""A page moves to another frame: its entries say so meanwhile, and who needs it waits for its lock.

Models `mm/migrate.c` of Linux v5.6 and v5.7 (move_pages(2), for pages of private memory)
[fact:migration-entries] [fact:migration-waits]. Where the model is simpler: there is one node, so a page
moves to any other frame; one that is in the swap cache stays where it is; the copy takes a time that the
caller says.
"""

from __future__ import annotations

from pyemu.effects.entries import get_mapped_page, get_pte, my_zero_pfn, pte_pfn
from pyemu.effects.files import copy_page
from pyemu.effects.handles import Mm, Task
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import alloc_page, lock_page, look_at_page, put_page, unlock_page
from pyemu.effects.processes import get_task_mm
from pyemu.effects.sleeping import schedule_timeout, set_current_state
from pyemu.effects.swap import remove_migration_ptes, try_to_migrate
from pyemu.effects.swapops import pte_present
from pyemu.flags import ESRCH, PAGE_SIZE, TASK_UNINTERRUPTIBLE
from pyemu.kernel import implements
from pyemu.kernel.fork import leave_mm


@implements
async def sys_move_pages(task: Task, start: int, length: int, ticks: int) -> int:
    """Move what is mapped of a range; each copy takes `ticks`."""
    mm = await get_task_mm(task)
    if mm is None:
        return -ESRCH
    address = start
    n_stayed = 0
    while address < start + length:
        page = await isolate(mm, address)
        moved = False
        if page:
            moved = await unmap_and_move(page, address, ticks)
        n_stayed += not moved
        address += PAGE_SIZE
    await leave_mm(mm)
    return n_stayed


async def isolate(mm: Mm, address: int) -> int:
    """Give the page of an address with a reference, or 0; mmap_sem is held no longer than for that."""
    await down_read(mm)
    zero = await my_zero_pfn()
    pte = await get_pte(mm, address)
    pfn = await pte_pfn(pte)
    held = False
    if pte_present(pte) and pfn != zero:
        held = await get_mapped_page(mm, address, pte)
    await up_read(mm)
    return pfn if held else 0


@implements
async def unmap_and_move(pfn: int, address: int, ticks: int) -> bool:
    """Copy a page under its lock, then let its entries name the copy; they name the page again if it failed.

    Entry: you hold a reference, which is given back. Nobody else may have one: who holds a page might still
    write to the old frame.
    """
    fresh = await alloc_page(0)
    await lock_page(pfn)
    page = await look_at_page(pfn)
    moved = False
    if page.mapping is None:
        await try_to_migrate(pfn, address)
        page = await look_at_page(pfn)
        moved = page.refcount == 1 and not page.mapcount
        if moved:
            await set_current_state(TASK_UNINTERRUPTIBLE)
            await schedule_timeout(ticks)
            await copy_page(fresh, pfn)
        await remove_migration_ptes(pfn, fresh if moved else pfn, address)
    await unlock_page(pfn)
    await put_page(pfn)
    await put_page(fresh)
    return moved
