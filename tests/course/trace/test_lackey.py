"""What lackey prints, as addresses and kinds, wherever the text is cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.trace.lackey import Lackey
from pyemu.errors import FaultlabError
from pyemu.hw import Kind

READ, WRITE, FETCH = map(int, (Kind.READ, Kind.WRITE, Kind.FETCH))

ACCESS = st.tuples(st.sampled_from("ILSM"), st.integers(0, 2**64 - 4097), st.integers(1, 4096))


def line(letter: str, address: int, size: int) -> str:
    return f"{'I ' if letter == 'I' else ' ' + letter} {address:08x},{size}\n"


def plainly(letter: str, address: int, size: int) -> list[tuple[int, int]]:
    """What one line means, one step after the other."""
    parts = [address]
    if address // 4096 != (address + size - 1) // 4096:
        parts.append((address // 4096 + 1) * 4096)
    kinds = {"I": [FETCH], "L": [READ], "S": [WRITE], "M": [READ, WRITE]}[letter]
    return [(part, kind) for kind in kinds for part in parts]


def fed(*pieces: bytes) -> list[tuple[int, int]]:
    lackey = Lackey()
    chunks = [lackey.feed(piece) for piece in pieces]
    assert all(chunk.addresses.dtype == np.uint64 and chunk.kinds.dtype == np.uint8 for chunk in chunks)
    return [
        pair for chunk in chunks for pair in zip(chunk.addresses.tolist(), chunk.kinds.tolist(), strict=True)
    ]


@given(st.lists(ACCESS), st.lists(st.integers(0, 500), max_size=4))
def test_each_line_becomes_the_accesses_that_it_means_wherever_it_is_cut(
    accesses: list[tuple[str, int, int]], cuts: list[int]
) -> None:
    text = "".join(line(*one) for one in accesses).encode()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:stop] for start, stop in pairwise(places)]
    assert fed(*pieces) == [pair for one in accesses for pair in plainly(*one)]


def test_a_modify_over_two_pages_reads_both_before_it_writes() -> None:
    assert fed(b" M 00001ffc,8\n") == [(0x1FFC, READ), (0x2000, READ), (0x1FFC, WRITE), (0x2000, WRITE)]


def test_messages_are_put_aside() -> None:
    lackey = Lackey()
    chunk = lackey.feed(b"==12== Lackey\nI  00001000,4\n--12-- odd, 7\n\n L 00002000,1\n")
    assert chunk.addresses.tolist() == [0x1000, 0x2000]
    assert lackey.messages == ["==12== Lackey", "--12-- odd, 7", ""]


@pytest.mark.parametrize(
    "text",
    [
        " X 00001000,4",
        "I  0000100g,4",
        "I  ,4",
        "I  00001000,",
        "I  00001000,0",
        "I  00001000,4097",
        "I  00001000,4a",
        "I  00001000",
        " ",
        "I",
        "I  11112222333344445,4",
    ],
)
def test_a_line_of_another_sort_is_refused(text: str) -> None:
    with pytest.raises(FaultlabError, match="neither an access") as error:
        fed(f"I  00001000,4\n{text}\nI  00001004,4\n".encode())
    assert repr(text) in str(error.value)
