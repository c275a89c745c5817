"""get_user_pages: get hold of the pages behind user addresses, faulting them in where they are missing.

Models `mm/gup.c` of Linux v5.6 and v5.7, one page at a time. Here nobody tries again after RETRY
[fact:gup-retry-is-no-error]: that is the business of `pyemu.kernel.gup_locked`. Two things differ from C. The
parameter ``int *locked`` is passed by value, and comes back in the result. And whether the caller wants the
pages is told by FOLL_GET alone.
"""

from __future__ import annotations

from pyemu.calls.hugetlb import follow_hugetlb_page
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.areas import find_vma
from pyemu.effects.exceptions import bug_on
from pyemu.effects.gup import follow_page_pte
from pyemu.effects.handles import Mm, Task, Vma, current
from pyemu.effects.hugetlb import follow_huge_pte
from pyemu.effects.machine import policies
from pyemu.effects.pages import put_page
from pyemu.effects.records import FaultinResult, GupResult
from pyemu.effects.signals import fatal_signal_pending
from pyemu.flags import (
    EAGAIN,
    EBUSY,
    EFAULT,
    EHWPOISON,
    EINTR,
    ENOENT,
    ENOMEM,
    ERESTARTSYS,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_REMOTE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_WRITE,
    FOLL_COW,
    FOLL_FORCE,
    FOLL_GET,
    FOLL_HWPOISON,
    FOLL_INTERRUPTIBLE,
    FOLL_MLOCK,
    FOLL_NOWAIT,
    FOLL_POPULATE,
    FOLL_REMOTE,
    FOLL_TRIED,
    FOLL_WRITE,
    PAGE_SIZE,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_HWPOISON,
    VM_FAULT_HWPOISON_LARGE,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_WRITE,
    VM_HUGETLB,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.accounting import count_gup_attempt

UNWRITTEN = 0  # the frame that a pointer names which nobody has set


def vm_fault_to_errno(fault: int, foll_flags: int) -> int:
    """Give the error for the error bits of a fault (Linux v5.7, include/linux/mm.h) [fact:fault-errno]."""
    if fault & VM_FAULT_OOM:
        return -ENOMEM
    if fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE):
        return -EHWPOISON if foll_flags & FOLL_HWPOISON else -EFAULT
    return -EFAULT


def first_page(got: GupResult) -> int:
    """Give pages[0] as C does: if no page came, what stands there was never written."""
    return got.pages[0] if got.pages else UNWRITTEN


async def put_pages(pages: tuple[int, ...]) -> None:
    """Give pages back."""
    while pages:
        await put_page(pages[0])
        pages = pages[1:]


async def find_area(mm: Mm, address: int) -> Vma | None:
    """Find the area that holds an address; mmap_sem is held. Stacks do not grow in this model."""
    vma: Vma | None = await find_vma(mm, address)
    if vma is None:
        return None
    start = await vma.vm_start
    return vma if start <= address else None


@implements
async def follow_page_mask(vma: Vma, address: int, foll_flags: int) -> int:
    """Give the page of an address, or 0 when it must be faulted in."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    if vm_flags & VM_HUGETLB:
        return await follow_huge_pte(mm, address, foll_flags, 1)
    return await follow_page_pte(mm, address, foll_flags)


@implements
async def check_vma_flags(vma: Vma, gup_flags: int) -> int:
    """Say whether an area allows this: FOLL_FORCE may read anything, and write what is private."""
    vm_flags = await vma.vm_flags
    if gup_flags & FOLL_WRITE:
        allowed = vm_flags & VM_WRITE or (gup_flags & FOLL_FORCE and not vm_flags & VM_SHARED)
    else:
        allowed = vm_flags & VM_READ or gup_flags & FOLL_FORCE
    return 0 if allowed else -EFAULT


@implements
async def faultin_page(
    tsk: Task | None, vma: Vma, address: int, foll_flags: int, locked: int | None
) -> FaultinResult:
    """Make one attempt.

    Entry: mmap_sem held. Exit: dropped if `locked` was 1 and is 0 now; `vma` is dead then.
    """
    if foll_flags & (FOLL_POPULATE | FOLL_MLOCK) == FOLL_MLOCK:
        return FaultinResult(-ENOENT, locked, foll_flags)  # lock what is there, bring in nothing
    policy = await policies()
    flags = FAULT_FLAG_WRITE if foll_flags & FOLL_WRITE else 0
    if foll_flags & FOLL_REMOTE:
        flags |= FAULT_FLAG_REMOTE
    if locked is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY
        if policy.gup_is_killable:
            flags |= FAULT_FLAG_KILLABLE
        if policy.knows_foll_interruptible and foll_flags & FOLL_INTERRUPTIBLE:
            flags |= FAULT_FLAG_INTERRUPTIBLE
    if foll_flags & FOLL_NOWAIT:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT
    if foll_flags & FOLL_TRIED:
        flags |= FAULT_FLAG_TRIED
    fault = await handle_mm_fault(vma, address, flags)
    await count_gup_attempt(tsk, flags, fault)
    if fault & VM_FAULT_ERROR:
        return FaultinResult(vm_fault_to_errno(fault, foll_flags), locked, foll_flags)
    if fault & VM_FAULT_COMPLETED:
        return FaultinResult(-EAGAIN, 0, foll_flags)  # the page is there, only the lock is lost
    if fault & VM_FAULT_RETRY:
        dropped = locked is not None and not flags & FAULT_FLAG_RETRY_NOWAIT
        return FaultinResult(-EBUSY, 0 if dropped else locked, foll_flags)
    if fault & VM_FAULT_WRITE:
        vm_flags = await vma.vm_flags
        if not vm_flags & VM_WRITE:
            foll_flags |= FOLL_COW  # the copy was made, and its entry will never be writable
    return FaultinResult(0, locked, foll_flags)


async def get_one_page(
    tsk: Task | None, vma: Vma, address: int, foll_flags: int, locked: int | None
) -> GupResult:
    """Get the page of one address: 1 page, 0 after RETRY, or an error.

    A page that is mapped may be gone again when it is looked for: this goes on until it is caught.
    """
    while True:
        if await fatal_signal_pending(current):
            policy = await policies()
            return GupResult(-EINTR if policy.fatal_is_eintr else -ERESTARTSYS, locked)
        page = await follow_page_mask(vma, address, foll_flags)
        if page:
            return GupResult(1, locked, (page,) if foll_flags & FOLL_GET else ())
        tried = await faultin_page(tsk, vma, address, foll_flags, locked)
        foll_flags = tried.flags
        if tried.error == -ENOENT:
            return GupResult(1, locked)
        if tried.error in (-EBUSY, -EAGAIN):
            return GupResult(0, tried.locked)
        if tried.error:
            return GupResult(tried.error, tried.locked)


@implements
async def __get_user_pages(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, gup_flags: int, locked: int | None
) -> GupResult:
    """Get pages until one fails: how many, and the error only if there is not one.

    Entry: mmap_sem held. Exit: dropped if `locked` was 1 and is 0 now, after the RETRY of a fault.
    """
    policy = await policies()
    pages: tuple[int, ...] = ()
    done = error = end = 0
    address, left = start, nr_pages
    vma: Vma | None = None
    breaks_cow = False
    while left:
        if vma is None or address >= end:
            vma = await find_area(mm, address)
            if vma is None:
                error = -EFAULT
                break
            error = await check_vma_flags(vma, gup_flags)
            if error:
                break
            end = await vma.vm_end
            vm_flags = await vma.vm_flags
            private = not vm_flags & VM_SHARED
            breaks_cow = policy.gup_read_breaks_cow and private and bool(gup_flags & FOLL_GET)
            if vm_flags & VM_HUGETLB and policy.gup_walks_hugetlb:
                foll_flags = gup_flags | FOLL_WRITE if breaks_cow else gup_flags
                walk = await follow_hugetlb_page(vma, address, left, done, foll_flags, locked)
                done, left, address, locked = walk.n, walk.left, walk.position, walk.locked
                pages += walk.pages
                if policy.gup_stops_after_hugetlb and locked == 0:
                    await bug_on(bool(gup_flags & FOLL_NOWAIT), "FOLL_NOWAIT, and mmap_sem was dropped")
                    break
                if left:
                    end = await vma.vm_end  # C reads it each time
                continue
        # Who reads a page that a later write may copy could be left with the wrong copy: so copy it first.
        foll_flags = gup_flags | FOLL_WRITE if breaks_cow else gup_flags
        got = await get_one_page(tsk, vma, address, foll_flags, locked)
        if got.n <= 0:
            error = got.n
            locked = got.locked
            break
        pages += got.pages
        done += 1
        left -= 1
        address += PAGE_SIZE
    return GupResult(done or error, locked, pages)
