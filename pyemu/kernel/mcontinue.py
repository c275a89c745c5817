"""UFFDIO_CONTINUE: a page that is in the cache, and that the monitor has looked at, is mapped.

Models `mm/userfaultfd.c` of Linux v6.1 [fact:uffd-continue]; the ioctl came with v5.13.
"""

from __future__ import annotations

from pyemu.calls.hugetlb import mcopy_atomic_hugetlb
from pyemu.effects.handles import Mm
from pyemu.effects.locks import down_read, up_read
from pyemu.flags import (
    EINVAL,
    ENOENT,
)
from pyemu.kernel import implements
from pyemu.kernel.mcopy import CONTINUES, fill_range, find_dst_vma


@implements
async def mcopy_continue(mm: Mm, start: int, length: int) -> int:
    """Map pages that are in the cache; give the bytes mapped, or what stopped the first page."""
    await down_read(mm)
    vma = await find_dst_vma(mm, start, length)
    if vma is None:
        await up_read(mm)
        return -ENOENT
    ops = await vma.vm_ops
    done = -EINVAL
    if ops == "hugetlb":
        done = await mcopy_atomic_hugetlb(vma, start, length, 0, True)
    elif ops == "shmem":
        done = await fill_range(vma, start, length, CONTINUES, 0, False)
    await up_read(mm)
    return done
