"""The cases of kind ``sequence``: memory, what runs before and between the measured steps, and these.

A case is a little memory, perhaps a file, and a list of steps, named as in the records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Step = dict[str, Any]

IO_TICKS = 300  # us that the disk takes to read once; how long it is changes no counter
FILE_PAGES = 64
# The mapping of a file starts inside a window of 16 pages, so that 64 pages lie in five windows (deduced from
# the records) [fact:fault-around].
FILE_ADDRESS = 0x7E00_0000_5000


@dataclass(frozen=True, slots=True)
class Measured:
    """A step of a case that was measured.

    Attributes
    ----------
    name : str
        What records call it.
    steps : tuple of dict
        What the program does in it.
    page : int or None
        The page of the case's area whose entry is looked at afterwards.
    """

    name: str
    steps: tuple[Step, ...]
    page: int | None = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A case: memory, what runs before and between the measured steps, and these.

    Attributes
    ----------
    area : dict
        The area V, as in a scenario.
    parts : tuple of Step or Measured
        In order.
    child : tuple of Measured
        What a forked child does.
    files : tuple of dict
        As in a scenario.
    """

    area: Step
    parts: tuple[Step | Measured, ...]
    child: tuple[Step | Measured, ...] = ()
    files: tuple[Step, ...] = ()


def do(action: str, page: int = 0, **keys: Any) -> Step:
    """Give a step on a page of the case's area."""
    return {"do": action, "area": "V", "page": page, **keys}


def _measure(name: str, *steps: Step, page: int | None = 0) -> Measured:
    return Measured(name, steps, page)


def _anon(pages: int, **keys: Any) -> Step:
    return {"pages": pages, **keys}


def _file(*, cached: bool, **keys: Any) -> dict[str, Any]:
    """Give the area and the file of a case."""
    file = {"name": "f", "pages": FILE_PAGES, "cached": cached, "io_ticks": IO_TICKS}
    area = {"pages": FILE_PAGES, "kind": "file", "file": "f", "shared": True, "address": FILE_ADDRESS}
    return {"area": {**area, **keys}, "files": (file,)}


_READ, _WRITE = do("read"), do("write")
_PROTECT = do("mprotect", prot="r")
_ALL = tuple(do("read", page) for page in range(FILE_PAGES))
_OTHER_MEMORY = {"do": "write", "area": "V", "page": 1}
CASES: dict[str, Case] = {
    "warmup": Case(_anon(1), (_WRITE, _measure("-"))),
    "demand_zero_write": Case(
        _anon(8),
        (
            _measure("write 1st", _WRITE),
            _measure("write again", _WRITE),
            _measure("write 7 further pages", *(do("write", page) for page in range(1, 8)), page=7),
        ),
    ),
    "zero_read_then_write": Case(
        _anon(2),
        (
            _measure("read", _READ),
            _measure("read again", _READ),
            _measure("write (break zero page)", _WRITE),
        ),
    ),
    "fork_cow": Case(
        _anon(2),
        (
            _WRITE,
            {"do": "fork", "child": "C"},
            {"do": "wait_post"},
            _measure("parent write after child gone (reuse)", _WRITE),
        ),
        (
            _measure("child read", _READ),
            _measure("child write (copy)", _WRITE),
            _measure("child write again", _WRITE),
            {"do": "munmap", "area": "V", "pages": 2},
            {"do": "post", "task": "T"},
        ),
    ),
    "fork_cow2": Case(
        _anon(2),
        (
            _WRITE,
            {"do": "fork", "child": "C"},
            _measure("parent write while child alive (copy)", _WRITE),
            {"do": "post", "task": "C"},
        ),
        ({"do": "wait_post"},),
    ),
    "madv_dontneed": Case(
        _anon(2),
        (
            _WRITE,
            _measure("madvise", do("madvise_dontneed")),
            _measure("read refault", _READ),
            _measure("write after", _WRITE),
        ),
    ),
    "mprotect_ro": Case(
        _anon(2),
        (
            _WRITE,
            _PROTECT,
            _measure("read", _READ),
            _measure("write -> SIGSEGV", _WRITE),
            do("mprotect", prot="rw"),
            _measure("write after mprotect RW", _WRITE),
        ),
    ),
    "prot_none": Case(
        _anon(2),
        (_WRITE, do("mprotect", prot="none"), _measure("read -> SIGSEGV", _READ)),
    ),
    "unmapped": Case(_anon(2), (do("munmap"), _measure("read -> SIGSEGV", _READ, page=None))),
    "shmem": Case(
        _anon(2, kind="shmem", shared=True),
        (
            _measure("read", _READ),
            _measure("write after read", _WRITE),
            _measure("write fresh", _OTHER_MEMORY, page=1),
        ),
    ),
    "mlock": Case(
        _anon(4),
        (_measure("mlock 4 fresh pages", do("mlock", pages=4)), _measure("write", _WRITE)),
    ),
    "populate": Case(_anon(4), (do("populate", pages=4), _measure("write after MAP_POPULATE", _WRITE))),
    "file_ro_shared(random)": Case(
        **_file(cached=False, prot="r", random=True),
        parts=(
            _measure("read cold page 0", _READ),
            _measure("read same page", _READ),
            _measure("read cold page 40", do("read", 40), page=40),
        ),
    ),
    "file_ro_shared": Case(
        **_file(cached=False, prot="r"),
        parts=(
            _measure("read cold page 0", _READ),
            _measure("read all 64 pages (readahead+faultaround)", *_ALL, page=63),
        ),
    ),
    "file_ro_shared, cached": Case(
        **_file(cached=True, prot="r"),
        parts=(_measure("remap, all 64 cached (faultaround)", *_ALL, page=63),),
    ),
    "file_rw_shared": Case(
        **_file(cached=True),
        parts=(
            _measure("read cached", _READ),
            _measure("write (wp fault/page_mkwrite)", _WRITE),
            _measure("write again", _WRITE),
            do("msync"),
            _measure("write after msync", _WRITE),
        ),
    ),
    "file_private": Case(
        **_file(cached=True, shared=False),
        parts=(
            _measure("read cached", _READ),
            _measure("write (COW of file page)", _WRITE),
            _measure("write fresh page (cow fault)", do("write", 33), page=33),
        ),
    ),
    "file_beyond_eof": Case(
        {"pages": 2, "kind": "file", "file": "f", "shared": True, "prot": "r"},
        (_measure("read -> SIGBUS", do("read", 1), page=1),),
        files=({"name": "f", "pages": 1, "cached": True},),
    ),
}
# Which case of ours holds a step: all but one stand in the case of their name.
ELSEWHERE = {("file_ro_shared", "remap, all 64 cached (faultaround)"): "file_ro_shared, cached"}
