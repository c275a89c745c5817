"""Physical memory in a file: raw bytes from address 0 on, or the ELF core of a guest.

QEMU's ``dump-guest-memory`` writes an ELF core: each segment of type PT_LOAD holds a piece of physical
memory (``p_paddr``), and a note of each CPU its registers. A file that gzip made is unpacked in memory.
A dump is only read.
"""

from __future__ import annotations

import gzip
import mmap
import zlib
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

from pyemu.errors import FaultlabError
from pyemu.hw.bits import PAGE_SIZE

__all__ = ["SAMPLE", "Cpu", "Dump"]

SAMPLE: Final = Path(__file__).with_name("linux-6.1.elf.gz")
"""The dump that comes along."""

ELF, GZIP = b"\x7fELF", b"\x1f\x8b"
_CLASS_64, _LITTLE, _CORE, _X86_64, _LOAD, _NOTE = 2, 1, 4, 62, 1, 4
_HEADER = Struct("<4sBB10xHHIQQQIHHH")  # of the file: up to the number of program headers
_SEGMENT = Struct("<IIQQQQQQ")
_NOTE_HEADER = Struct("<III")
# The note "QEMU": 16 registers, rip, rflags, ten segment registers of 24 bytes (cs first), cr0 to cr4.
_QEMU_CPU = Struct("<II144xI236x5Q")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Registers of a CPU that a dump has noted."""

    cr0: int
    cr3: int
    cr4: int
    cpl: int


@dataclass(frozen=True, slots=True)
class _Piece:
    pa: int
    """Where it begins in physical memory."""
    at: int
    """Where it begins in the file."""
    n_bytes: int


class Dump:
    """A dump, opened.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    cpus : list of Cpu
        What the dump notes of its CPUs; none for a raw file.

    Raises
    ------
    FaultlabError
        It is no dump: the text names the file and the rule.
    OSError
        It can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cpus: list[Cpu] = []
        with path.open("rb") as file:
            if file.read(2) == GZIP:
                self._data: bytes | mmap.mmap = self._unpacked()
            elif file.seek(0, 2) < PAGE_SIZE:
                raise self._wrong(f"it must hold at least one page of {PAGE_SIZE} bytes")
            else:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pieces = self._segments() if self._data[:4] == ELF else [_Piece(0, 0, len(self._data))]

    @property
    def end(self) -> int:
        """Physical address where the last piece ends."""
        return max(piece.pa + piece.n_bytes for piece in self._pieces)

    def page(self, pa: int) -> bytes | None:
        """Give the page at a physical address, a multiple of 4096; None if the dump lacks any of it."""
        for piece in self._pieces:
            if piece.pa <= pa and pa + PAGE_SIZE <= piece.pa + piece.n_bytes:
                at = piece.at + pa - piece.pa
                return self._data[at : at + PAGE_SIZE]
        return None

    def _unpacked(self) -> bytes:
        try:
            with gzip.open(self.path) as file:
                return file.read()
        except (EOFError, zlib.error, gzip.BadGzipFile) as reason:
            raise self._wrong(f"gzip can't unpack it: {reason}") from None

    def _segments(self) -> list[_Piece]:
        if len(self._data) < _HEADER.size:
            raise self._wrong("its ELF header is cut off")
        _, bits, order, kind, machine, _, _, at, _, _, _, size, n = _HEADER.unpack_from(self._data)
        if (bits, order, kind, machine) != (_CLASS_64, _LITTLE, _CORE, _X86_64):
            raise self._wrong("it is an ELF file, but no core of an x86-64 machine")
        if size != _SEGMENT.size or at + n * size > len(self._data):
            raise self._wrong(f"its {n} program headers of {size} bytes at {at:#x} don't fit into the file")
        pieces = []
        for nth in range(n):
            kind, _, offset, _, pa, n_bytes, _, _ = _SEGMENT.unpack_from(self._data, at + nth * size)
            if kind not in (_LOAD, _NOTE):
                continue
            if offset + n_bytes > len(self._data):
                raise self._wrong(f"segment {nth} ends at {offset + n_bytes:#x}, behind the file's end")
            if kind == _LOAD:
                pieces.append(_Piece(pa, offset, n_bytes))
            else:
                self._read_notes(offset, offset + n_bytes)
        if not pieces:
            raise self._wrong("it holds no memory (no segment of type PT_LOAD)")
        return pieces

    def _read_notes(self, at: int, end: int) -> None:
        while at + _NOTE_HEADER.size <= end:
            n_name, n_bytes, _ = _NOTE_HEADER.unpack_from(self._data, at)
            name_at = at + _NOTE_HEADER.size
            content_at = name_at + -(-n_name // 4) * 4
            at = content_at + -(-n_bytes // 4) * 4
            if (
                self._data[name_at : name_at + n_name] == b"QEMU\0"
                and _QEMU_CPU.size <= n_bytes <= end - content_at
            ):
                _, _, cs, cr0, _, _, cr3, cr4 = _QEMU_CPU.unpack_from(self._data, content_at)
                self.cpus.append(Cpu(cr0, cr3, cr4, cs & 3))

    def _wrong(self, rule: str) -> FaultlabError:
        return FaultlabError(
            f"{self.path} is no dump of physical memory: {rule}. Give raw memory from address 0 on, or what "
            "QEMU's dump-guest-memory wrote."
        )
