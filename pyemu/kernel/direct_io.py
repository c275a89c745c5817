"""write(2) with O_DIRECT: the disk reads the program's pages, so the kernel must get hold of them.

Models what `fs/direct-io.c` of Linux v5.4 and `fs/iomap/direct-io.c` of v5.7 do with user memory
[fact:o-direct]. The file, its lock and the time of the disk are left out.
"""

from __future__ import annotations

from pyemu.calls.pins import iov_iter_get_pages
from pyemu.kernel import implements
from pyemu.kernel.gup import put_pages

BATCH = 64  # pages (DIO_PAGES)


@implements
async def sys_odirect_write(address: int, n: int) -> int:
    """Get the pages in batches, and give them to the disk; what has reached it counts."""
    done = 0
    while done < n:
        got = await iov_iter_get_pages(address + done, n - done, BATCH)
        if got.n <= 0:
            return done or got.n
        await put_pages(got.pages)
        done += got.n
    return done
