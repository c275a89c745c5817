"""What valgrind's tool lackey prints of a program's memory accesses, as arrays.

One line an access, in the order of execution; an instruction comes before what it loads and stores::

    I  0401ab70,3        an instruction of 3 bytes was fetched
     L 1fff000768,8      8 bytes were read
     S 1fff000760,8      written
     M 0403a2b0,4        read, changed and written

Addresses have at least eight hexadecimal digits. Lines of valgrind itself begin with ``==`` or ``--``
and the number of the process.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyemu.errors import FaultlabError
from pyemu.hw import Kind
from pyemu.memtrace.files import Chunk

__all__ = ["Lackey"]

Ints: TypeAlias = NDArray[np.int64]
Text: TypeAlias = NDArray[np.uint8]

_NEWLINE, _COMMA, _SPACE, _MODIFY = b"\n, M"
_PAGE = 4096
_ADDRESS = 3  # where an address begins in its line
_LONGEST = 16  # digits of an address
_NONE = 255
_DIGIT = np.full(256, _NONE, np.uint8)
_DIGIT[list(b"0123456789abcdef")] = np.arange(16)
_KIND = np.full(256, _NONE, np.uint8)  # by the first two letters, of which one is a space
_KIND[list(b"ILSM")] = Kind.FETCH, Kind.READ, Kind.WRITE, Kind.READ  # M: and a write after it


class Lackey:
    r"""Reads the output piece by piece, wherever it is cut.

    Examples
    --------
    >>> chunk = Lackey().feed(b"I  04000ffe,4\n M 1fff000768,8\n")
    >>> [(hex(va), Kind(kind).name) for va, kind in zip(chunk.addresses.tolist(), chunk.kinds, strict=True)]
    [('0x4000ffe', 'FETCH'), ('0x4001000', 'FETCH'), ('0x1fff000768', 'READ'), ('0x1fff000768', 'WRITE')]
    """

    def __init__(self) -> None:
        self._rest = b""
        self.messages: list[str] = []
        """The last lines that are no accesses: what valgrind itself says."""

    def feed(self, data: bytes) -> Chunk:
        """Give the accesses of the lines that `data` completes.

        An access that crosses into another page becomes two.

        Raises
        ------
        FaultlabError
            A line is neither an access nor a message.
        """
        whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
        text = np.frombuffer(whole + newline + bytes(_ADDRESS), np.uint8)  # no line is too short to look at
        ends = np.flatnonzero(text == _NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1))[: len(ends)]
        told = (text[starts] != ord("I")) & (text[starts] != _SPACE)
        self._listen([bytes(text[starts[i] : ends[i]]) for i in np.flatnonzero(told)])
        return _accesses(text, starts[~told], ends[~told])

    def _listen(self, lines: list[bytes]) -> None:
        self.messages += [line.decode(errors="replace") for line in lines]
        del self.messages[:-50]


def _accesses(text: Text, starts: Ints, ends: Ints) -> Chunk:
    """Read lines, each of which is an access."""
    letters = np.maximum(text[starts], text[starts + 1])  # a space is less than a letter
    kinds = _KIND[letters]
    commas = np.flatnonzero(text == _COMMA)
    places = np.searchsorted(commas, starts)
    commas = np.append(commas, len(text) - 1)[places]
    addresses, right = _number(text, starts + _ADDRESS, commas, 16)
    sizes, right_too = _number(text, commas + 1, ends, 10)
    wrong = np.flatnonzero((kinds == _NONE) | ~right | ~right_too | (sizes - np.uint64(1) >= _PAGE))
    if len(wrong):
        line = bytes(text[starts[wrong[0]] : ends[wrong[0]]])
        raise FaultlabError(
            f"valgrind's lackey says {line.decode(errors='replace')!r}, which is neither an access (kind, "
            f"address, size up to {_PAGE}) nor a message. This was made for valgrind 3.19; is yours another?"
        )
    return _in_order(addresses, sizes, kinds, letters == _MODIFY)


def _number(text: Text, starts: Ints, ends: Ints, base: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Read the numbers between `starts` and `ends`, and tell which are numbers; most have the same length."""
    lengths = ends - starts
    values = np.zeros(len(starts), np.uint64)
    right = (lengths >= 1) & (lengths <= _LONGEST)
    for length in np.unique(lengths[right]).tolist():
        which = np.flatnonzero(lengths == length)
        value = np.zeros(len(which), np.uint64)
        fine = np.ones(len(which), bool)
        for at in range(length):
            digit = _DIGIT[text[starts[which] + at]]
            fine &= digit < base
            value = value * np.uint64(base) + digit
        values[which] = value
        right[which] = fine
    return values, right


def _in_order(
    addresses: NDArray[np.uint64], sizes: NDArray[np.uint64], kinds: Text, modified: NDArray[np.bool_]
) -> Chunk:
    """Make of each access the one, two or four that it is: in one page or two, read and then written."""
    page = np.uint64(_PAGE)
    next_page = (addresses // page + np.uint64(1)) * page
    crossing = (addresses + (sizes - np.uint64(1))) // page != addresses // page
    n = (1 + crossing) * (1 + modified)
    if not (n > 1).any():
        return Chunk(addresses, kinds)
    of = np.repeat(np.arange(len(n)), n)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    written = modified[of] & (nth >= 1 + crossing[of])  # all parts are read before any is written
    second = crossing[of] & (nth % 2 == 1)
    return Chunk(
        np.where(second, next_page[of], addresses[of]),
        np.where(written, np.uint8(Kind.WRITE), kinds[of]),
    )
