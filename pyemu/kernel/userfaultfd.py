"""userfaultfd: the fault that waits for a monitor, and what the monitor can do.

Models `fs/userfaultfd.c` and `mm/userfaultfd.c` of Linux v5.6 and v5.7 for missing pages of anonymous memory.
The policies tell apart: what kind of sleep [fact:uffd-sleep-5-6] [fact:uffd-sleep-5-7], and what comes back
after a signal [fact:uffd-nopage-after-signal].
"""

from __future__ import annotations

from typing import Any

from pyemu.effects.areas import find_vma, set_vma_context
from pyemu.effects.entries import get_pte, set_pte_if_none
from pyemu.effects.handles import Context, Mm, Vma, Wait, current
from pyemu.effects.locks import down_read, down_write, up_read, up_write
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.effects.sleeping import schedule, set_current_state
from pyemu.effects.uffd import (
    userfaultfd_dequeue,
    userfaultfd_queue,
    userfaultfd_release,
    userfaultfd_wake,
    wake_up_poll,
)
from pyemu.flags import (
    EEXIST,
    ENOENT,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    PAGE_MASK,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_RUNNING,
    TASK_UNINTERRUPTIBLE,
    UFFD_PAGEFAULT_FLAG_WRITE,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate

EVERYWHERE = 1 << 47  # length of the user half of the address space, in bytes


def blocking_state(policy: Any, flags: int) -> int:
    """Choose the kind of sleep: what may end it."""
    if policy.interruptible_by_flag:
        interruptible = flags & FAULT_FLAG_INTERRUPTIBLE
    else:
        interruptible = flags & FAULT_FLAG_USER and flags & FAULT_FLAG_KILLABLE
    if interruptible:
        return TASK_INTERRUPTIBLE
    if flags & FAULT_FLAG_KILLABLE or not policy.killable_by_flag:
        return TASK_KILLABLE
    return TASK_UNINTERRUPTIBLE


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


@implements
async def handle_userfault(vma: Vma, address: int, flags: int, reason: int) -> int:
    """Queue a message for the monitor and wait.

    Entry: mmap_sem held for reading. Exit: dropped with VM_FAULT_RETRY, unless RETRY_NOWAIT; held otherwise.
    """
    policy = await policies()
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    if context is None:
        return VM_FAULT_SIGBUS
    if await current.exiting:
        return VM_FAULT_SIGBUS
    user_mode_only = await context.user_mode_only
    if user_mode_only and not flags & FAULT_FLAG_USER:
        return VM_FAULT_SIGBUS
    if await context.released:
        return VM_FAULT_NOPAGE  # a closing monitor doesn't kill: the next fault finds plain memory
    if not flags & FAULT_FLAG_ALLOW_RETRY:
        return VM_FAULT_SIGBUS
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return VM_FAULT_RETRY  # the one RETRY that keeps the lock

    state = blocking_state(policy, flags)
    message_flags = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
    # Queue first, look afterwards: the other way round, a page that arrives in between wakes nobody.
    wait = await userfaultfd_queue(context, address & PAGE_MASK, message_flags, state)
    sleeps = await userfaultfd_must_wait(mm, address)
    await up_read(mm)
    result = VM_FAULT_RETRY
    if sleeps:
        released = await context.released
        signalled = await signal_ends(state)
        if not released and not signalled:
            await sleep_until_woken(context, wait, state)
            result |= VM_FAULT_MAJOR
    await set_current_state(TASK_RUNNING)
    if policy.nopage_after_signal and state == TASK_INTERRUPTIBLE:
        pending = await signal_pending(current)
        fatal = await fatal_signal_pending(current)
        if pending and not fatal:
            # "Nothing happened to the lock", says NOPAGE to the caller, whose vma may be freed by now.
            await down_read(mm)
            result = VM_FAULT_NOPAGE
    await userfaultfd_dequeue(wait)
    return result


@implements
async def userfaultfd_must_wait(mm: Mm, address: int) -> bool:
    """Say whether the page is still missing."""
    pte = await get_pte(mm, address)
    return not pte


@implements
async def userfaultfd_copy(context: Context, address: int, byte: int, wake: bool) -> int:
    """Fill one missing page of the served process and wake who waits for it."""
    mm = await context.mm
    pfn = await alloc_page(byte)
    await down_read(mm)
    vma = await find_vma(mm, address)
    if vma is None:
        await up_read(mm)
        await put_page(pfn)
        return -ENOENT
    start = await vma.vm_start
    vm_flags = await vma.vm_flags
    attached = await vma.vm_userfaultfd_ctx
    if start > address or attached is None:
        await up_read(mm)
        await put_page(pfn)
        return -ENOENT
    filled = await set_pte_if_none(mm, address, pfn, bool(vm_flags & VM_WRITE))
    await up_read(mm)
    if not filled:
        await put_page(pfn)
        return -EEXIST
    if wake:
        await userfaultfd_wake(context, address, 1)
    return 0


@implements
async def userfaultfd_unregister(context: Context, start: int, length: int) -> int:
    """Wake who waits in the registered areas of a range, and detach these areas."""
    mm = await context.mm
    await down_write(mm)
    areas = await isolate(mm, start, start + length)
    while areas:
        attached = await areas[0].vm_userfaultfd_ctx
        if attached is not None:
            first = await areas[0].vm_start
            last = await areas[0].vm_end
            # Woken before the area is plain: they can't look before mmap_sem is free.
            await userfaultfd_wake(attached, first, last - first)
            await set_vma_context(areas[0], None)
        areas = areas[1:]
    await up_write(mm)
    return 0


@implements
async def userfaultfd_close(context: Context) -> None:
    """Mark the userfaultfd as released, detach its areas, wake every waiter."""
    await userfaultfd_release(context)
    mm = await context.mm
    await down_write(mm)
    areas = await isolate(mm, 0, EVERYWHERE)
    while areas:
        attached = await areas[0].vm_userfaultfd_ctx
        if attached == context:
            await set_vma_context(areas[0], None)
        areas = areas[1:]
    await up_write(mm)
    await userfaultfd_wake(context, 0, EVERYWHERE)
