"""A driver that pins user memory: each entry of get_user_pages, called directly.

No such driver is in Linux; its calls are what many drivers make, and KVM, which asks with FOLL_NOWAIT first
[fact:gup-nowait]. It puts back the pages it gets, and looks at the one that `fixup_user_fault` says it has
brought.
"""

from __future__ import annotations

from pyemu.calls.gup import (
    __mm_populate,
    fixup_user_fault,
    get_user_pages,
    get_user_pages_fast,
    get_user_pages_locked,
    get_user_pages_remote,
    get_user_pages_unlocked,
)
from pyemu.effects.gup import follow_page_pte, page_to_nid
from pyemu.effects.handles import Mm, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import put_page
from pyemu.effects.records import GupResult
from pyemu.flags import FAULT_FLAG_WRITE, FOLL_GET, FOLL_WRITE, PAGE_SIZE
from pyemu.kernel import implements
from pyemu.kernel.gup import put_pages


async def get_with_lock(mm: Mm, entry: str, address: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages by an entry that wants mmap_sem held."""
    await down_read(mm)
    if entry == "get_user_pages":
        got = await get_user_pages(address, nr_pages, gup_flags)
    elif entry == "get_user_pages_locked":
        got = await get_user_pages_locked(address, nr_pages, gup_flags, 1)
    else:
        got = await get_user_pages_remote(current, mm, address, nr_pages, gup_flags, 1)
    if got.locked != 0:
        await up_read(mm)
    return got


async def fix_up(mm: Mm, address: int, gup_flags: int) -> int:
    """Resolve a fault by hand, and use the page: 0 says that it is there.

    Real callers look at `unlocked` and begin again if the lock was lost; this one believes what it is told.
    """
    write = gup_flags & FOLL_WRITE
    await down_read(mm)
    fixed = await fixup_user_fault(current, mm, address, FAULT_FLAG_WRITE if write else 0, False)
    if fixed.error:
        await up_read(mm)
        return fixed.error
    page = await follow_page_pte(mm, address, write | FOLL_GET)
    await up_read(mm)
    await page_to_nid(page)
    await put_page(page)
    return 0


@implements
async def sys_pin(entry: str, address: int, nr_pages: int, gup_flags: int) -> int:
    """Get pages, put them back, say how many there were."""
    mm = await current.mm
    if entry == "fixup_user_fault":
        return await fix_up(mm, address, gup_flags)
    if entry == "populate":
        return await __mm_populate(address, nr_pages * PAGE_SIZE, False)
    if entry == "get_user_pages_fast":
        got = await get_user_pages_fast(address, nr_pages, gup_flags)
    elif entry == "get_user_pages_unlocked":
        got = await get_user_pages_unlocked(address, nr_pages, gup_flags)
    else:
        got = await get_with_lock(mm, entry, address, nr_pages, gup_flags)
    await put_pages(got.pages)
    return got.n
