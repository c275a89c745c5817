"""A planted fault: `handle_userfault` that looks at the page before it queues up.

Two lines of the emulator's own are exchanged, and nothing else; what concerns neither is left out.
"""

from __future__ import annotations

from pyemu.effects.handles import Vma
from pyemu.effects.uffd import userfaultfd_queue
from pyemu.flags import PAGE_MASK, TASK_INTERRUPTIBLE
from pyemu.kernel.retry import release_fault_lock
from pyemu.kernel.userfaultfd import sleep_once, userfaultfd_must_wait

__all__ = ["looks_first"]


async def looks_first(vma: Vma, address: int, flags: int, reason: int) -> int:
    """Look, queue up, sleep: a page that comes between the first two wakes nobody."""
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    if context is None:
        raise AssertionError("the scenarios of this planted fault have a userfaultfd")
    must_wait = await userfaultfd_must_wait(mm, address, reason)
    wait = await userfaultfd_queue(context, address & PAGE_MASK, 0, TASK_INTERRUPTIBLE)
    await release_fault_lock(mm, flags)
    return await sleep_once(context, wait, must_wait)
