"""May a fault drop mmap_sem while it waits? The one question that every wait in a fault asks first.

Models `include/linux/mm.h` (``fault_flag_allow_retry_first``) and `mm/internal.h`
(``maybe_unlock_mmap_for_io``) of Linux v5.6 and v5.7 [fact:retry-first-helper] [fact:flag-allow-retry-5-6].
"""

from __future__ import annotations

from typing import Any

from pyemu.effects.handles import Mm
from pyemu.effects.locks import up_read
from pyemu.effects.machine import policies
from pyemu.effects.vma_locks import vma_end_read
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_VMA_LOCK,
)


def may_drop_lock(policy: Any, flags: int) -> bool:
    """Say whether this attempt may end with RETRY and without mmap_sem.

    Once TRIED is set, a waiter for a page holds the lock, so a fault that met a locked page ends at the
    second attempt. Where the flag ALLOW_RETRY is cleared after the first attempt, it alone decides.
    """
    if policy.drops_on_first_try_only and flags & FAULT_FLAG_TRIED:
        return False
    return bool(flags & FAULT_FLAG_ALLOW_RETRY)


async def release_fault_lock(mm: Mm, flags: int) -> None:
    """Drop what the fault holds: the lock of its area if it came by that alone, else mmap_sem.

    References
    ----------
    Linux v6.8, include/linux/mm.h, release_fault_lock [fact:vma-lock].
    """
    if flags & FAULT_FLAG_VMA_LOCK:
        await vma_end_read(mm)
    else:
        await up_read(mm)


async def maybe_unlock_mmap_for_io(mm: Mm, flags: int, pinned: bool) -> bool:
    """Drop mmap_sem before a wait, if that is allowed and has not been done; say whether it is dropped.

    The kernel pins the file meanwhile, hence the name of the answer everywhere: pinned. With RETRY_NOWAIT
    nothing is dropped: such a caller wants the lock back.
    """
    if pinned:
        return True
    policy = await policies()
    if flags & FAULT_FLAG_RETRY_NOWAIT or not may_drop_lock(policy, flags):
        return False
    await release_fault_lock(mm, flags)
    return True
