"""Punching a hole into shared memory: pages are taken out of the middle of a file.

Models `mm/shmem.c` of Linux v5.6 and v5.7 (shmem_fallocate with FALLOC_FL_PUNCH_HOLE) [fact:shmem-punch].
Faults that kept bringing pages back could keep the punch from ever coming to an end, so they wait for it: see
`pyemu.kernel.shmem`. Private copies stay.
"""

from __future__ import annotations

from pyemu.effects.file_locks import inode_lock, inode_unlock
from pyemu.effects.files import cached_pages, unmap_file_page
from pyemu.effects.handles import File
from pyemu.effects.holes import begin_hole, end_hole
from pyemu.kernel import implements
from pyemu.kernel.truncate import truncate_page


@implements
async def shmem_fallocate(file: File, first: int, pages: int) -> int:
    """Take pages out of a file, whose length stays; 0.

    Entry and exit: no lock held.
    """
    end = first + pages
    await inode_lock(file)
    await begin_hole(file, first, end)
    index = first
    while index < end:
        await unmap_file_page(file, index, False)
        index += 1
    rest = await cached_pages(file, first)
    while rest and rest[0] < end:
        await truncate_page(file, rest[0])
        rest = rest[1:]
    await end_hole(file)
    await inode_unlock(file)
    return 0
