"""fork: a child with a copy of one's memory, page by page shared until somebody writes.

Models `kernel/fork.c` (dup_mmap), `mm/memory.c` (copy_page_range), and for the end of a process
`kernel/exit.c` and `mm/mmap.c` of Linux v5.6 and v5.7 [fact:fork-shares] [fact:fork-leaves-out]. Where the
model is simpler: page tables of a process that ended are not given back.
"""

from __future__ import annotations

from pyemu.effects.areas import dup_vma, find_vma_intersection, has_anon_pages
from pyemu.effects.entries import copy_pte
from pyemu.effects.handles import Mm, Task, Vma, current
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.processes import mmput, wake_up_new_task
from pyemu.flags import PAGE_RW, PAGE_SIZE, PAGE_UFFD_WP, TASK_SIZE, VM_HUGETLB, VM_SHARED
from pyemu.kernel import implements
from pyemu.kernel.areas import lock_areas
from pyemu.kernel.hugetlb_areas import copy_hugetlb_page_range, unmap_hugetlb_area
from pyemu.kernel.mmap import zap_range


@implements
async def sys_fork(child: Task) -> int:
    """Copy the areas and the entries, then let the child run."""
    mm = await current.mm
    copy = await child.mm
    await down_write(mm)
    await down_write(copy)
    areas = await find_vma_intersection(mm, 0, TASK_SIZE)
    await lock_areas(areas)
    while areas:
        await dup_vma(areas[0], copy)
        await copy_page_range(mm, areas[0], copy)
        areas = areas[1:]
    await up_write(copy)
    await up_write(mm)
    await wake_up_new_task(child)
    return child.id


async def copy_page_range(mm: Mm, vma: Vma, copy: Mm) -> None:
    """Give the child the entries of an area; a private page becomes read-only for both.

    An area without pages of its own is left out: the child's faults find everything in the cache. The child
    has no userfaultfd, so what one had write-protected is plain memory there.
    """
    vm_flags = await vma.vm_flags
    if vm_flags & VM_HUGETLB:
        await copy_hugetlb_page_range(mm, vma, copy)
        return
    copied = await has_anon_pages(vma)
    if not copied:
        return
    address = await vma.vm_start
    end = await vma.vm_end
    clear = 0 if vm_flags & VM_SHARED else PAGE_RW
    while address < end:
        await copy_pte(mm, address, copy, clear, PAGE_UFFD_WP)
        address += PAGE_SIZE


@implements
async def exit_mm() -> None:
    """Leave one's own address space."""
    mm = await current.mm
    await leave_mm(mm)


async def leave_mm(mm: Mm) -> None:
    """Leave an address space; after its last user nobody could look at it while it is torn down."""
    last = await mmput(mm)
    if not last:
        return
    await down_write(mm)
    areas = await find_vma_intersection(mm, 0, TASK_SIZE)
    while areas:
        vm_flags = await areas[0].vm_flags
        if vm_flags & VM_HUGETLB:
            await unmap_hugetlb_area(mm, areas[0])
        else:
            await zap_area(mm, areas[0])
        areas = areas[1:]
    await up_write(mm)


async def zap_area(mm: Mm, vma: Vma) -> None:
    """Empty the entries of an area."""
    start = await vma.vm_start
    end = await vma.vm_end
    await zap_range(mm, start, end)
