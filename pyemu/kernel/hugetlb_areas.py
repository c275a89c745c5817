"""Areas of huge pages as system calls change them: unmapped, protected, copied by fork.

Models `mm/hugetlb.c` of Linux v5.6 and v5.7 [fact:hugetlb-unmap] [fact:hugetlb-fork]
[fact:hugetlb-mprotect]. Who changes entries of such an area holds the lock of its file's mappings for
writing.
"""

from __future__ import annotations

from pyemu.effects.areas import free_vma
from pyemu.effects.file_locks import i_mmap_lock_write, i_mmap_unlock_write
from pyemu.effects.handles import Mm, Vma
from pyemu.effects.hugetlb import copy_huge_pte, hugetlb_vm_op_close, iput, modify_huge_pte, zap_huge_pte
from pyemu.flags import HPAGE_SIZE, PAGE_PRESENT, PAGE_PROTNONE, PAGE_RW, VM_SHARED


async def unmap_hugetlb_area(mm: Mm, vma: Vma) -> None:
    """Empty the entries of an area and free it; a file that nobody has any more goes with it.

    Entry and exit: mmap_sem held for writing.
    """
    file = await vma.vm_file
    start = await vma.vm_start
    end = await vma.vm_end
    await i_mmap_lock_write(file)
    address = start
    while address < end:
        await zap_huge_pte(mm, address)
        address += HPAGE_SIZE
    await i_mmap_unlock_write(file)
    await hugetlb_vm_op_close(vma)
    await free_vma(vma)
    await iput(file)


async def copy_hugetlb_page_range(mm: Mm, vma: Vma, copy: Mm) -> None:
    """Give the child every entry of an area; a private page becomes read-only for both."""
    vm_flags = await vma.vm_flags
    address = await vma.vm_start
    end = await vma.vm_end
    clear = 0 if vm_flags & VM_SHARED else PAGE_RW
    while address < end:
        await copy_huge_pte(mm, address, copy, clear)
        address += HPAGE_SIZE


async def hugetlb_change_protection(mm: Mm, vma: Vma, rights: int) -> None:
    """Set the rights of every entry of an area; a private page becomes writable by its next write fault."""
    vm_flags = await vma.vm_flags
    file = await vma.vm_file
    address = await vma.vm_start
    end = await vma.vm_end
    allowed = rights if vm_flags & VM_SHARED else rights & ~PAGE_RW
    await i_mmap_lock_write(file)
    while address < end:
        await modify_huge_pte(mm, address, PAGE_PRESENT | PAGE_RW | PAGE_PROTNONE, allowed)
        address += HPAGE_SIZE
    await i_mmap_unlock_write(file)
