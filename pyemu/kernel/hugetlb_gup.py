"""get_user_pages over an area of huge pages: a walk of its own, up to v6.1 [fact:gup-hugetlb-walk].

Models `mm/hugetlb.c` of Linux v5.6 and v5.7. What C passes by pointer (the place, the count of pages that are
still wanted, ``locked``) goes in by value and comes back in the result. The walk calls `hugetlb_fault` by
itself, so nobody counts its faults [fact:count-hugetlb-gup].
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.hugetlb import hugetlb_fault
from pyemu.effects.handles import Vma, current
from pyemu.effects.hugetlb import follow_huge_pte
from pyemu.effects.machine import policies
from pyemu.effects.records import HugetlbWalk
from pyemu.effects.signals import fatal_signal_pending
from pyemu.flags import (
    EFAULT,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_WRITE,
    FOLL_GET,
    FOLL_NOWAIT,
    FOLL_TRIED,
    FOLL_WRITE,
    HPAGE_SIZE,
    PAGE_SHIFT,
    PAGE_SIZE,
    VM_FAULT_ERROR,
    VM_FAULT_RETRY,
)
from pyemu.kernel import implements
from pyemu.kernel.gup import vm_fault_to_errno


def walk_flags(policy: Any, foll_flags: int, locked: int | None) -> int:
    """Give the flags of an attempt: as faultin_page does, without REMOTE."""
    flags = FAULT_FLAG_WRITE if foll_flags & FOLL_WRITE else 0
    if locked is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY
        if policy.gup_is_killable:
            flags |= FAULT_FLAG_KILLABLE
    if foll_flags & FOLL_NOWAIT:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT
    if foll_flags & FOLL_TRIED:
        flags |= FAULT_FLAG_TRIED
    return flags


@implements
async def follow_hugetlb_page(
    vma: Vma, position: int, nr_pages: int, done: int, foll_flags: int, locked: int | None
) -> HugetlbWalk:
    """Get pages up to the end of the area, or until one fails.

    Entry: mmap_sem held. Exit: dropped if `locked` was 1 and is 0 now; `vma` is dead then. A RETRY is no
    error: it gives the count so far, and no page is wanted any more. SIGKILL gives -EFAULT if there is no
    page [fact:hugetlb-gup-killed].
    """
    policy = await policies()
    mm = await vma.vm_mm
    end = await vma.vm_end
    error = -EFAULT
    pages: tuple[int, ...] = ()
    left = nr_pages
    while position < end and left:
        if await fatal_signal_pending(current):
            left = 0
            break
        inside = (HPAGE_SIZE - position % HPAGE_SIZE) >> PAGE_SHIFT  # small pages up to the next huge one
        n = min(inside, left, (end - position) >> PAGE_SHIFT)
        page = await follow_huge_pte(mm, position, foll_flags, n)
        if not page:
            flags = walk_flags(policy, foll_flags, locked)
            fault = await hugetlb_fault(vma, position, flags)
            if fault & VM_FAULT_ERROR:
                error = vm_fault_to_errno(fault, foll_flags)
                left = 0
                break
            if fault & VM_FAULT_RETRY:
                return after_retry(policy, done, left, position, flags, locked, pages)
            continue
        if foll_flags & FOLL_GET:
            pages += tuple(range(page, page + n))
        done += n
        left -= n
        position += n * PAGE_SIZE
    return HugetlbWalk(done or error, left, position, locked, pages)


def after_retry(
    policy: Any, done: int, left: int, position: int, flags: int, locked: int | None, pages: tuple[int, ...]
) -> HugetlbWalk:
    """Tell the caller of a RETRY: the lock is lost, unless it must not be, and no page is wanted any more.

    The two faults are test apparatus: a walk that forgets one of these.
    """
    drops = locked is not None and not flags & FAULT_FLAG_RETRY_NOWAIT
    if policy.hugetlb_walk_says_dropped and locked is not None:
        drops = True
    if not policy.hugetlb_walk_keeps_count:
        left = 0
    return HugetlbWalk(done, left, position, 0 if drops else locked, pages)
