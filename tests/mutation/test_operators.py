"""The operators change one thing each, and leave alone what says nothing of the tests."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.operators import mutants

MODULE = "pyemu.kernel.signal"  # for the names of flags
HEAD = "async def f(mm: Mm, flags: int = 3) -> int:\n"


def source(body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body.split("\n"))


def changes(body: str) -> set[str]:
    """The mutants of a function with this body, in words."""
    return {one.what for one in mutants(MODULE, source(body))}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("await count()", {"drop 'await count()'"}),
        ("await up_read(mm)", {"drop 'await up_read(mm)'"}),
        ("return 0", {"drop 'return 0'", "0 becomes 1"}),
        ("return True", {"drop 'return True'", "True becomes False"}),
        (
            "return VM_FAULT_RETRY & x",
            {"drop 'return VM_FAULT_RETRY & x'", "other link in 'VM_FAULT_RETRY & x'"},
        ),
        ("if await g():\n    return x", {"drop 'if await g():'", "negate 'await g()'", "drop 'return x'"}),
        (
            "if x is None:\n    await g()",
            {"drop 'if x is None:'", "negate 'x is None'", "drop 'await g()'"},
        ),
    ],
)
def test_an_operator_changes_what_it_says_and_no_more(body: str, expected: set[str]) -> None:
    assert changes(body) == expected


@pytest.mark.parametrize(
    ("first", "second", "may"),
    [
        ("await up_read(mm)", "x = await find_vma(mm, 1)", True),
        ("x = await vma.vm_start", "y = await vma.vm_end", False),  # two reads: no run changes
        ("x = await find_vma(mm, 1)", "y = await x.vm_end", False),  # a NameError says nothing
        ("policy = await policies()", "x = await vma.vm_mm", False),
        ("flags |= x", "return flags", False),
        ("x = min(flags, 4)", "await g(mm)", False),  # a value of one's own, computed a little later
        ("x = flags", "if mm:\n    return 1", False),
        ("x = g(flags)", "await h(mm)", True),
        ("if not mm:\n    return 1", "x = mm[0]", True),
        ("await g(flags)", "flags = 4", True),
        ("flags += 4", "await g(flags)", True),
        ("flags += 4", "if mm:\n    break", True),  # whoever comes after the loop sees it
    ],
)
def test_neighbours_change_places_where_that_can_mean_something(first: str, second: str, may: bool) -> None:
    swaps = {one for one in changes(f"{first}\n{second}") if one.startswith("swap")}
    assert bool(swaps) == may


@pytest.mark.parametrize(
    ("body", "stillborn"),
    [
        ("x = await g()\nawait h(x)", True),
        ("x = await g()\nx = await h()\nawait k(x)", False),
        ("x = 1\nwhile flags:\n    await h(x)\n    x = await g()", True),
        ("while flags:\n    x = await g()\n    await h(x)", True),
        ("if flags:\n    x = 1\nelse:\n    x = 2\nawait h(x)", False),
    ],
)
def test_a_name_that_loses_its_first_value_is_no_mutant(body: str, stillborn: bool) -> None:
    first = next(line.strip() for line in body.split("\n") if "x = " in line)
    assert (f"drop {first!r}" not in changes(body)) == stillborn


def test_no_two_mutants_are_the_same_code_and_each_is_python() -> None:
    body = "if flags & FAULT_FLAG_USER and not x:\n    await up_read(mm)\n    return 1\nreturn 0"
    found = [one.source for one in mutants(MODULE, source(body))]
    assert len(found) == len(set(found)) > 6
    for text in found:
        ast.parse(text)


def test_signatures_decorators_and_the_code_outside_of_functions_stay() -> None:
    text = "LIMIT = 3\n\n@implements(1)\nasync def f(x: int = 5) -> bool:\n    return x\n"
    assert [one.what for one in mutants(MODULE, text)] == ["drop 'return x'"]
