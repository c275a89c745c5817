"""process_vm_readv(2): copy from another process's memory, or from one's own.

Models `mm/process_vm_access.c` of Linux v5.6 and v5.7 [fact:pvm-readv]. The pages of the other process are
got in batches and copied without its lock; a batch that comes short is copied as far as it goes, and the next
one begins afresh: with a first try of its own [fact:pvm-readv-afresh]. Whatever get_user_pages says, the
caller hears EFAULT.
"""

from __future__ import annotations

from pyemu.calls.gup import get_user_pages_remote
from pyemu.calls.uaccess import copy_to_user
from pyemu.effects.handles import Mm, Task
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.processes import get_task_mm
from pyemu.effects.records import GupResult
from pyemu.flags import EFAULT, ESRCH, PAGE_SIZE
from pyemu.kernel import implements
from pyemu.kernel.fork import leave_mm
from pyemu.kernel.gup import put_pages

MAX_BATCH = 2 * PAGE_SIZE // 8  # pages: as many pointers as two pages hold


async def get_batch(task: Task, mm: Mm, start: int, nr_pages: int) -> GupResult:
    """Get pages of a process for reading."""
    await down_read(mm)
    got = await get_user_pages_remote(task, mm, start, nr_pages, 0, 1)
    if got.locked:
        await up_read(mm)
    return got


async def process_vm_rw_pages(pages: tuple[int, ...], offset: int, n: int, local: int) -> int:
    """Copy pages, from an offset in the first, until all is copied or the local memory can't be written."""
    done = 0
    while done < n:
        chunk = min(PAGE_SIZE - offset, n - done)
        left = await copy_to_user(local + done, chunk, pages[0], offset)
        done += chunk - left
        if left:
            break
        pages = pages[1:]
        offset = 0
    return done


@implements
async def sys_process_vm_readv(task: Task, local: int, remote: int, n: int) -> int:
    """Copy `n` bytes from `remote` in the task's memory to `local` in one's own."""
    mm = await get_task_mm(task)  # it stays as long as we look at it, whatever becomes of the task
    if mm is None:
        return -ESRCH
    done = error = 0
    while done < n and not error:
        offset = (remote + done) % PAGE_SIZE
        wanted = -(-(offset + n - done) // PAGE_SIZE)
        got = await get_batch(task, mm, remote + done - offset, min(wanted, MAX_BATCH))
        if got.n <= 0:
            error = -EFAULT
            break
        size = min(got.n * PAGE_SIZE - offset, n - done)
        copied = await process_vm_rw_pages(got.pages, offset, size, local + done)
        await put_pages(got.pages)
        done += copied
        if copied < size:
            error = -EFAULT
    await leave_mm(mm)
    return done or error
