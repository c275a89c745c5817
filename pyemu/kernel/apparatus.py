"""Test apparatus: nothing of this is in Linux [fact:p04-x86].

A driver that is wrong on purpose: its first two faults drop mmap_sem and say RETRY, whether the caller
allowed that or not, and waited for nothing. From the third one on it gives a page like shared memory does.
What callers make of the second RETRY differs from tree to tree.

Drivers that fail as drivers may: one looks for memory while mmap_sem is held, for a time, and finds none; one
says SIGSEGV. They fail once, and give a page from the second fault on.

And somebody who locks a page for a time, as I/O does: of a file, or one that is swapped out.
"""

from __future__ import annotations

from pyemu.effects.files import count_faulty_call
from pyemu.effects.handles import File, Vma
from pyemu.effects.locks import up_read
from pyemu.effects.pages import lock_page, put_page, unlock_page
from pyemu.effects.records import Found
from pyemu.effects.sleeping import schedule_timeout, set_current_state
from pyemu.effects.swapops import SWAP
from pyemu.flags import (
    PAGE_SHIFT,
    TASK_UNINTERRUPTIBLE,
    VM_FAULT_LOCKED,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGSEGV,
)
from pyemu.kernel import implements
from pyemu.kernel.filemap import find_or_create_page
from pyemu.kernel.shmem import find_lock_page, make_page
from pyemu.kernel.swap import read_swap_cache_async

WRONG = 2  # faults
FAILING = {"oom": VM_FAULT_OOM, "sigsegv": VM_FAULT_SIGSEGV}  # kind of driver -> what its first fault gives
RECLAIM = 10_000  # ticks that it looks for memory


@implements
async def faulty_fault(vma: Vma, address: int, flags: int) -> Found:
    """Say RETRY twice, then give a page."""
    mm = await vma.vm_mm
    file = await vma.vm_file
    n_calls = await count_faulty_call(file)
    if n_calls <= WRONG:
        await up_read(mm)
        return Found(VM_FAULT_RETRY)
    return await give_page(vma, address)


@implements
async def failing_fault(vma: Vma, address: int, flags: int) -> Found:
    """Fail once, then give a page."""
    file = await vma.vm_file
    ops = await vma.vm_ops
    n_calls = await count_faulty_call(file)
    if n_calls > 1:
        return await give_page(vma, address)
    if ops == "oom":
        await set_current_state(TASK_UNINTERRUPTIBLE)
        await schedule_timeout(RECLAIM)
    return Found(FAILING[ops])


async def give_page(vma: Vma, address: int) -> Found:
    """Give a page as shared memory does, locked."""
    file = await vma.vm_file
    start = await vma.vm_start
    pgoff = await vma.vm_pgoff
    index = pgoff + ((address - start) >> PAGE_SHIFT)
    page = await find_lock_page(file, index)
    if not page:
        page = await make_page(file, index)
    return Found(VM_FAULT_LOCKED, page)


@implements
async def hold_page(file: File, index: int, ticks: int) -> None:
    """Lock a page, sleep, unlock it. Who asks for it again at once stands behind those who wait already."""
    if file == SWAP:
        page = await read_swap_cache_async(index)
    else:
        page = await find_or_create_page(file, index)
    if page is None:
        return  # nobody names the slot any more
    await lock_page(page)
    await set_current_state(TASK_UNINTERRUPTIBLE)
    await schedule_timeout(ticks)
    await unlock_page(page)
    await put_page(page)
