"""One access by a learner's walk, printed beside the processor's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from course.paging import Computer, try_access
from course.paging.computer import ROOT
from course.paging.own_access import Request, learners, processors
from pyemu.hw import x86


def computer(bits: int = x86.P | x86.US) -> Computer:
    made = Computer()
    made.map(0x5000, 0x20000, bits)
    return made


def short(memory: SimpleNamespace, cpu: dict[str, Any], address: int, kind: str) -> int:
    table: int = cpu["cr3"]
    for shift in (39, 30, 21, 12):
        table = memory.read(table + 8 * (address >> shift & 511)) & x86.ADDRESS
    return table + (address & 4095)


def marks_the_leaf(memory: SimpleNamespace, cpu: dict[str, Any], address: int, kind: str) -> int:
    found = short(memory, cpu, address, kind)
    memory.write(0x4028, memory.read(0x4028) | x86.D)
    return found


def test_both_outcomes_are_printed(capsys: pytest.CaptureFixture[str]):
    try_access(short, computer(), 0x5010, "write")
    assert capsys.readouterr().out.splitlines() == [
        "user write 0x5010",
        "  yours        0x20010",
        "  processor's  #PF, error code 0x7, CR2 0x5010",
    ]


def test_entries_that_differ_are_printed(capsys: pytest.CaptureFixture[str]):
    try_access(short, computer(), 0x5010, user=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["kernel read 0x5010", "  yours        0x20010", "  processor's  0x20010"]
    assert lines[-1] == "  level 1: you leave P US, the processor P US A"


def test_a_walk_that_fails_says_how(capsys: pytest.CaptureFixture[str]):
    try_access(lambda *_: 1 / 0, computer(), 0x5010, wp=False)
    assert "  yours        ZeroDivisionError: division by zero" in capsys.readouterr().out.splitlines()


def test_neither_changes_the_tables():
    made = computer()
    before = bytes(made.ram)
    request = Request(0x5010, "read")
    processors(made.ram, ROOT, request)
    learners(marks_the_leaf, made.ram, ROOT, request)
    assert bytes(made.ram) == before


def test_an_entry_that_the_walk_does_not_use_is_noticed():
    def strays(memory: SimpleNamespace, *_: object) -> int:
        memory.write(ROOT + 8 * 100, 1)
        return 0

    assert learners(strays, computer().ram, ROOT, Request(0x5010, "read"))[0].stray


@pytest.mark.parametrize(
    ("place", "entry", "message"),
    [(3, 0, "no entry begins at 0x3"), ("8", 0, "no entry begins at '8'"), (8, -1, "-1 is no entry")],
)
def test_what_is_no_entry_is_refused(place: object, entry: object, message: str):
    def writes(memory: SimpleNamespace, *_: object) -> None:
        memory.write(place, entry)

    with pytest.raises(ValueError, match=message):
        learners(writes, computer().ram, ROOT, Request(0x5010, "read"))


@pytest.mark.parametrize("given", [None, True, "#PF", ("#PF", 4), ("#PF", "4", 0x5000), 1.5])
def test_a_result_of_another_shape_is_no_outcome(given: object):
    outcome, _ = learners(lambda *_: given, computer().ram, ROOT, Request(0x5010, "read"))
    assert outcome.kind == f"gives {given!r}, which is no outcome"
