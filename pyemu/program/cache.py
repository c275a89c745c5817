"""Steps on the cached pages of files: write back, truncate, drop them, hold one."""

from __future__ import annotations

from pyemu.calls.filemap import hold_page, shmem_fallocate, sys_fadvise_dontneed, sys_ftruncate, sys_msync
from pyemu.effects.handles import File
from pyemu.program.perform import performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.MSYNC)
async def write_back(step: ResolvedStep) -> None:
    """Have the dirty pages of a range written to the disk."""
    await sys_msync(step.address, step.length)


@performs(Action.TRUNCATE)
async def truncate(step: ResolvedStep) -> None:
    """Set the length of a file."""
    await sys_ftruncate(File(step.file), step.size)


@performs(Action.FADVISE_DONTNEED)
async def forget(step: ResolvedStep) -> None:
    """Drop the clean pages of a file that nobody maps."""
    await sys_fadvise_dontneed(File(step.file))


@performs(Action.DROP_CACHES)
async def drop_caches(step: ResolvedStep) -> None:
    """Drop such pages of every file (/proc/sys/vm/drop_caches)."""
    files = step.files
    while files:
        await sys_fadvise_dontneed(File(files[0]))
        files = files[1:]


@performs(Action.HOLD_PAGE)
async def hold(step: ResolvedStep) -> None:
    """Lock a page of a file for a time."""
    await hold_page(File(step.file), step.page, step.ticks)


@performs(Action.PUNCH_HOLE)
async def punch(step: ResolvedStep) -> None:
    """Give pages of shared memory back."""
    await shmem_fallocate(File(step.file), step.page, step.size)
