"""The accesses of a victim, on the real kernel: one function for each step that touches memory.

A step is that of a scenario (``{"do": "read", "page": 1}``). Its function takes the first page and how many,
and gives what the instruction or the system call gave. What it needs besides (a pipe, a file, a buffer) is
there before, so that the counters tell of the access alone.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import tempfile
from collections.abc import Callable
from typing import Any

from course.live.uffd import Lacking

__all__ = ["ACCESSES", "Memory", "Touch", "access"]

PAGE = mmap.PAGESIZE
Touch = Callable[[int, int], int]
Step = dict[str, Any]

SYS_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
FUTEX_WAKE_OP = 5
ADD_NOTHING_IS_1 = 1 << 28 | 1  # FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 1)
O_DIRECT = getattr(os, "O_DIRECT", 0)
TMPFS_MAGIC = 0x01021994


class IoVec(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Memory:
    """Some pages of memory, at an address, without huge pages.

    Parameters
    ----------
    pages : int
        How many.
    shared : bool
        MAP_SHARED (shmem) instead of MAP_PRIVATE.
    cached : int, optional
        All pages are in the page cache and hold this byte, but are mapped by nobody.
    """

    def __init__(self, pages: int, *, shared: bool = False, cached: int | None = None) -> None:
        how = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
        file = -1
        if cached is None:
            how |= mmap.MAP_ANONYMOUS
        else:
            file = os.memfd_create("faultlab")
            os.write(file, bytes([cached]) * (pages * PAGE))
        self.map = mmap.mmap(file, pages * PAGE, flags=how)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            self.map.madvise(mmap.MADV_NOHUGEPAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.length = pages * PAGE

    def view(self, page: int, pages: int) -> memoryview:
        """Give some pages as a buffer."""
        return memoryview(self.map)[page * PAGE : (page + pages) * PAGE]


def access(step: Step, memory: Memory) -> Touch:
    """Give the function of a step.

    Parameters
    ----------
    step : dict
        A step that touches memory; ``do`` is a key of `ACCESSES`.
    memory : Memory
        What it touches.

    Returns
    -------
    callable
        Takes page and number of pages; gives a number, or raises the OSError of the system call.

    Raises
    ------
    Lacking
        This machine lacks what the access needs.
    """
    return ACCESSES[step["do"]](step, memory)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _read(step: Step, memory: Memory) -> Touch:
    return lambda page, _: ctypes.c_ubyte.from_address(memory.address + page * PAGE).value


def _write(step: Step, memory: Memory) -> Touch:
    byte = int(step["byte"])

    def touch(page: int, pages: int) -> int:
        ctypes.c_ubyte.from_address(memory.address + page * PAGE).value = byte
        return byte

    return touch


def _read_zero(step: Step, memory: Memory) -> Touch:
    zero = os.open("/dev/zero", os.O_RDONLY)
    return lambda page, pages: os.readv(zero, [memory.view(page, pages)])


def _pipe_read(step: Step, memory: Memory) -> Touch:
    out, into = os.pipe()
    os.write(into, bytes(8 * PAGE))  # for all accesses, those that warm up included
    return lambda page, pages: os.readv(out, [memory.view(page, pages)])


def _pipe_write(step: Step, memory: Memory) -> Touch:
    _, into = os.pipe()
    return lambda page, pages: os.writev(into, [memory.view(page, pages)])


def _tmpfs_write(step: Step, memory: Memory) -> Touch:
    file = os.memfd_create("faultlab")
    return lambda page, pages: os.pwritev(file, [memory.view(page, pages)], 0)


def _process_vm_readv(step: Step, memory: Memory) -> Touch:
    libc, me, offset = _libc(), os.getpid(), int(step["buffer_offset"])

    def touch(page: int, pages: int) -> int:
        # The buffer is cold each time, as in the records [fact:pvm-cold-buffer].
        cold = Memory(pages + 1)
        to = IoVec(cold.address + offset, pages * PAGE)
        source = IoVec(memory.address + page * PAGE, pages * PAGE)
        return _checked(libc.process_vm_readv(me, ctypes.byref(to), 1, ctypes.byref(source), 1, 0))

    return touch


def _vmsplice(step: Step, memory: Memory) -> Touch:
    libc, (_, into) = _libc(), os.pipe()

    def touch(page: int, pages: int) -> int:
        source = IoVec(memory.address + page * PAGE, pages * PAGE)
        return _checked(libc.vmsplice(into, ctypes.byref(source), 1, 0))

    return touch


def _procmem_read(step: Step, memory: Memory) -> Touch:
    mem, buffer = os.open("/proc/self/mem", os.O_RDONLY), bytearray(2 * PAGE)
    view = memoryview(buffer)
    return lambda page, pages: os.preadv(mem, [view[: pages * PAGE]], memory.address + page * PAGE)


def _mlock(step: Step, memory: Memory) -> Touch:
    libc = _libc()

    def touch(page: int, pages: int) -> int:
        start = ctypes.c_void_p(memory.address + page * PAGE)
        return _checked(libc.mlock(start, ctypes.c_size_t(pages * PAGE)))

    return touch


def _futex_wake_op(step: Step, memory: Memory) -> Touch:
    libc, number = _libc(), SYS_FUTEX[platform.machine()]

    def touch(page: int, pages: int) -> int:
        cold = Memory(1)  # as in the records [fact:futex-key]
        first = ctypes.c_void_p(cold.address)
        second = ctypes.c_void_p(memory.address + page * PAGE)
        words = (*map(ctypes.c_long, (FUTEX_WAKE_OP, 1, 1)), second, ctypes.c_long(ADD_NOTHING_IS_1))
        return _checked(libc.syscall(ctypes.c_long(number), first, *words))

    return touch


def _odirect_write(step: Step, memory: Memory) -> Touch:
    where = tempfile.gettempdir()
    try:
        file = os.open(where, os.O_RDWR | os.O_TMPFILE | O_DIRECT, 0o600)
    except OSError as error:
        raise Lacking(f"{where} gives no file for O_DIRECT ({error.strerror}); set TMPDIR.") from None
    kind = (ctypes.c_long * 16)()
    if _libc().fstatfs(file, kind) == 0 and kind[0] == TMPFS_MAGIC:
        raise Lacking(f"{where} is a tmpfs, where O_DIRECT is a copy; set TMPDIR to a folder on a disk.")
    return lambda page, pages: os.pwritev(file, [memory.view(page, pages)], 0)


ACCESSES: dict[str, Callable[[Step, Memory], Touch]] = {
    "read": _read,
    "write": _write,
    "read_zero": _read_zero,
    "pipe_read": _pipe_read,
    "pipe_write": _pipe_write,
    "tmpfs_write": _tmpfs_write,
    "process_vm_readv": _process_vm_readv,
    "vmsplice": _vmsplice,
    "procmem_read": _procmem_read,
    "mlock": _mlock,
    "futex_wake_op": _futex_wake_op,
    "odirect_write": _odirect_write,
}
