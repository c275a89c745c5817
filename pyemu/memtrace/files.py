r"""Files of memory accesses, ``.memtrace``: written as the accesses come, read chunk by chunk.

A file is a magic number and sections. It is written from front to back, so it may go into a pipe,
and nothing in it depends on how long it will be.

::

    file     =  89 'MEMTRACE' 0D 0A 1A 0A   HEAD  DATA*  TAIL
    section  =  name (4 bytes)  length of the payload (4 bytes)  CRC-32 of name and payload (4)  payload

===========  ===============================================================================
``HEAD``     JSON: ``format`` (1), ``command`` (a list of words), ``date`` and ``tool`` as
             whoever recorded it gave them
``DATA``     a chunk of accesses (`pyemu.memtrace.chunks`); they stand in the order of time
``TAIL``     JSON: ``n_reads``, ``n_writes``, ``n_fetches``, ``n_chunks``, ``first_page`` and
             ``last_page`` (the smallest and the largest address over 4096; null if there is
             no access), ``ended`` (how the recording ended, in words)
===========  ===============================================================================

Numbers are little-endian. Magic numbers like this one, which PNG invented, notice a copy that
changed line ends. A file without ``TAIL`` was cut off. Sizes of accesses are not kept: an access
that crosses into another page counts as two, which is all that a TLB sees of a size.

A file of any length is written and read with about 60 bytes of memory for each access of one chunk.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np

from pyemu.errors import MemtraceError
from pyemu.hw import Kind
from pyemu.memtrace.chunks import CHUNK, Addresses, Kinds, pack, unpack

__all__ = ["Chunk", "Header", "Memtrace", "MemtraceWriter", "Totals"]

MAGIC = b"\x89MEMTRACE\r\n\x1a\n"
FORMAT = 1
_SECTION = Struct("<4sII")
_LONGEST = 1 << 25  # bytes of a payload: twice what a chunk of random accesses takes
_PAGE_SHIFT = np.uint64(12)


class Chunk(NamedTuple):
    """Accesses in the order of time."""

    addresses: Addresses
    """uint64, shape (n,)."""
    kinds: Kinds
    """uint8, shape (n,): numbers of `pyemu.hw.Kind`."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where a trace comes from."""

    command: tuple[str, ...] = ()
    """The words of the command that ran."""
    date: str = ""
    """When."""
    tool: str = ""
    """What noted its accesses."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known when a trace ends."""

    n_reads: int
    n_writes: int
    n_fetches: int
    n_chunks: int
    first_page: int | None
    """The smallest page number, in pages of 4096 bytes; None if there is no access."""
    last_page: int | None
    """The largest one."""
    ended: str = ""
    """How the recording ended, in words."""

    @property
    def n(self) -> int:
        """All accesses."""
        return self.n_reads + self.n_writes + self.n_fetches


class MemtraceWriter:
    """Writes a file as the accesses come; a context manager.

    Parameters
    ----------
    file : binary file
        Open for writing; it stays open.
    header : Header
        Where the trace comes from.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> path = Path(tempfile.mkdtemp(), "two.memtrace")
    >>> with path.open("wb") as file, MemtraceWriter(file, Header(command=("true",))) as writer:
    ...     writer.append(np.array([0x401000, 0x7FFF0008], np.uint64), np.array([2, 0], np.uint8))
    >>> trace = Memtrace(path)
    >>> trace.header.command, trace.totals.n
    (('true',), 2)
    >>> [[hex(va) for va in chunk.addresses] for chunk in trace.chunks()]
    [['0x401000', '0x7fff0008']]
    """

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._addresses = np.empty(CHUNK, np.uint64)
        self._kinds = np.empty(CHUNK, np.uint8)
        self._n_waiting = 0  # accesses at the front of these arrays
        self._counts = np.zeros(len(Kind), np.int64)
        self._n_chunks = 0
        self._pages: tuple[int, int] | None = None
        self.ended = ""
        """How the recording ended; may be set as long as it goes on."""
        self._file.write(MAGIC)
        self._section(b"HEAD", _json({"format": FORMAT, **asdict(header)}))

    @property
    def n(self) -> int:
        """Accesses so far."""
        return int(self._counts.sum()) + self._n_waiting

    def append(self, addresses: Addresses, kinds: Kinds) -> None:
        """Write accesses.

        Parameters
        ----------
        addresses : array of uint64, shape (n,)
            Virtual addresses.
        kinds : array of uint8, shape (n,)
            Numbers of `pyemu.hw.Kind`.

        Raises
        ------
        MemtraceError
            Shapes or dtypes are others, or a kind is none.
        """
        for name, values, dtype in (("addresses", addresses, np.uint64), ("kinds", kinds, np.uint8)):
            if getattr(values, "dtype", None) != dtype or np.ndim(values) != 1:
                raise MemtraceError(f"{name} must be a numpy array of {np.dtype(dtype)} with one dimension")
        if len(addresses) != len(kinds):
            raise MemtraceError(f"there are {len(kinds)} kinds for {len(addresses)} addresses; give one each")
        if len(kinds) and kinds.max() > max(Kind):
            raise MemtraceError(f"a kind is {kinds.max()}; it must be 0 (read), 1 (write) or 2 (fetch)")
        done = 0
        while done < len(addresses):
            start = self._n_waiting
            n = min(CHUNK - start, len(addresses) - done)
            self._addresses[start : start + n] = addresses[done : done + n]
            self._kinds[start : start + n] = kinds[done : done + n]
            self._n_waiting += n
            done += n
            if self._n_waiting == CHUNK:
                self._write_chunk()

    def close(self) -> None:
        """Write what is waiting, and the end; nothing can follow."""
        if self._n_waiting:
            self._write_chunk()
        self._section(b"TAIL", _json(asdict(self.totals)))

    @property
    def totals(self) -> Totals:
        """What was written, in whole chunks; all of it after `close`."""
        n_reads, n_writes, n_fetches = self._counts.tolist()
        first, last = self._pages or (None, None)
        return Totals(n_reads, n_writes, n_fetches, self._n_chunks, first, last, self.ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:  # else the end is missing, and nobody takes the file for the whole trace
            self.close()

    def _write_chunk(self) -> None:
        addresses, kinds = self._addresses[: self._n_waiting], self._kinds[: self._n_waiting]
        self._section(b"DATA", pack(addresses, kinds))
        self._counts += np.bincount(kinds, minlength=len(Kind))
        first, last = int(addresses.min() >> _PAGE_SHIFT), int(addresses.max() >> _PAGE_SHIFT)
        low, high = self._pages or (first, last)
        self._pages = min(low, first), max(high, last)
        self._n_chunks += 1
        self._n_waiting = 0

    def _section(self, name: bytes, payload: bytes) -> None:
        self._file.write(_SECTION.pack(name, len(payload), zlib.crc32(payload, zlib.crc32(name))))
        self._file.write(payload)


class Memtrace:
    """A file of accesses, opened to be read: where it comes from, what is in it, and its chunks.

    Opening reads the first section and the last, and looks whether all the others are in place; the
    accesses are read and checked by `chunks`.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    MemtraceError
        It is no such file, or it is damaged: the text names file, place and rule.
    OSError
        It can't be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.header: Header
        """Where it comes from."""
        self.totals: Totals
        """What is in it."""
        with self.path.open("rb") as file:
            self._places = list(self._find(file))
            *inner, last = self._places
            self.header = self._header(self._json(file, self._places[0]))
            self.totals = self._totals(self._json(file, last))
            if len(inner) - 1 != self.totals.n_chunks:
                raise self._wrong(
                    last,
                    f"it counts {self.totals.n_chunks} chunks, and the file has {len(inner) - 1}",
                )

    def chunks(self) -> Iterator[Chunk]:
        """Read the accesses, chunk by chunk.

        Yields
        ------
        Chunk
            Up to `CHUNK` accesses.

        Raises
        ------
        MemtraceError
            A chunk is damaged, or they are not those that the end of the file counts.
        """
        counts = np.zeros(len(Kind), np.int64)
        with self.path.open("rb") as file:
            for place in self._places[1:-1]:
                payload = self._payload(file, place)
                try:
                    chunk = Chunk(*unpack(payload))
                except MemtraceError as error:
                    raise self._wrong(place, str(error)) from None
                counts += np.bincount(chunk.kinds, minlength=len(Kind))
                yield chunk
        told = [self.totals.n_reads, self.totals.n_writes, self.totals.n_fetches]
        if told != counts.tolist():
            raise self._wrong(
                self._places[-1],
                f"it counts {told} reads, writes and fetches, and the chunks hold {counts.tolist()}",
            )

    def _find(self, file: IO[bytes]) -> Iterator[_Place]:
        """Go from section to section without reading what they hold."""
        if file.read(len(MAGIC)) != MAGIC:
            raise MemtraceError(
                f"{self.path}: at byte 0: it doesn't begin as a trace of accesses does. Give a file that "
                "`faultlab trace record` wrote."
            )
        at, size = len(MAGIC), file.seek(0, 2)
        wanted = {b"HEAD"}
        while True:
            file.seek(at)
            start = file.read(_SECTION.size)
            if len(start) < _SECTION.size:
                raise self._wrong(_Place(at), "the file ends without its section TAIL: it was cut off")
            place = _Place(at, *_SECTION.unpack(start))
            if place.name not in wanted:
                names = " or ".join(sorted(name.decode() for name in wanted))
                raise self._wrong(place, f"section {names} has to stand here, and not {place.name!r}")
            at = place.payload + place.length
            if at > size:
                raise self._wrong(place, f"the file ends {at - size} bytes before it does: it was cut off")
            if place.length > _LONGEST:
                raise self._wrong(place, f"it says that it is {place.length} bytes; {_LONGEST} is the most")
            yield place
            if place.name == b"TAIL":
                break
            wanted = {b"DATA", b"TAIL"}
        if at != size:
            raise self._wrong(place, f"{size - at} bytes follow where the file must end")

    def _payload(self, file: IO[bytes], place: _Place) -> bytes:
        file.seek(place.payload)
        payload = file.read(place.length)
        if zlib.crc32(payload, zlib.crc32(place.name)) != place.crc:
            raise self._wrong(place, "its bytes don't have the checksum that is noted: it was damaged")
        return payload

    def _json(self, file: IO[bytes], place: _Place) -> dict[str, Any]:
        try:
            found = json.loads(self._payload(file, place))
        except ValueError as error:
            raise self._wrong(place, f"it is no JSON ({error})") from None
        if not isinstance(found, dict):
            raise self._wrong(place, "it must be a JSON object")
        return found

    def _header(self, found: dict[str, Any]) -> Header:
        version = found.get("format")
        if version != FORMAT:
            raise self._wrong(
                self._places[0],
                f"format is {version!r}; this faultlab reads format {FORMAT}: get a newer one",
            )
        command, date, tool = found.get("command"), found.get("date"), found.get("tool")
        words = isinstance(command, list) and all(isinstance(word, str) for word in command)
        if command is None or not words or not isinstance(date, str) or not isinstance(tool, str):
            raise self._wrong(
                self._places[0], "command must be a list of texts, and date and tool must be texts"
            )
        return Header(tuple(command), date, tool)

    def _totals(self, found: dict[str, Any]) -> Totals:
        place = self._places[-1]
        counts = [found.get(key) for key in ("n_reads", "n_writes", "n_fetches", "n_chunks")]
        pages = [found.get(key) for key in ("first_page", "last_page")]
        if not all(type(value) is int and value >= 0 for value in counts):
            raise self._wrong(place, "n_reads, n_writes, n_fetches and n_chunks must be counts")
        if pages != [None, None] and not all(type(value) is int and value >= 0 for value in pages):
            raise self._wrong(place, "first_page and last_page must be page numbers, or both null")
        if not isinstance(found.get("ended"), str):
            raise self._wrong(place, "ended must be a text")
        return Totals(**{key: found[key] for key in Totals.__slots__})

    def _wrong(self, place: _Place, rule: str) -> MemtraceError:
        """Make the error that names file, place and rule."""
        name = f" (section {place.name.decode('ascii', 'replace')})" if place.name else ""
        return MemtraceError(f"{self.path}: at byte {place.at}{name}: {rule}.")


class _Place(NamedTuple):
    """Where a section stands."""

    at: int
    name: bytes = b""
    length: int = 0
    crc: int = 0

    @property
    def payload(self) -> int:
        return self.at + _SECTION.size


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
