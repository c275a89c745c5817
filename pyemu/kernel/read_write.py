"""read(2) of /dev/zero and write(2) to a file in memory: system calls that touch user memory.

Models `read_iter_zero` and `read_zero` (`drivers/char/mem.c`) and `generic_perform_write` (`mm/filemap.c`)
of Linux v5.4 to 7.1 [fact:read-zero] [fact:tmpfs-write]. Both report what is done when something fails on the
way, and an error only if nothing is done: a short count.
"""

from __future__ import annotations

from pyemu.calls.uaccess import clear_user, copy_from_user_inatomic, fault_in_readable
from pyemu.effects.files import set_file_size, set_page_dirty
from pyemu.effects.handles import File, current
from pyemu.effects.machine import policies
from pyemu.effects.pages import put_page, unlock_page
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.flags import EFAULT, EINTR, PAGE_SIZE
from pyemu.kernel import implements
from pyemu.kernel.shmem import find_lock_page, make_page


@implements
async def sys_read_zero(address: int, n: int) -> int:
    """Write zeros, a page at a time; a signal ends the call after the page that it met."""
    policy = await policies()
    done = 0
    while done < n:
        chunk = min(PAGE_SIZE, n - done)
        left = await clear_user(address + done, chunk)
        done += chunk - left
        if left == chunk:
            return done or -EFAULT
        if left and policy.read_zero_gives_up_rest:
            return done
        if await signal_pending(current):
            return done
    return done


@implements
async def sys_pwrite(file: File, address: int, n: int, position: int) -> int:
    """Write to a file in memory, from a position on."""
    return await generic_perform_write(file, address, n, position)


@implements
async def generic_perform_write(file: File, address: int, n: int, position: int) -> int:
    """Copy to the file's pages, one after the other.

    The copy itself must not fault: it holds the lock of the file's page, and the fault could want that very
    page. So the user's page is touched before, and the copy is made with page faults off; a page that went
    away meanwhile is a reason to begin again. Later kernels copy first [fact:tmpfs-write-copy-first].
    """
    policy = await policies()
    written = 0
    prefault = not policy.write_copies_first
    while written < n:
        index, offset = divmod(position + written, PAGE_SIZE)
        chunk = min(PAGE_SIZE - offset, n - written)
        if prefault:
            absent = await fault_in_readable(address + written, chunk)
            if absent == chunk or (absent and policy.write_needs_whole_prefault):
                return written or -EFAULT
        if await fatal_signal_pending(current):
            return written or -EINTR
        page = await shmem_write_begin(file, index)
        left = await copy_from_user_inatomic(address + written, chunk, page, offset)
        await shmem_write_end(file, index, page)
        written += chunk - left
        prefault = left == chunk or not policy.write_copies_first
    return written


@implements
async def shmem_write_begin(file: File, index: int) -> int:
    """Find the page, or make it; somebody else may be faster."""
    while True:
        page = await find_lock_page(file, index)
        if not page:
            page = await make_page(file, index)
        if page:
            return page


@implements
async def shmem_write_end(file: File, index: int, page: int) -> None:
    """Note the new length, and that the page differs from nothing on a disk."""
    size = await file.size
    if index >= size:
        await set_file_size(file, index + 1)
    await set_page_dirty(page)
    await unlock_page(page)
    await put_page(page)
