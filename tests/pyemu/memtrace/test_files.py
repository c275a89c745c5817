"""Files of accesses: what is written comes back, in constant memory, and every damage is noticed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from pathlib import Path
from struct import pack, unpack_from

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.errors import MemtraceError
from pyemu.hw import COMPILED
from pyemu.memtrace import CHUNK, Header, Memtrace, MemtraceWriter
from pyemu.memtrace.files import MAGIC

HEADER = Header(("ls", "-l"), "2025-01-01", "lackey")
U64, U8 = np.uint64, np.uint8


def write(path: Path, addresses: list[int], kinds: list[int], header: Header = HEADER) -> Path:
    with path.open("wb") as file, MemtraceWriter(file, header) as writer:
        writer.append(np.array(addresses, U64), np.array(kinds, U8))
    return path


def read(path: Path) -> tuple[list[int], list[int]]:
    chunks = list(Memtrace(path).chunks())
    return (
        [va for chunk in chunks for va in chunk.addresses.tolist()],
        [kind for chunk in chunks for kind in chunk.kinds.tolist()],
    )


def sections(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Take a file apart: where each section stands, its name, its payload."""
    at, found = len(MAGIC), []
    while at < len(data):
        name, length, _ = unpack_from("<4sII", data, at)
        found.append((at, name, data[at + 12 : at + 12 + length]))
        at += 12 + length
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Put sections together again, with the right checksums."""
    return MAGIC + b"".join(
        pack("<4sII", name, len(payload), zlib.crc32(name + payload)) + payload for name, payload in parts
    )


ADDRESS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1, 0x7FFF_FFFF_F000])


@given(
    st.lists(st.tuples(ADDRESS, st.integers(0, 2))),
    st.lists(st.text()).map(tuple),
    st.text(),
    st.lists(st.integers(0, 50), max_size=3),
)
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    accesses: list[tuple[int, int]],
    command: tuple[str, ...],
    date: str,
    cuts: list[int],
) -> None:
    path = tmp_path_factory.mktemp("trace") / "one.memtrace"
    addresses, kinds = [va for va, _ in accesses], [kind for _, kind in accesses]
    header = Header(command, date, "tool")
    with path.open("wb") as file, MemtraceWriter(file, header) as writer:
        for part in np.array_split(np.arange(len(accesses)), sorted(cuts)):
            writer.append(np.array(addresses, U64)[part], np.array(kinds, U8)[part])
        assert writer.n == len(accesses)
        writer.ended = "early"
    trace = Memtrace(path)
    assert read(path) == (addresses, kinds)
    assert trace.header == header
    totals = trace.totals
    assert [totals.n_reads, totals.n_writes, totals.n_fetches] == [kinds.count(kind) for kind in range(3)]
    assert (totals.n, totals.ended) == (len(accesses), "early")
    assert totals.first_page == (min(addresses) >> 12 if addresses else None)
    assert totals.last_page == (max(addresses) >> 12 if addresses else None)


def test_a_long_trace_is_cut_into_chunks_wherever_it_was_appended(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    addresses = random.integers(0, 2**48, 2 * CHUNK + 5, U64)
    kinds = random.integers(0, 3, len(addresses)).astype(U8)
    path = tmp_path / "long.memtrace"
    with path.open("wb") as file, MemtraceWriter(file, HEADER) as writer:
        for start, stop in ((0, 7), (7, CHUNK + 1), (CHUNK + 1, len(addresses))):
            writer.append(addresses[start:stop], kinds[start:stop])
    chunks = list(Memtrace(path).chunks())
    assert [len(chunk.addresses) for chunk in chunks] == [CHUNK, CHUNK, 5]
    assert np.array_equal(np.concatenate([chunk.addresses for chunk in chunks]), addresses)
    assert np.array_equal(np.concatenate([chunk.kinds for chunk in chunks]), kinds)


def test_addresses_that_step_take_few_bytes(tmp_path: Path) -> None:
    addresses = list(range(0x7F00_0000_0000, 0x7F00_0000_0000 + 8 * 100_000, 8))
    assert write(tmp_path / "steps.memtrace", addresses, [0] * 100_000).stat().st_size < 2000


def test_every_flipped_byte_and_every_cut_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "small.memtrace", [0x1000, 0x7FFF_0000, 0x1003], [2, 1, 2])
    whole = path.read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(MemtraceError, match=r"small\.memtrace: at byte \d+.*: .*\.$"):
                read(path)


def changed(name: bytes, **values: object) -> list[tuple[bytes, bytes]]:
    """The sections of a file of one access, with other values in its JSON."""
    texts = {
        b"HEAD": {"format": 1, "command": ["ls"], "date": "", "tool": ""},
        b"TAIL": {
            "n_reads": 1,
            "n_writes": 0,
            "n_fetches": 0,
            "n_chunks": 1,
            "first_page": 1,
            "last_page": 1,
            "ended": "",
        },
    }
    texts[name] |= values
    head, tail = (json.dumps(texts[one]).encode() for one in (b"HEAD", b"TAIL"))
    return [(b"HEAD", head), (b"DATA", CHUNK_OF_ONE), (b"TAIL", tail)]


def column(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return pack("<I", len(packed)) + packed


CHUNK_OF_ONE = pack("<I", 1) + column(b"\0") + b"\1" + column(b"\2") + b"\0\0"
FINE = changed(b"HEAD")


def chunk(data: bytes) -> list[tuple[bytes, bytes]]:
    return [FINE[0], (b"DATA", data), FINE[2]]


def test_the_file_that_the_next_test_spoils_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "one.memtrace"
    path.write_bytes(joined(FINE))
    assert read(path) == ([1], [0])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (FINE[1:], "section HEAD has to stand here, and not b'DATA'"),
        ([FINE[0], FINE[0]], "section DATA or TAIL has to stand here, and not b'HEAD'"),
        (FINE[:2], "the file ends without its section TAIL: it was cut off"),
        ([*FINE, (b"DATA", b"")], "12 bytes follow where the file must end"),
        ([FINE[0], FINE[2]], "it counts 1 chunks, and the file has 0"),
        (changed(b"HEAD", format=2), "format is 2; this faultlab reads format 1"),
        (changed(b"HEAD", command="ls"), "command must be a list of texts"),
        (changed(b"HEAD", date=None), "date and tool must be texts"),
        (
            changed(b"TAIL", n_reads=2),
            r"it counts [2, 0, 0] reads, writes and fetches, and the chunks hold [1, 0,",
        ),
        (changed(b"TAIL", n_writes=-1), "must be counts"),
        (changed(b"TAIL", n_writes=True), "must be counts"),
        (changed(b"TAIL", last_page=None), "first_page and last_page must be page numbers, or both null"),
        (changed(b"TAIL", ended=7), "ended must be a text"),
        ([(b"HEAD", b"{"), *FINE[1:]], "it is no JSON"),
        ([(b"HEAD", b"\xff"), *FINE[1:]], "it is no JSON"),
        ([(b"HEAD", b"[]"), *FINE[1:]], "it must be a JSON object"),
        (chunk(pack("<I", 0)), "it says that it holds 0 accesses; a chunk holds 1 to 1048576"),
        (chunk(pack("<I", CHUNK + 1)), "a chunk holds 1 to 1048576"),
        (chunk(CHUNK_OF_ONE[:-1]), "it ends inside the planes of fetch, 1 bytes early"),
        (chunk(CHUNK_OF_ONE + b"\0"), "1 bytes follow where it must end"),
        (
            chunk(pack("<I", 1) + column(b"\3") + b"\0\0\0"),
            "a kind is 3; it must be 0 (read), 1 (write) or 2",
        ),
        (chunk(pack("<I", 1) + column(b"\0\0") + b"\0\0\0"), "kinds must hold exactly 1 bytes, and does not"),
        (chunk(pack("<I", 1) + column(b"") + b"\0\0\0"), "kinds must hold exactly 1 bytes, and does not"),
        (chunk(pack("<II", 1, 4) + b"abcd"), "its column of kinds is no zlib data"),
        (
            chunk(pack("<I", 1) + column(b"\0") + b"\x09"),
            "its column of read has 9 planes; it must have 0 to 8",
        ),
        (chunk(pack("<I", 1) + column(bytes(10**6)) + b"\0\0\0"), "kinds must hold exactly 1 bytes"),
    ],
)
def test_what_the_checksum_does_not_notice_is_refused_by_its_rule(
    tmp_path: Path, parts: list[tuple[bytes, bytes]], message: str
) -> None:
    path = tmp_path / "wrong.memtrace"
    path.write_bytes(joined(parts))
    with pytest.raises(MemtraceError) as error:
        read(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: at byte ")


def test_a_payload_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.memtrace"
    with path.open("wb") as file:
        file.write(joined(FINE[:1]) + pack("<4sII", b"DATA", 1 << 30, 0))
        file.truncate(1 << 31)  # sparse
    with pytest.raises(MemtraceError, match="it says that it is 1073741824 bytes; 33554432 is the most"):
        Memtrace(path)


def test_a_foreign_file_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for text in ("", "some notes\n" * 9):
        path.write_text(text, "utf-8")
        with pytest.raises(MemtraceError, match=r"Give a file that `faultlab trace record` wrote\."):
            Memtrace(path)


def broken_off(writer: MemtraceWriter) -> None:
    with writer:
        writer.append(np.zeros(CHUNK, U64), np.zeros(CHUNK, U8))
        raise ZeroDivisionError


def test_a_writer_that_was_left_by_an_error_leaves_no_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "half.memtrace"
    with path.open("wb") as file, pytest.raises(ZeroDivisionError):
        broken_off(MemtraceWriter(file, HEADER))
    with pytest.raises(MemtraceError, match="cut off"):
        Memtrace(path)


@pytest.mark.parametrize(
    ("addresses", "kinds", "message"),
    [
        (np.zeros(2, np.int64), np.zeros(2, U8), "addresses must be a numpy array of uint64"),
        (np.zeros((1, 2), U64), np.zeros(2, U8), "addresses must be a numpy array of uint64 with one"),
        ([0], np.zeros(1, U8), "addresses must be"),
        (np.zeros(2, U64), np.zeros(2, np.int64), "kinds must be a numpy array of uint8"),
        (np.zeros(2, U64), np.zeros(1, U8), "there are 1 kinds for 2 addresses"),
        (np.zeros(1, U64), np.array([3], U8), "a kind is 3"),
    ],
)
def test_what_is_no_access_is_not_written(
    tmp_path: Path, addresses: object, kinds: object, message: str
) -> None:
    with MemtraceWriter(io.BytesIO(), HEADER) as writer:
        with pytest.raises(MemtraceError, match=message):
            writer.append(addresses, kinds)  # type: ignore[arg-type]  # that is what is tested
        assert writer.n == 0


STREAM = """
import resource, sys
import numpy as np
from pyemu.hw import make_mmu
from pyemu.memtrace import CHUNK, Header, Memtrace, MemtraceWriter
from pyemu.memtrace.pages import PageCounts, mapped, page_numbers, touched
from pyemu.memtrace.reuse import Reuse

path = sys.argv[1]

def write(n):
    with open(path, "wb") as file, MemtraceWriter(file, Header()) as writer:
        while writer.n < n:
            start = writer.n
            steps = np.arange(start, min(start + 300_000, n), dtype=np.uint64)
            kinds = (steps % np.uint64(3)).astype(np.uint8)
            writer.append(steps * np.uint64(72) & np.uint64(0xFF_FFFF), kinds)

def use():
    pages = touched(Memtrace(path).chunks())
    machine = mapped(pages)
    mmu = make_mmu(machine.ram)
    mmu.load(machine.cpu)
    counts, reuse = PageCounts(), Reuse(CHUNK)
    for chunk in Memtrace(path).chunks():
        assert mmu.access_many(chunk.addresses, chunk.kinds).done
        counts.add(chunk)
        reuse.add(page_numbers(chunk))
    return mmu.stats.accesses, int(counts.counts.sum()), reuse.n

def everything(n):
    write(n)
    assert use() == (n, n, n)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = everything(2 * CHUNK)
print(everything(int(sys.argv[2])) - before)
"""


@pytest.mark.skipif(not COMPILED, reason="the readable twin takes minutes")
@pytest.mark.parametrize("n", [8_000_000, pytest.param(100_000_000, marks=pytest.mark.long)])
def test_memory_does_not_grow_with_the_trace_be_it_written_read_run_or_measured(
    tmp_path: Path, n: int
) -> None:
    words = [sys.executable, "-c", STREAM, str(tmp_path / "stream.memtrace"), str(n)]
    grown = int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert grown < 16, "MB more than two chunks took"  # a list of all chunks would take 72 and 900
