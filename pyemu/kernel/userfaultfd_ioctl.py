"""userfaultfd, the monitor's side: what a program asks of it by ioctl(2), and closing it.

Models `fs/userfaultfd.c` of Linux v5.7: register, unregister [fact:uffd-unregister], wake [fact:uffd-wake],
copy [fact:uffd-copy], zeropage, writeprotect [fact:uffd-writeprotect], each with its errors; and closing
[fact:uffd-close]. Only private anonymous memory can be write-protected [fact:uffd-wp-anonymous-only]; later
kernels protect shared memory as well, which this model does not.

A function gives 0 or a negative error number. What Linux counts in bytes done, and the program's way to its
source page, are left out: the source is a byte, repeated.
"""

from __future__ import annotations

from pyemu.calls.userfaultfd import mcopy_atomic, mcopy_continue, mfill_zeropage, mwriteprotect_range
from pyemu.effects.areas import find_vma, find_vma_intersection, set_vma_context
from pyemu.effects.handles import Context, Vma
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.machine import policies
from pyemu.effects.uffd import set_released, wake_up_poll, wake_userfault
from pyemu.flags import (
    EAGAIN,
    EBUSY,
    EINVAL,
    ENOMEM,
    HPAGE_MASK,
    PAGE_MASK,
    UFFDIO_CONTINUE_MODE_DONTWAKE,
    UFFDIO_COPY_MODE_DONTWAKE,
    UFFDIO_COPY_MODE_WP,
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
    UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
    UFFDIO_WRITEPROTECT_MODE_WP,
    UFFDIO_ZEROPAGE_MODE_DONTWAKE,
    VM_HUGETLB,
    VM_UFFD_MINOR,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
)
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate, lock_areas

TASK_SIZE = 1 << 47  # bytes in the user half of the address space


def validate_range(start: int, length: int) -> int:
    """Refuse a range that isn't made of whole pages, is empty, or leaves the user's half."""
    if (start | length) & ~PAGE_MASK or length <= 0:
        return -EINVAL
    if start <= 0 or start + length > TASK_SIZE:
        return -EINVAL
    return 0


async def vma_can_userfault(vma: Vma, modes: int) -> bool:
    """Say whether an area can be served: anonymous memory, or shared memory without write protection.

    Only what has a cache can be missing in the page table and not in the cache [fact:uffd-minor-hugetlb]
    [fact:uffd-minor-shmem].
    """
    policy = await policies()
    ops = await vma.vm_ops
    if modes & VM_UFFD_MINOR and not (ops == "hugetlb" or (ops == "shmem" and policy.minor_faults_of_shmem)):
        return False
    return not ops or (ops in ("shmem", "hugetlb") and not modes & VM_UFFD_WP)


async def first_area(context: Context, start: int, length: int) -> int:
    """Say what is wrong with a range in which no area lies; mmap_sem is held for writing."""
    mm = await context.mm
    vma = await find_vma(mm, start)
    if vma is None:
        return -ENOMEM
    first = await vma.vm_start
    return -EINVAL if first >= start + length else 0


@implements
async def userfaultfd_register(context: Context, start: int, length: int, mode: int) -> int:
    """Attach the areas of a range; either all of them or, if one can't be served, none."""
    policy = await policies()
    known = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP
    if policy.minor_faults:
        known |= UFFDIO_REGISTER_MODE_MINOR
    if not mode or mode & ~known:
        return -EINVAL
    modes = VM_UFFD_MISSING if mode & UFFDIO_REGISTER_MODE_MISSING else 0
    if mode & UFFDIO_REGISTER_MODE_WP:
        modes |= VM_UFFD_WP
    if mode & UFFDIO_REGISTER_MODE_MINOR:
        modes |= VM_UFFD_MINOR
    error = validate_range(start, length)
    if error:
        return error
    mm = await context.mm
    await down_write(mm)
    error = await first_area(context, start, length)
    if not error:
        error = await check_areas(context, start, length, modes)
    if not error:
        await attach_areas(context, start, length, modes)
    await up_write(mm)
    return error


async def check_areas(context: Context, start: int, length: int, modes: int) -> int:
    """Say whether every area of a range can be attached."""
    mm = await context.mm
    areas = await find_vma_intersection(mm, start, start + length)
    while areas:
        able = await vma_can_userfault(areas[0], modes)
        whole = await cuts_no_huge_page(areas[0], start, start + length)
        if not able or not whole:
            return -EINVAL
        owner = await areas[0].vm_userfaultfd_ctx
        if owner is not None and owner != context:
            return -EBUSY  # whose monitor would get the messages?
        areas = areas[1:]
    return 0


async def cuts_no_huge_page(vma: Vma, start: int, end: int) -> bool:
    """Say whether a range cuts none of an area's huge pages in two [fact:hugetlb-uffd-range]."""
    vm_flags = await vma.vm_flags
    return not (vm_flags & VM_HUGETLB and (start | end) & ~HPAGE_MASK)


async def attach_areas(context: Context, start: int, length: int, modes: int) -> None:
    """Attach the parts of areas that lie in a range."""
    mm = await context.mm
    areas = await isolate(mm, start, start + length)
    while areas:
        await set_vma_context(areas[0], context, modes)
        areas = areas[1:]


@implements
async def userfaultfd_unregister(context: Context, start: int, length: int) -> int:
    """Wake who waits in the registered areas of a range, and detach these areas."""
    error = validate_range(start, length)
    if error:
        return error
    mm = await context.mm
    await down_write(mm)
    error = await first_area(context, start, length)
    if not error:
        error = await check_served(context, start, length)
    areas: tuple[Vma, ...] = ()
    if not error:
        areas = await isolate(mm, start, start + length)
    while areas:
        attached = await areas[0].vm_userfaultfd_ctx
        if attached is not None:
            await wake_missing(attached, areas[0])
            await set_vma_context(areas[0], None, 0)
        areas = areas[1:]
    await up_write(mm)
    return error


async def check_served(context: Context, start: int, length: int) -> int:
    """Refuse a range with an area that no userfaultfd can serve: whoever names it made a mistake."""
    mm = await context.mm
    areas = await find_vma_intersection(mm, start, start + length)
    while areas:
        modes = await areas[0].vm_flags
        able = await vma_can_userfault(areas[0], modes)
        if not able:
            return -EINVAL
        areas = areas[1:]
    return 0


async def wake_missing(context: Context, vma: Vma) -> None:
    """Wake who waits for missing pages of an area: they can't look before mmap_sem is free."""
    vm_flags = await vma.vm_flags
    if vm_flags & (VM_UFFD_MISSING | VM_UFFD_MINOR):
        first = await vma.vm_start
        last = await vma.vm_end
        await wake_userfault(context, first, last - first)


@implements
async def userfaultfd_wake(context: Context, start: int, length: int) -> int:
    """Wake who waits in a range, and bring nothing."""
    error = validate_range(start, length)
    if not error:
        await wake_userfault(context, start, length)
    return error


@implements
async def userfaultfd_copy(context: Context, start: int, length: int, byte: int, mode: int) -> int:
    """Fill missing pages, perhaps write-protected, and wake who waits for them."""
    error = validate_range(start, length)
    if error:
        return error
    if mode & ~(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP):
        return -EINVAL
    mm = await context.mm
    done = await mcopy_atomic(mm, start, length, byte, mode)
    return await wake_filled(context, start, length, done, bool(mode & UFFDIO_COPY_MODE_DONTWAKE))


@implements
async def userfaultfd_zeropage(context: Context, start: int, length: int, mode: int) -> int:
    """Map the zero page at missing pages and wake who waits for them."""
    error = validate_range(start, length)
    if error:
        return error
    if mode & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE:
        return -EINVAL
    mm = await context.mm
    done = await mfill_zeropage(mm, start, length)
    return await wake_filled(context, start, length, done, bool(mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE))


async def wake_filled(context: Context, start: int, length: int, done: int, silent: bool) -> int:
    """Wake who waits for the pages that were filled; a part of them is no success."""
    if done < 0:
        return done
    if not silent:
        await wake_userfault(context, start, done)
    return 0 if done == length else -EAGAIN


@implements
async def userfaultfd_continue(context: Context, start: int, length: int, mode: int) -> int:
    """Map pages that are in the cache, and wake who waits for them [fact:uffd-continue]."""
    policy = await policies()
    if not policy.minor_faults:
        return -EINVAL  # no such ioctl
    error = validate_range(start, length)
    if error:
        return error
    if mode & ~UFFDIO_CONTINUE_MODE_DONTWAKE:
        return -EINVAL
    mm = await context.mm
    done = await mcopy_continue(mm, start, length)
    return await wake_filled(context, start, length, done, bool(mode & UFFDIO_CONTINUE_MODE_DONTWAKE))


@implements
async def userfaultfd_writeprotect(context: Context, start: int, length: int, mode: int) -> int:
    """Write-protect pages, or give the right to write back and wake who waits for it."""
    error = validate_range(start, length)
    if error:
        return error
    if mode & ~(UFFDIO_WRITEPROTECT_MODE_DONTWAKE | UFFDIO_WRITEPROTECT_MODE_WP):
        return -EINVAL
    protects = bool(mode & UFFDIO_WRITEPROTECT_MODE_WP)
    silent = bool(mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE)
    if protects and silent:
        return -EINVAL  # to protect wakes nobody anyway
    mm = await context.mm
    error = await mwriteprotect_range(mm, start, length, protects)
    if not error and not protects and not silent:
        await wake_userfault(context, start, length)
    return error


@implements
async def userfaultfd_release(context: Context) -> None:
    """Close a userfaultfd: mark it as released, detach its areas, wake every waiter."""
    # First: a fault that finds its area still attached must not wait for a monitor that is gone.
    await set_released(context)
    mm = await context.mm
    await down_write(mm)
    areas = await find_vma_intersection(mm, 0, TASK_SIZE)
    await lock_areas(areas)
    while areas:
        attached = await areas[0].vm_userfaultfd_ctx
        if attached == context:
            await set_vma_context(areas[0], None, 0)
        areas = areas[1:]
    await up_write(mm)
    await wake_userfault(context, 0, TASK_SIZE)
    await wake_up_poll(context)
