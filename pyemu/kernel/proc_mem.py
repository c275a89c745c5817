"""``/proc/PID/mem``: read the memory of a process page by page, without ever giving up its lock.

Models `mem_rw` of `fs/proc/base.c` and `access_remote_vm` of `mm/memory.c` of Linux v5.6 and v5.7
[fact:gup-locked-null]. get_user_pages gets no pointer for `locked`, so a page that somebody else must bring
is an error, EIO, in every kernel [fact:proc-mem]. A page of a file is waited for, with the lock held. Here
whole pages are read.
"""

from __future__ import annotations

from pyemu.calls.gup import get_user_pages_remote
from pyemu.calls.uaccess import copy_to_user
from pyemu.effects.files import copy_page
from pyemu.effects.handles import Mm, Task
from pyemu.effects.locks import down_read_killable, up_read
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.processes import get_task_mm
from pyemu.flags import EFAULT, EIO, FOLL_FORCE, PAGE_SIZE
from pyemu.kernel import implements
from pyemu.kernel.fork import leave_mm


@implements
async def access_remote_vm(mm: Mm, address: int, page: int) -> int:
    """Copy one page to a frame of the kernel's: how many bytes, which is nothing if it can't be had now."""
    if await down_read_killable(mm):
        return 0
    got = await get_user_pages_remote(None, mm, address, 1, int(FOLL_FORCE), None)
    if got.n > 0:
        await copy_page(page, got.pages[0])
        await put_page(got.pages[0])
    await up_read(mm)
    return PAGE_SIZE if got.n > 0 else 0


async def read_pages(mm: Mm, buffer: int, address: int, n: int, page: int) -> int:
    """Read page by page by way of a frame of the kernel's; without a buffer, into memory left out here."""
    done = left = 0
    while done < n:
        got = await access_remote_vm(mm, address + done, page)
        if not got:
            return done or -EIO
        if buffer:
            left = await copy_to_user(buffer + done, got, page, 0)
        if left:
            return -EFAULT
        done += got
    return done


@implements
async def sys_procmem_read(task: Task, buffer: int, address: int, n: int) -> int:
    """Read the memory of a process; one that is gone has none."""
    mm = await get_task_mm(task)
    if mm is None:
        return 0
    page = await alloc_page(0)
    done = await read_pages(mm, buffer, address, n, page)
    await put_page(page)
    await leave_mm(mm)
    return done
