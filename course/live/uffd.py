"""userfaultfd through ctypes: the system call, its requests and the message, as constants of Linux.

A request is a number that holds the length of its structure, ``_IOWR(0xAA, n, length)``. All structures are
rows of 64-bit words (``linux/userfaultfd.h``); here they are packed with `struct`. An area belongs to the
process that registers it, while the descriptor may be handed on: who holds it, answers.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys
from collections.abc import Callable

__all__ = [
    "Lacking",
    "Refused",
    "api",
    "copy",
    "message_flags",
    "open_userfaultfd",
    "register",
    "resume",
    "unregister",
    "wake",
    "writeprotect",
]

# The number of the system call. Machines whose requests are encoded in another way are left out.
SYSCALL = {"x86_64": 323, "aarch64": 282, "riscv64": 282}
USER_MODE_ONLY = 1  # UFFD_USER_MODE_ONLY, since v5.11 [fact:uffd-user-mode-only]
DEVICE = "/dev/userfaultfd"  # since v6.1: who may open it needs no other privilege
UFFD_API = 0xAA
USERFAULTFD_IOC_NEW = UFFD_API << 8
EVENT_PAGEFAULT = 0x12
MESSAGE = struct.Struct("=B7xQQQ")  # event, flags, address, feature
MODES = {"missing": 1, "wp": 2, "minor": 4}
FEATURES = {"SIGBUS": 1 << 7}
COPY_DONTWAKE, COPY_WP = 1, 2
WRITEPROTECT_WP, WRITEPROTECT_DONTWAKE = 1, 2
TRIES = 100  # of a request that gives EAGAIN, as one does while the area changes


def _request(direction: int, number: int, n_words: int) -> int:
    """Give a request's number: direction (1 write, 2 read) as user space sees it, length, type, number."""
    return direction << 30 | 8 * n_words << 16 | UFFD_API << 8 | number


UFFDIO_API = _request(3, 0x3F, 3)
UFFDIO_REGISTER = _request(3, 0x00, 4)
UFFDIO_UNREGISTER = _request(2, 0x01, 2)
UFFDIO_WAKE = _request(2, 0x02, 2)
UFFDIO_COPY = _request(3, 0x03, 5)
UFFDIO_WRITEPROTECT = _request(3, 0x06, 3)
UFFDIO_CONTINUE = _request(3, 0x07, 4)


class Refused(Exception):
    """No userfaultfd is to be had here.

    Parameters
    ----------
    reason : str
        A sentence that says why, and what would help.
    """


class Lacking(Refused):
    """One experiment is not to be had here; others may be."""


def open_userfaultfd(user_mode_only: bool = False) -> int:
    """Make a userfaultfd for this process.

    Parameters
    ----------
    user_mode_only : bool
        With UFFD_USER_MODE_ONLY: faults of the kernel on this memory fail, without a message.

    Returns
    -------
    int
        A descriptor, not blocking. Where the system call gives EPERM, `DEVICE` is asked.

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
    flags = os.O_CLOEXEC | os.O_NONBLOCK | (USER_MODE_ONLY if user_mode_only else 0)
    try:
        return _call(SYSCALL[machine], flags)
    except PermissionError as refused:
        try:
            return from_device(flags)
        except OSError:
            raise refused from None


def _call(number: int, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.syscall(ctypes.c_long(number), ctypes.c_long(flags))
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor


def from_device(flags: int) -> int:
    """Make a userfaultfd by asking `DEVICE`; OSError where that is not there, or not for us."""
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(device, USERFAULTFD_IOC_NEW, flags)
    finally:
        os.close(device)


def api(descriptor: int, features: int = 0) -> None:
    """Shake hands, and ask for features: without it the descriptor takes no other request."""
    fcntl.ioctl(descriptor, UFFDIO_API, struct.pack("=QQQ", UFFD_API, features, 0))


def register(descriptor: int, address: int, length: int, mode: int = MODES["missing"]) -> None:
    """Ask for a message for each page of an area (bytes, whole pages) that is missing, or as `mode` says."""
    fcntl.ioctl(descriptor, UFFDIO_REGISTER, struct.pack("=QQQQ", address, length, mode, 0))


def unregister(descriptor: int, address: int, length: int) -> None:
    """Give the area back to the kernel, and wake who waits there."""
    fcntl.ioctl(descriptor, UFFDIO_UNREGISTER, struct.pack("=QQ", address, length))


def message_flags(descriptor: int) -> list[int]:
    """Read what is there: the flags of each page-fault message, in order; nothing if no message waits."""
    try:
        read = os.read(descriptor, 16 * MESSAGE.size)
    except BlockingIOError:
        return []
    return [flags for event, flags, _, _ in MESSAGE.iter_unpack(read) if event == EVENT_PAGEFAULT]


def wake(descriptor: int, address: int, length: int) -> None:
    """Wake who waits for these pages, and bring nothing."""
    fcntl.ioctl(descriptor, UFFDIO_WAKE, struct.pack("=QQ", address, length))


def copy(descriptor: int, address: int, page: bytes, mode: int = 0) -> None:
    """Put a page there, and wake who waits for it unless `mode` says otherwise."""
    source = ctypes.create_string_buffer(page, len(page))
    words = struct.pack("=QQQQq", address, ctypes.addressof(source), len(page), mode, 0)
    _again(lambda: fcntl.ioctl(descriptor, UFFDIO_COPY, words))


def writeprotect(descriptor: int, address: int, length: int, mode: int) -> None:
    """Write-protect pages, or take that back and wake who waits for it."""
    words = struct.pack("=QQQ", address, length, mode)
    _again(lambda: fcntl.ioctl(descriptor, UFFDIO_WRITEPROTECT, words))


def resume(descriptor: int, address: int, length: int) -> None:
    """Map pages that are in the cache, and wake who waits for them (UFFDIO_CONTINUE)."""
    words = struct.pack("=QQQq", address, length, 0, 0)
    _again(lambda: fcntl.ioctl(descriptor, UFFDIO_CONTINUE, words))


def _again(request: Callable[[], object]) -> None:
    """Make a request, once more as long as it gives EAGAIN."""
    for left in reversed(range(TRIES)):
        try:
            request()
            return
        except OSError as error:
            if error.errno != errno.EAGAIN or not left:
                raise
