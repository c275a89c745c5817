"""The operators change one thing each, and leave alone what is no code of the kernel."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.operators import mutants

HEAD = "async def f(mm: Mm, flags: int = 3) -> int:\n"


def changes(body: str) -> set[str]:
    """The mutants of a function with this body, as ``operator: before -> after``."""
    lines = HEAD + "".join(f"    {line}\n" for line in body.split("\n"))
    return {one.name.removeprefix("m f: ") for one in mutants("m", lines)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("await count('maj_flt')", {"drop statement: await count('maj_flt') -> pass"}),
        ("await up_read(mm)", {"drop lock call: await up_read(mm) -> pass"}),
        ("flags |= x", {"drop statement: flags |= x -> pass", "other operator: flags |= x -> flags &= x"}),
        ("return 0", {"other constant: 0 -> 1"}),
        ("return True", {"other constant: True -> False"}),
        ("return None", set()),
        ("'''What it is.'''\nreturn x", set()),
        ("x: int = y", set()),
        ("return VM_FAULT_NOPAGE", {"other flag: VM_FAULT_NOPAGE -> VM_FAULT_LOCKED"}),
        ("return a | b", {"other operator: a | b -> a & b"}),
        ("return not a", {"negate condition: not a -> a"}),
        ("return policy.x", {"negate condition: policy.x -> not policy.x"}),
        (
            "if await g():\n    return x",
            {"negate condition: await g() -> True", "negate condition: await g() -> False"},
        ),
        ("if x is None:\n    return x", {"negate condition: x is None -> x is not None"}),
        ("while True:\n    x = y", set()),
        ("for one in rows:\n    continue", {"drop statement: continue -> pass"}),
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
        ("x = 1", "await g(y)", True),
    ],
)
def test_neighbours_change_places_where_that_can_mean_something(first: str, second: str, may: bool) -> None:
    swaps = {one for one in changes(f"{first}\n{second}") if one.startswith("swap")}
    assert bool(swaps) == may


def test_an_await_that_is_a_condition_is_still_made() -> None:
    always = [one.source for one in mutants("m", HEAD + "    if await g():\n        return x\n")]
    assert all("await g()" in source for source in always)


def test_no_two_mutants_are_the_same_code_and_each_is_python() -> None:
    body = "if flags & FAULT_FLAG_USER and not x:\n        await up_read(mm)\n        return 1\n    return 0"
    found = [one.source for one in mutants("m", f"{HEAD}    {body}\n")]
    assert len(found) == len(set(found)) > 6
    for source in found:
        ast.parse(source)


def test_signatures_decorators_and_the_code_outside_of_functions_stay() -> None:
    source = "LIMIT = 3\n\n@implements(1)\nasync def f(x: int = 5) -> bool:\n    return x\n"
    assert mutants("m", source) == []
