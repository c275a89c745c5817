"""get_mempolicy(2), as far as it asks for the node of a page (MPOL_F_NODE with MPOL_F_ADDR).

Models `mm/mempolicy.c` of Linux v5.6 and v5.7 [fact:lookup-node]. The machine has one node, 0; what matters
is how the page is got, and what is believed when none came.
"""

from __future__ import annotations

from pyemu.calls.gup import get_user_pages_fast, get_user_pages_locked
from pyemu.effects.areas import find_vma_intersection
from pyemu.effects.gup import page_to_nid
from pyemu.effects.handles import Mm, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.machine import policies
from pyemu.effects.pages import put_page
from pyemu.effects.records import GupResult
from pyemu.flags import EFAULT, PAGE_MASK
from pyemu.kernel import implements
from pyemu.kernel.gup import first_page


async def get_the_page(mm: Mm, address: int) -> GupResult:
    """Get one page for reading; mmap_sem is held, and released here or before."""
    policy = await policies()
    if policy.lookup_node_is_fast:
        await up_read(mm)
        return await get_user_pages_fast(address, 1, 0)
    got = await get_user_pages_locked(address, 1, 0, 1)
    if got.locked:
        await up_read(mm)
    return got


@implements
async def lookup_node(mm: Mm, address: int) -> int:
    """Give the node of a page."""
    policy = await policies()
    got = await get_the_page(mm, address & PAGE_MASK)
    if got.n < 0:
        return got.n
    if got.n == 0 and not policy.lookup_node_trusts_zero:
        return -EFAULT
    pfn = first_page(got)
    node = await page_to_nid(pfn)
    await put_page(pfn)
    return node


@implements
async def sys_get_mempolicy(address: int) -> int:
    """Look the area up, then the page; the node goes to the caller's memory, which we leave out."""
    mm = await current.mm
    await down_read(mm)
    areas: tuple[object, ...] = await find_vma_intersection(mm, address, address + 1)
    if not areas:
        await up_read(mm)
        return -EFAULT
    node = await lookup_node(mm, address)
    return min(node, 0)
