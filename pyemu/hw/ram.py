"""RAM for machines that are larger than this one.

Emulated RAM is one buffer, so that a physical address is an index. Of a large machine little is
touched, and what isn't touched needs no memory: the buffer is mapped without a reservation
(MAP_NORESERVE), and the system gives a page when it is first written. A plain mapping of such a size
is refused where the system reckons what might be written (``vm.overcommit_memory`` 0).
"""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress

from pyemu.errors import HardwareError
from pyemu.hw import check
from pyemu.hw.bits import PAGE_SIZE

__all__ = ["make_ram"]

_LINUX_NORESERVE = 0x4000  # Python has the name from 3.13 on
_NORESERVE = getattr(mmap, "MAP_NORESERVE", _LINUX_NORESERVE if sys.platform == "linux" else 0)


def make_ram(n_bytes: int) -> mmap.mmap:
    """Make RAM of zeros that takes memory only where it is written.

    Parameters
    ----------
    n_bytes : int
        Its size: a multiple of 4096, up to the 2**52 bytes that x86-64 can address.

    Returns
    -------
    mmap.mmap
        A writable buffer whose first byte is physical address 0. It is private to this process.

    Raises
    ------
    BadValueError, BadTypeError
        The size is no such number.
    HardwareError
        The system refuses so much.

    Examples
    --------
    >>> ram = make_ram(64 << 30)
    >>> ram[(64 << 30) - 1]
    0
    """
    check.integer("the size of ram", n_bytes, PAGE_SIZE, 1 << 52)
    if n_bytes % PAGE_SIZE:
        raise check.BadValueError(
            f"the size of ram is {n_bytes:#x}; it must be a multiple of the page size {PAGE_SIZE:#x}"
        )
    try:
        ram = mmap.mmap(-1, n_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE)
    except (OSError, OverflowError) as reason:
        raise HardwareError(
            f"this system gives no {n_bytes:#x} bytes of ram ({reason}), although nearly none are used: "
            "give a smaller size, raise the limit (`ulimit -v`), or let the system overcommit "
            "(vm.overcommit_memory 0 or 1)"
        ) from None
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages doesn't know the word
            ram.madvise(mmap.MADV_NOHUGEPAGE)  # else a byte that is written may cost 2 MiB
    return ram
