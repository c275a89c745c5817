"""khugepaged's swap-in: a kernel thread that faults pages of a process in, without a fault.

Models `mm/khugepaged.c` of Linux v5.4 to v5.7 and v6.1, as far as the swapped pages of a range go
[fact:khugepaged]. Huge pages are not in this model: what comes after that, the copy of all pages into one, is
left out.
"""

from __future__ import annotations

from pyemu.calls.swap import do_swap_page
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import get_pte
from pyemu.effects.handles import Mm, Task, Vma
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.machine import policies
from pyemu.effects.processes import get_task_mm
from pyemu.effects.swapops import pte_present
from pyemu.flags import (
    EAGAIN,
    EINVAL,
    ESRCH,
    FAULT_FLAG_ALLOW_RETRY,
    PAGE_SIZE,
    VM_FAULT_RETRY,
)
from pyemu.kernel import implements
from pyemu.kernel.fork import leave_mm


async def revalidate(mm: Mm, start: int, length: int) -> Vma | None:
    """Find the area of private memory in which a range lies as a whole (``hugepage_vma_revalidate``)."""
    vma = await find_vma(mm, start)
    if vma is None:
        return None
    first = await vma.vm_start
    end = await vma.vm_end
    ops = await vma.vm_ops
    return None if ops or first > start or start + length > end else vma


@implements
async def collapse_huge_page(task: Task, start: int, length: int) -> int:
    """Bring the range in under mmap_sem, which a page that has to be read makes it lose."""
    mm = await get_task_mm(task)
    if mm is None:
        return -ESRCH
    await down_read(mm)
    vma = await revalidate(mm, start, length)
    n_asked = -EINVAL
    if vma is None:
        await up_read(mm)
    else:
        n_asked = await collapse_huge_page_swapin(mm, vma, start, length)
    await leave_mm(mm)
    return n_asked


@implements
async def collapse_huge_page_swapin(mm: Mm, vma: Vma, start: int, length: int) -> int:
    """Call do_swap_page for each entry that is not present, never twice for one.

    Entry: mmap_sem held. Exit: not held. After RETRY it takes mmap_sem again, looks the area up again and
    goes on with the next page; later kernels give up there [fact:khugepaged-gives-up].
    """
    policy = await policies()
    address = start
    n_asked = 0
    while address < start + length:
        pte = await get_pte(mm, address)
        bits = 0
        if pte and not pte_present(pte):
            n_asked += 1
            bits = await do_swap_page(vma, address, FAULT_FLAG_ALLOW_RETRY, pte)
        if bits & VM_FAULT_RETRY:
            if policy.khugepaged_gives_up:
                return -EAGAIN
            await down_read(mm)
            found = await revalidate(mm, start, length)
            if found is None:
                await up_read(mm)
                return -EINVAL
            vma = found
        address += PAGE_SIZE
    await up_read(mm)
    return n_asked
