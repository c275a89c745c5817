"""A walk that is wrong is told where and why; one that is right in another way passes."""

from __future__ import annotations

from array import array

import pytest

from course.compiled import serve, try_walk
from course.compiled.building import why_not
from course.compiled.tables import random_tables
from course.compiled.trying import run_with_faults
from pyemu.errors import FaultlabError
from pyemu.hw import x86

needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())

RIGHT = """from libc.stdint cimport int64_t, uint32_t, uint64_t

def walk_all(const uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, uint64_t[::1] pas):
    cdef uint64_t table, entry
    cdef Py_ssize_t i
    cdef int shift
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            entry = ram[(table >> 3) + (vas[i] >> shift & 511)]
            if not entry & 1:
                return i
            table = entry & <uint64_t>0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095
    return len(vas)
"""
POINTER = """from libc.stdint cimport uint64_t

cdef Py_ssize_t walk(
    const uint64_t *ram, uint64_t root, const uint64_t *va, uint64_t *pa, Py_ssize_t n
) noexcept nogil:
    cdef uint64_t entry
    cdef Py_ssize_t i
    cdef int level
    for i in range(n):
        entry = root
        for level in range(4):
            entry = ram[(entry & <uint64_t>0xFFFFFFFFFF000) // 8 + (va[i] >> (39 - 9 * level)) % 512]
            if entry % 2 == 0:
                return i
        pa[i] = (entry & <uint64_t>0xFFFFFFFFFF000) + va[i] % 4096
    return n

def walk_all(const uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, uint64_t[::1] pas):
    return walk(&ram[0], root, &vas[0], &pas[0], len(vas))
"""


@needs_compiler
@pytest.mark.parametrize("text", [RIGHT, POINTER], ids=["view", "pointer"])
def test_a_right_walk_agrees(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_walk(text)
    serve(text)
    said = " ".join(capsys.readouterr().out.split())
    assert "of 20 random page tables, and stop at the same fault in the 10 that have one" in said
    assert "41 calls of compiled code, and between them 40 faults" in said


@needs_compiler
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("uint64_t table, entry", "uint32_t table, entry", "The high half is lost"),
        ("cdef uint64_t table, entry", "cdef uint64_t entry\n    cdef int table", "The high half is lost"),
        ("return i\n", "continue\n", "It went on after a fault"),
        ("if not entry", "if entry", "It stopped too early"),
        ("return i\n", "return i - 1\n", "It stopped too early"),
        ("& <uint64_t>0xFFFFFFFFFF000", "& <uint64_t>0xFFFFFFFFFFFFF000", "Bits of the entry"),
        ("vas[i] & 4095", "vas[i] & 511", "The frame is right, the offset isn't"),
        ("    return len(vas)\n", "", "doesn't say how far it came"),
        ("const uint64_t[::1] vas", "const uint32_t[::1] vas", "raised ValueError: Buffer dtype mismatch"),
        ("Py_ssize_t i", "unsigned char i", "didn't end in 10 seconds"),
        (
            "ram[(table >> 3)",
            "(&ram[0])[(entry * 0 + ((<uint64_t>1) << 50))",
            "ended the process that ran it",
        ),
        ("not entry", "not nothing", "undeclared name not builtin: nothing"),
    ],
)
def test_a_wrong_walk_is_told_what_is_likely(
    old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in RIGHT
    try_walk(RIGHT.replace(old, new))
    assert said in " ".join(capsys.readouterr().out.split())


def test_without_a_compiler_a_text_that_nobody_measured_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    try_walk(RIGHT + "# mine\n")
    said = capsys.readouterr().out
    assert "no-such-compiler" in said
    assert "nothing was measured of this text elsewhere" in said


def test_a_walk_that_does_not_go_on_is_stopped() -> None:
    with pytest.raises(FaultlabError, match="stops at 0x5000, whose page is present"):
        run_with_faults(lambda ram, root, vas, pas: 0, array("Q", [0x5000]))


def test_random_tables_are_those_of_their_seed_and_hold_what_a_walk_may_meet() -> None:
    tables = random_tables(3, 300, faults=True)
    assert tables == random_tables(3, 300, faults=True)
    assert tables != random_tables(4, 300, faults=True)
    assert any(va >> 63 for va in tables.vas)
    assert not all(va >> 63 for va in tables.vas)
    assert any(entry & x86.NX for entry in tables.ram)
    _, n_before = tables.expected()
    assert 200 <= n_before < 300
    assert random_tables(3, 300).expected()[1] == 300
