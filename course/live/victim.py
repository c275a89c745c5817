"""The victim: a process of its own that touches a page which only the monitor can bring.

``python -m course.live.victim SOCKET ACCESS USER_MODE_ONLY`` makes four pages of memory, page 0 present, and
registers them with a userfaultfd. Descriptor and address go to the monitor through the socket. Then it makes
the access to page 1 and prints what came of it as one line of JSON. Before, it makes the same access to page
0, several times, so that its own code and buffers are warm and the counters tell of page 1 alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import sys
import time
from collections.abc import Callable

from course.live import uffd

N_PAGES = 4
WARM = 3  # rounds on the present page


def main(channel: int, access: str, user_mode_only: bool) -> None:
    """Be the victim."""
    memory = mmap.mmap(-1, N_PAGES * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory[0] = 1
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    try:
        descriptor = uffd.open_userfaultfd(user_mode_only)
        uffd.api(descriptor)
        uffd.register(descriptor, address, N_PAGES * mmap.PAGESIZE)
    except uffd.Refused as why:
        print(json.dumps({"refused": str(why)}))
        return
    except OSError as error:
        print(json.dumps({"errno": error.errno}))
        return
    touch = _access(access, memory, address)
    for _ in range(WARM):
        _measured(touch, 0)
    with socket.socket(fileno=channel) as monitor:
        socket.send_fds(monitor, [(address + mmap.PAGESIZE).to_bytes(8, "little")], [descriptor])
    print(json.dumps(_measured(touch, 1)))


def _access(name: str, memory: mmap.mmap, address: int) -> Callable[[int], int]:
    """Give a function that touches a page: by an instruction of ours, or by the kernel's copy."""
    if name == "user_read":
        return lambda page: ctypes.c_ubyte.from_address(address + page * mmap.PAGESIZE).value
    zero = os.open("/dev/zero", os.O_RDONLY)
    pages = memoryview(memory)
    return lambda page: os.readv(zero, [pages[page * mmap.PAGESIZE : (page + 1) * mmap.PAGESIZE]])


def _measured(touch: Callable[[int], int], page: int) -> dict[str, str | int]:
    """Touch a page, and say what it gave and what it cost."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic_ns()
    try:
        outcome = f"ret={touch(page)}"
    except OSError as error:
        outcome = errno.errorcode.get(error.errno or 0, "E?")
    ended, after = time.monotonic_ns(), resource.getrusage(resource.RUSAGE_SELF)
    return {
        "outcome": outcome,
        "minflt": after.ru_minflt - before.ru_minflt,
        "majflt": after.ru_majflt - before.ru_majflt,
        "blocked_us": (ended - began) // 1000,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3] == "1")
