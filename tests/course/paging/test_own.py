"""A learner's walk is compared with the processor's, and each usual mistake is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course.paging import frozen, own_walk, try_walk
from course.paging.own import Walker
from pyemu.hw import x86

MACHINE = frozen()
VA = 0x7FFED8550A40
INDICES = [255, 507, 194, 336]
PA = 0xFFD2A40

Entry = Callable[[int], int]


def walk(entry: Entry, root: int, va: int) -> tuple[int, int]:
    table, rights = root, x86.RW | x86.US
    for shift in (39, 30, 21, 12):
        found = entry(table + 8 * (va >> shift & 511))
        rights &= found
        table = found & x86.ADDRESS
    return table + (va & 4095), rights


def test_a_right_walk_on_paper_is_the_walk_of_the_processor(capsys: pytest.CaptureFixture[str]) -> None:
    own_walk(MACHINE, VA, INDICES, PA, True)
    assert capsys.readouterr().out.splitlines()[-1] == "Your own walk is the walk of the processor."


def test_an_empty_sheet_is_no_mistake_and_gives_nothing_away(capsys: pytest.CaptureFixture[str]) -> None:
    own_walk(MACHINE, VA, [None] * 4)
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "0 of 6 agree."
    assert "not what" not in said
    assert [one for one in (*map(str, INDICES), f"{PA:#x}", "True") if one in said] == []


@pytest.mark.parametrize(
    ("indices", "pa", "may_write", "message"),
    [
        ([336, 507, 194, 336], PA, True, "this is the index of level 1"),
        ([255, VA >> 30, 194, 336], PA, True, "keep its lowest nine bits"),
        ([255, 507, 1, 336], PA, True, "shift the address to the right by 21 bits"),
        (INDICES, PA & -4096, True, "where the page begins; add the offset"),
        (INDICES, 0x800000000FFD2867, True, "the frame is right, the rest is not"),
        (INDICES, PA, False, "look for RW in each of the four entries"),
    ],
)
def test_each_mistake_on_paper_is_named(
    indices: list[int | None], pa: int, may_write: bool, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own_walk(MACHINE, VA, indices, pa, may_write)
    said = capsys.readouterr().out
    assert message in said
    assert "5 of 6 agree." in said


def test_a_right_function_agrees_on_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    try_walk(MACHINE, walk)
    n_pages = len(list(MACHINE.pages()))
    assert n_pages > 500
    assert f"agree on all {n_pages} pages" in capsys.readouterr().out


def leaf_decides(entry: Entry, root: int, va: int) -> tuple[int, int]:
    return walk(entry, root, va)[0], x86.RW | x86.US


def other_bits_too(entry: Entry, root: int, va: int) -> tuple[int, int]:
    pa, rights = walk(entry, root, va)
    return pa, rights | x86.P


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda entry, root, va: None, "Fill the gaps: each None is one."),
        (lambda entry, root, va: (None, None), "Fill the gaps: each None is one."),
        (lambda entry, root, va: (None, 6), "the second gap is still open"),
        (lambda entry, root, va: (walk(entry, root, va)[0], None), "The gap for the rights is still open."),
        (lambda entry, root, va: walk(entry, root, va)[0], "It must give two values"),
        (lambda entry, root, va: (walk(entry, root, va)[0] & -4096, 4), "add the offset"),
        (lambda entry, root, va: (walk(entry, root, va)[0], 0), "Begin with all rights"),
        (leaf_decides, "A right counts only if every level grants it."),
        (other_bits_too, "keep RW and US"),
        (lambda entry, root, va: (walk(entry, root, va)[0] | x86.NX, 4), "the frame is right"),
        (lambda entry, root, va: entry(root + 1), "its address is a multiple of 8"),
        (lambda entry, root, va: entry(0x10000000), "lies in no table of this machine"),
        (lambda entry, root, va: {}[va], "failed. KeyError"),
    ],
)
def test_each_mistake_of_a_function_is_named(
    function: Walker, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_walk(MACHINE, function)
    assert message in " ".join(capsys.readouterr().out.split())
