"""userfaultfd through ctypes: the system call, four requests and the message, as constants of Linux.

A request is a number that holds the length of its structure, ``_IOWR(0xAA, n, length)``. All structures are
rows of 64-bit words (``linux/userfaultfd.h``); here they are packed with `struct`. An area belongs to the
process that registers it, while the descriptor may be handed on: who holds it, answers.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct
import sys

__all__ = ["Refused", "api", "copy", "messages", "open_userfaultfd", "register", "wake"]

# The number of the system call. Machines whose requests are encoded in another way are left out.
SYSCALL = {"x86_64": 323, "aarch64": 282, "riscv64": 282}
USER_MODE_ONLY = 1  # UFFD_USER_MODE_ONLY, since v5.11 [fact:uffd-user-mode-only]
UFFD_API = 0xAA
REGISTER_MODE_MISSING = 1
EVENT_PAGEFAULT = 0x12
MESSAGE = struct.Struct("=B7xQQQ")  # event, flags, address, feature


def _request(direction: int, number: int, n_words: int) -> int:
    """Give a request's number: direction (1 write, 2 read) as user space sees it, length, type, number."""
    return direction << 30 | 8 * n_words << 16 | UFFD_API << 8 | number


UFFDIO_API = _request(3, 0x3F, 3)
UFFDIO_REGISTER = _request(3, 0x00, 4)
UFFDIO_WAKE = _request(2, 0x02, 2)
UFFDIO_COPY = _request(3, 0x03, 5)


class Refused(Exception):
    """No userfaultfd is to be had here.

    Parameters
    ----------
    reason : str
        A sentence that says why, and what would help.
    """


def open_userfaultfd(user_mode_only: bool = False) -> int:
    """Make a userfaultfd for this process.

    Parameters
    ----------
    user_mode_only : bool
        With UFFD_USER_MODE_ONLY: faults of the kernel on this memory fail, without a message.

    Returns
    -------
    int
        A descriptor, not blocking.

    Raises
    ------
    Refused
        Another system, an unknown machine, a kernel without the call: no privilege would help.
    OSError
        What the call gave: EPERM for want of a privilege, EINVAL for a flag that the kernel doesn't know.
    """
    if sys.platform != "linux":
        raise Refused(f"userfaultfd is a system call of Linux, and this is {platform.system()}.")
    machine = platform.machine()
    if machine not in SYSCALL:
        raise Refused(
            f"the number of userfaultfd on {machine} is not known here; on {', '.join(SYSCALL)} it is."
        )
    libc = ctypes.CDLL(None, use_errno=True)
    flags = os.O_CLOEXEC | os.O_NONBLOCK | (USER_MODE_ONLY if user_mode_only else 0)
    descriptor: int = libc.syscall(ctypes.c_long(SYSCALL[machine]), ctypes.c_long(flags))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return descriptor


def api(descriptor: int) -> None:
    """Shake hands: without it the descriptor takes no other request."""
    fcntl.ioctl(descriptor, UFFDIO_API, struct.pack("=QQQ", UFFD_API, 0, 0))


def register(descriptor: int, address: int, length: int) -> None:
    """Ask for a message for each missing page of an area (bytes, whole pages)."""
    fcntl.ioctl(descriptor, UFFDIO_REGISTER, struct.pack("=QQQQ", address, length, REGISTER_MODE_MISSING, 0))


def messages(descriptor: int) -> list[int]:
    """Read what is there: the address of each page fault, in order; nothing if no message waits."""
    try:
        read = os.read(descriptor, 16 * MESSAGE.size)
    except BlockingIOError:
        return []
    return [address for event, _, address, _ in MESSAGE.iter_unpack(read) if event == EVENT_PAGEFAULT]


def wake(descriptor: int, address: int, length: int) -> None:
    """Wake who waits for these pages, and bring nothing."""
    fcntl.ioctl(descriptor, UFFDIO_WAKE, struct.pack("=QQ", address, length))


def copy(descriptor: int, address: int, page: bytes) -> None:
    """Put a page there, and wake who waits for it."""
    source = ctypes.create_string_buffer(page, len(page))
    words = struct.pack("=QQQQq", address, ctypes.addressof(source), len(page), 0, 0)
    fcntl.ioctl(descriptor, UFFDIO_COPY, words)
