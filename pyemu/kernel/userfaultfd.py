"""userfaultfd, the fault's side: queue a message, sleep, come back.

Models `fs/userfaultfd.c` of Linux v5.6, v5.7 and v5.9. The policies tell apart: what kind of sleep
[fact:uffd-sleep-5-6] [fact:uffd-sleep-5-7], what comes back after a signal [fact:uffd-nopage-after-signal],
and whether the sleep looks at all for what woke it [fact:uffd-one-sleep].
"""

from __future__ import annotations

from typing import Any

from pyemu.effects.entries import get_pte
from pyemu.effects.handles import Context, Mm, Vma, Wait, current
from pyemu.effects.hugetlb import get_huge_pte
from pyemu.effects.locks import down_read
from pyemu.effects.machine import policies
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.effects.sleeping import schedule, set_current_state
from pyemu.effects.uffd import userfaultfd_dequeue, userfaultfd_queue, wake_up_poll
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    PAGE_MASK,
    PAGE_RW,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_RUNNING,
    TASK_UNINTERRUPTIBLE,
    UFFD_FEATURE_SIGBUS,
    UFFD_PAGEFAULT_FLAG_MINOR,
    UFFD_PAGEFAULT_FLAG_WP,
    UFFD_PAGEFAULT_FLAG_WRITE,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_HUGETLB,
    VM_UFFD_MINOR,
    VM_UFFD_WP,
)
from pyemu.kernel import implements
from pyemu.kernel.retry import release_fault_lock


@implements
async def handle_userfault(vma: Vma, address: int, flags: int, reason: int) -> int:
    """Queue a message for the monitor and wait; `reason` is VM_UFFD_MISSING, _WP or _MINOR.

    Entry: mmap_sem held for reading. Exit: dropped with VM_FAULT_RETRY, unless RETRY_NOWAIT; held otherwise.
    """
    policy = await policies()
    if await current.exiting:
        return VM_FAULT_SIGBUS
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    if context is None:
        return VM_FAULT_SIGBUS
    features = await context.features
    if features & UFFD_FEATURE_SIGBUS:
        return VM_FAULT_SIGBUS
    user_mode_only = await context.user_mode_only
    if user_mode_only and not flags & FAULT_FLAG_USER:
        return VM_FAULT_SIGBUS
    released = await context.released
    if released and not policy.retry_when_released:
        return VM_FAULT_NOPAGE  # a closing monitor doesn't kill: the next fault finds plain memory
    if not flags & FAULT_FLAG_ALLOW_RETRY:
        return VM_FAULT_SIGBUS
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return VM_FAULT_RETRY  # the one RETRY that keeps the lock
    if released:
        await release_fault_lock(mm, flags)  # whoever closes the userfaultfd waits for it
        return VM_FAULT_RETRY

    state = blocking_state(policy, flags)
    message = message_flags(flags, reason)
    # Queue first, look afterwards: the other way round, a page that arrives in between wakes nobody.
    wait = await userfaultfd_queue(context, address & PAGE_MASK, message, state)
    must_wait = await must_still_wait(vma, mm, address, reason)
    await release_fault_lock(mm, flags)
    if policy.userfault_sleeps_once:
        return await sleep_once(context, wait, must_wait)
    emulates_nopage = policy.nopage_after_signal and returns_to_userland(flags)
    return await sleep_until_resolved(mm, context, wait, must_wait, state, emulates_nopage)


def message_flags(flags: int, reason: int) -> int:
    """Say in a message what the access was, and why it is the monitor's business."""
    message = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
    if reason == VM_UFFD_MINOR:
        return message | UFFD_PAGEFAULT_FLAG_MINOR
    return message | UFFD_PAGEFAULT_FLAG_WP if reason == VM_UFFD_WP else message


def blocking_state(policy: Any, flags: int) -> int:
    """Choose the kind of sleep: what may end it."""
    if policy.interruptible_by_flag:
        interruptible = bool(flags & FAULT_FLAG_INTERRUPTIBLE)
    else:
        interruptible = returns_to_userland(flags)
    if interruptible:
        return TASK_INTERRUPTIBLE
    if flags & FAULT_FLAG_KILLABLE or not policy.killable_by_flag:
        return TASK_KILLABLE
    return TASK_UNINTERRUPTIBLE


def returns_to_userland(flags: int) -> bool:
    """Say whether the fault, given up, ends in user mode, where the access is made anew.

    A copy of the kernel doesn't, though FAULT_FLAG_INTERRUPTIBLE may choose the same sleep for it.
    """
    return bool(flags & FAULT_FLAG_USER and flags & FAULT_FLAG_KILLABLE)


async def must_still_wait(vma: Vma, mm: Mm, address: int, reason: int) -> bool:
    """Look at the entry of the page, of a huge one in its own way."""
    vm_flags = await vma.vm_flags
    if vm_flags & VM_HUGETLB:
        return await userfaultfd_huge_must_wait(mm, address, reason)
    return await userfaultfd_must_wait(mm, address, reason)


@implements
async def userfaultfd_huge_must_wait(mm: Mm, address: int, reason: int) -> bool:
    """Say of a huge page what `userfaultfd_must_wait` says of a small one."""
    pte = await get_huge_pte(mm, address)
    if not pte:
        return True
    return reason == VM_UFFD_WP and not pte & PAGE_RW


@implements
async def userfaultfd_must_wait(mm: Mm, address: int, reason: int) -> bool:
    """Say whether the page is still missing or, if it is a matter of writing, still write-protected."""
    pte = await get_pte(mm, address)
    if not pte:
        return True
    return reason == VM_UFFD_WP and not pte & PAGE_RW


async def sleep_until_resolved(
    mm: Mm, context: Context, wait: Wait, must_wait: bool, state: int, emulates_nopage: bool
) -> int:
    """Sleep until the monitor or a signal ends it; mmap_sem is dropped already.

    Up to Linux v5.8 [fact:uffd-loop].
    """
    result = VM_FAULT_RETRY
    if must_wait:
        released = await context.released
        signalled = await signal_ends(state)
        if not released and not signalled:
            await sleep_until_woken(context, wait, state)
            result |= VM_FAULT_MAJOR
    await set_current_state(TASK_RUNNING)
    if emulates_nopage:
        pending = await signal_pending(current)
        fatal = await fatal_signal_pending(current)
        if pending and not fatal:
            # "Nothing happened to the lock", says NOPAGE to the caller, whose vma may be freed by now.
            await down_read(mm)
            result = VM_FAULT_NOPAGE
    await userfaultfd_dequeue(wait)
    return result


async def signal_ends(state: int) -> bool:
    """Say whether a pending signal ends this kind of sleep."""
    if state == TASK_INTERRUPTIBLE:
        return await signal_pending(current)
    if state == TASK_KILLABLE:
        return await fatal_signal_pending(current)
    return False


async def sleep_until_woken(context: Context, wait: Wait, state: int) -> None:
    """Sleep; a wake that was not meant for this entry sends the task back to sleep."""
    await wake_up_poll(context)
    await schedule()
    while True:
        if await wait.waken:
            return
        await set_current_state(state)
        if await wait.waken:
            return
        if await context.released:
            return
        if await signal_ends(state):
            return
        await schedule()


async def sleep_once(context: Context, wait: Wait, must_wait: bool) -> int:
    """Sleep once, and let a new attempt find out what ended that (Linux v5.9); mmap_sem is dropped already.

    Whatever woke the task, a false alarm included, it gives RETRY, and never MAJOR. Nobody asks for signals
    here, so the monitor is woken even if one is pending: it ends the sleep before it has begun
    [fact:uffd-one-sleep].
    """
    if must_wait:
        released = await context.released
        if not released:
            await wake_up_poll(context)
            await schedule()
    await set_current_state(TASK_RUNNING)
    await userfaultfd_dequeue(wait)
    return VM_FAULT_RETRY
