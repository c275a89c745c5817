"""Filling and write-protecting the memory of a served process.

Models `mm/userfaultfd.c` of Linux v5.7 for anonymous and shared memory: a page that is filled, a zero page
that is mapped [fact:uffd-copy], entries that lose and regain the right to write [fact:uffd-writeprotect].
Huge pages have a way of their own: `pyemu.kernel.mcopy_hugetlb`.
"""

from __future__ import annotations

from pyemu.calls.hugetlb import mcopy_atomic_hugetlb
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import get_pte, mk_pte, my_zero_pfn, set_pte_if_same
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.signals import fatal_signal_pending
from pyemu.effects.swapops import pte_present
from pyemu.flags import (
    EEXIST,
    EINTR,
    EINVAL,
    ENOENT,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SIZE,
    PAGE_SWP_WRITE,
    PAGE_UFFD_WP,
    PAGE_USER,
    UFFDIO_COPY_MODE_WP,
    VM_HUGETLB,
    VM_SHARED,
    VM_UFFD_WP,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.shmem import mcontinue_atomic_pte, shmem_mfill_atomic_pte

# How a page is filled (``enum mcopy_atomic_mode``).
COPIES, ZEROES, CONTINUES = "copies", "zeroes", "continues"


async def find_dst_vma(mm: Mm, start: int, length: int) -> Vma | None:
    """Find the registered area in which a range lies as a whole."""
    vma = await find_vma(mm, start)
    if vma is None:
        return None
    first = await vma.vm_start
    last = await vma.vm_end
    if first > start or start + length > last:
        return None
    attached = await vma.vm_userfaultfd_ctx
    return None if attached is None else vma


async def fill_range(vma: Vma, start: int, length: int, way: str, byte: int, protects: bool) -> int:
    """Fill pages one by one; give the bytes filled, or what stopped the first. SIGKILL ends it after a page.

    Entry and exit: mmap_sem held for reading.
    """
    address = start
    error = 0
    while address < start + length and not error:
        if way == COPIES:
            error = await mcopy_atomic_pte(vma, address, byte, protects)
        elif way == ZEROES:
            error = await mfill_zeropage_pte(vma, address)
        else:
            error = await mcontinue_atomic_pte(vma, address)
        if not error:
            address += PAGE_SIZE
            if await fatal_signal_pending(current):
                error = -EINTR
    return address - start if address > start else error


@implements
async def mcopy_atomic(mm: Mm, start: int, length: int, byte: int, mode: int) -> int:
    """Fill missing pages; give the bytes filled, or what stopped the first page."""
    await down_read(mm)
    vma = await find_dst_vma(mm, start, length)
    if vma is None:
        await up_read(mm)
        return -ENOENT
    vm_flags = await vma.vm_flags
    protects = bool(mode & UFFDIO_COPY_MODE_WP)
    if protects and not vm_flags & VM_UFFD_WP:
        await up_read(mm)
        return -EINVAL  # nobody would be told of the write
    if vm_flags & VM_HUGETLB:
        done = await mcopy_atomic_hugetlb(vma, start, length, byte, False)
        await up_read(mm)
        return done
    done = await fill_range(vma, start, length, COPIES, byte, protects)
    await up_read(mm)
    return done


@implements
async def mcopy_atomic_pte(vma: Vma, address: int, byte: int, protects: bool) -> int:
    """Map a fresh page that is filled with a byte; 0, or -EEXIST."""
    vm_flags = await vma.vm_flags
    if vm_flags & VM_SHARED:
        return await shmem_mfill_atomic_pte(vma, address, byte)
    mm = await vma.vm_mm
    rights = PAGE_PRESENT | PAGE_USER | PAGE_DIRTY
    if vm_flags & VM_WRITE:
        rights |= PAGE_UFFD_WP if protects else PAGE_RW
    pfn = await alloc_page(byte)
    entry = await mk_pte(pfn, rights)
    if await set_pte_if_same(mm, address, 0, entry):
        return 0
    await put_page(pfn)
    return -EEXIST


@implements
async def mfill_zeropage(mm: Mm, start: int, length: int) -> int:
    """Map the zero page at missing pages; give the bytes mapped, or what stopped the first page."""
    await down_read(mm)
    vma = await find_dst_vma(mm, start, length)
    if vma is None:
        await up_read(mm)
        return -ENOENT
    vm_flags = await vma.vm_flags
    if vm_flags & VM_HUGETLB:
        await up_read(mm)
        return -EINVAL  # there is no huge zero page
    done = await fill_range(vma, start, length, ZEROES, 0, False)
    await up_read(mm)
    return done


@implements
async def mfill_zeropage_pte(vma: Vma, address: int) -> int:
    """Map the zero page for reading, or put zeros into shared memory; 0, or -EEXIST."""
    vm_flags = await vma.vm_flags
    if vm_flags & VM_SHARED:
        return await shmem_mfill_atomic_pte(vma, address, 0)
    mm = await vma.vm_mm
    zero = await my_zero_pfn()
    entry = await mk_pte(zero, PAGE_PRESENT | PAGE_USER)
    if await set_pte_if_same(mm, address, 0, entry):
        return 0
    return -EEXIST


@implements
async def mwriteprotect_range(mm: Mm, start: int, length: int, protects: bool) -> int:
    """Take the right to write from a range, or give it back; mmap_sem is taken for reading only."""
    await down_read(mm)
    vma = await find_dst_vma(mm, start, length)
    vm_flags = 0
    if vma is not None:
        vm_flags = await vma.vm_flags
    if vm_flags & VM_SHARED or not vm_flags & VM_UFFD_WP:
        await up_read(mm)
        return -ENOENT
    address = start
    while address < start + length:
        await protect_entry(mm, address, protects)
        address += PAGE_SIZE
    await up_read(mm)
    return 0


async def protect_entry(mm: Mm, address: int, protects: bool) -> None:
    """Change one entry, and flush it; a missing page has none to mark, one that is swapped out has.

    An entry that may be written again gets that right from its next write fault.
    """
    while True:
        old = await get_pte(mm, address)
        if not old:
            return
        writes = PAGE_RW if pte_present(old) else PAGE_SWP_WRITE
        new = old & ~writes | PAGE_UFFD_WP if protects else old & ~(writes | PAGE_UFFD_WP)
        if await set_pte_if_same(mm, address, old, new):
            return
