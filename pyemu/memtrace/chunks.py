"""A chunk: up to 2**20 accesses as bytes, in columns.

::

    chunk   =  n (4 bytes)  kinds  reads  writes  fetches
    kinds   =  packed                    four kinds a byte, the first in the lowest two bits
    reads   =  n_planes (1 byte)  packed * n_planes        writes and fetches likewise
    packed  =  length (4 bytes)  what zlib made of a column of bytes

All numbers are little-endian. The addresses of each kind are a column of their own, because code
and data lie far apart and each goes on where it was. Such a column holds differences: of its first
address to 0, of each other address to the one before, modulo 2**64. A difference ``d`` from
``-2**63`` to ``2**63 - 1`` becomes ``2 * d`` or ``-2 * d - 1``, so that small steps both ways are
small numbers (zigzag). Plane 0 holds the low byte of each number, plane 1 the next, and planes that
are zero all through at the top are left out. So a chunk can be read without those before it.

Planes, and one column a kind, make the bytes of a column alike, which is what zlib lives on: 0.15
bytes an access on ``ls -l``, where 9 are needed plain.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyemu.errors import MemtraceError
from pyemu.hw import Kind

__all__ = ["CHUNK", "Addresses", "Kinds", "pack", "unpack"]

CHUNK = 1 << 20
"""The most accesses in a chunk."""

Addresses = NDArray[np.uint64]
Kinds = NDArray[np.uint8]

_U32 = Struct("<I")
_LEVEL = 6  # of zlib: 9 saves another tenth, and is five times slower
_N_PLANES = 8
_UNPACKED = (np.arange(256)[:, None] >> np.array([0, 2, 4, 6]) & 3).astype(np.uint8).view(np.uint32)[:, 0]
"""The four kinds that a byte holds, one in each byte of a number."""


def pack(addresses: Addresses, kinds: Kinds) -> bytes:
    """Give `n` accesses, 1 to `CHUNK`, as the bytes of a chunk.

    Parameters
    ----------
    addresses : array of uint64, shape (n,)
        Virtual addresses.
    kinds : array of uint8, shape (n,)
        Numbers of `pyemu.hw.Kind`.
    """
    n = len(addresses)
    quads = np.zeros(-(-n // 4) * 4, np.uint8)
    quads[:n] = kinds
    quads = quads.reshape(-1, 4) << np.array([0, 2, 4, 6], np.uint8)
    parts = [_U32.pack(n), _packed(np.bitwise_or.reduce(quads, axis=1))]
    for kind in Kind:
        parts += _planes(addresses[kinds == kind])
    return b"".join(parts)


def unpack(data: bytes) -> tuple[Addresses, Kinds]:
    """Give the accesses of a chunk.

    Parameters
    ----------
    data : bytes
        What `pack` gave.

    Returns
    -------
    addresses : array of uint64, shape (n,)
    kinds : array of uint8, shape (n,)

    Raises
    ------
    MemtraceError
        They are no chunk; the text names the rule.
    """
    take = _Taker(data)
    n = take.number("the number of accesses", 4)
    if not 1 <= n <= CHUNK:
        raise MemtraceError(f"it says that it holds {n} accesses; a chunk holds 1 to {CHUNK}")
    kinds = _UNPACKED[take.column("kinds", -(-n // 4))].view(np.uint8)[:n]
    if kinds.max() > max(Kind):
        raise MemtraceError("a kind is 3; it must be 0 (read), 1 (write) or 2 (fetch)")
    addresses = np.empty(n, np.uint64)
    for kind in Kind:
        where = np.flatnonzero(kinds == kind)
        addresses[where] = take.addresses(kind.name.lower(), len(where))
    take.end()
    return addresses, kinds


def _planes(addresses: Addresses) -> Iterator[bytes]:
    """Give the column of one kind."""
    steps = addresses.view(np.int64).copy()
    steps[1:] -= steps[:-1].copy()
    zigzag = (steps << 1 ^ steps >> 63).view(np.uint64)
    n_planes = (int(zigzag.max(initial=0)).bit_length() + 7) // 8
    yield bytes([n_planes])
    planes = zigzag.astype("<u8", copy=False).view(np.uint8).reshape(-1, _N_PLANES)
    yield from (_packed(planes[:, i]) for i in range(n_planes))


def _packed(column: NDArray[np.uint8]) -> bytes:
    packed = zlib.compress(column.tobytes(), _LEVEL)
    return _U32.pack(len(packed)) + packed


class _Taker:
    """Takes a chunk apart from front to back, and checks each length before it is believed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def bytes(self, what: str, n: int) -> bytes:
        """Take the next `n` bytes."""
        taken = self.data[self.at : self.at + n]
        if len(taken) < n:
            raise MemtraceError(f"it ends inside {what}, {n - len(taken)} bytes early")
        self.at += n
        return taken

    def number(self, what: str, n_bytes: int) -> int:
        """Take the next number of `n_bytes` bytes."""
        return int.from_bytes(self.bytes(what, n_bytes), "little")

    def column(self, what: str, n: int) -> NDArray[np.uint8]:
        """Take the next packed column, of `n` bytes."""
        packed = self.bytes(what, self.number(f"the length of {what}", 4))
        unpacker = zlib.decompressobj()
        try:
            column = unpacker.decompress(packed, n + 1)  # never more than that, whatever the file says
        except zlib.error as reason:
            raise MemtraceError(f"its column of {what} is no zlib data: {reason}") from None
        if len(column) != n or not unpacker.eof or unpacker.unused_data:
            raise MemtraceError(f"its column of {what} must hold exactly {n} bytes, and does not")
        return np.frombuffer(column, np.uint8)

    def addresses(self, kind: str, n: int) -> Any:
        """Take the column of the `n` addresses of a kind."""
        n_planes = self.number(f"the planes of {kind}", 1)
        if n_planes > _N_PLANES:
            raise MemtraceError(f"its column of {kind} has {n_planes} planes; it must have 0 to 8")
        planes = np.zeros((n, _N_PLANES), np.uint8)
        for i in range(n_planes):
            planes[:, i] = self.column(f"{kind} addresses, plane {i}", n)
        steps = planes.view("<u8").reshape(-1).astype(np.uint64, copy=False)  # in place: new arrays cost more
        odd = steps & np.uint64(1)
        steps >>= np.uint64(1)
        steps ^= np.negative(odd, out=odd)
        return np.cumsum(steps, out=steps)

    def end(self) -> None:
        """Refuse bytes that nobody asked for."""
        if self.at != len(self.data):
            raise MemtraceError(f"{len(self.data) - self.at} bytes follow where it must end")
