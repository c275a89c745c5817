"""read(2) of /dev/zero and write(2) to a file in memory: system calls that touch user memory.

Models `read_iter_zero` and `read_zero` (`drivers/char/mem.c`) and `generic_perform_write` (`mm/filemap.c`)
of Linux v5.4 to 7.1 [fact:read-zero] [fact:tmpfs-write]. Both report what is done when something fails on the
way, and an error only if nothing is done: a short count.
"""

from __future__ import annotations

from pyemu.calls.uaccess import clear_user, copy_from_user_inatomic, fault_in_readable
from pyemu.effects.handles import current
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.flags import EFAULT, EINTR, PAGE_SIZE
from pyemu.kernel import implements


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
async def sys_tmpfs_write(address: int, n: int) -> int:
    """Write to the start of a fresh file."""
    return await generic_perform_write(address, n)


@implements
async def generic_perform_write(address: int, n: int) -> int:
    """Copy to the file's pages, one after the other.

    The copy itself must not fault: it holds the lock of the file's page, and the fault could want that very
    page. So the user's page is touched before, and the copy is made with page faults off; a page that went
    away meanwhile is a reason to begin again.
    """
    policy = await policies()
    written = 0
    prefault = not policy.write_copies_first
    while written < n:
        chunk = min(PAGE_SIZE - written % PAGE_SIZE, n - written)
        if prefault:
            absent = await fault_in_readable(address + written, chunk)
            if absent == chunk or (absent and policy.write_needs_whole_prefault):
                return written or -EFAULT
        if await fatal_signal_pending(current):
            return written or -EINTR
        page = await alloc_page(0)
        left = await copy_from_user_inatomic(address + written, chunk, page, written % PAGE_SIZE)
        written += chunk - left
        prefault = left == chunk or not policy.write_copies_first
    return written
