from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from pyemu.effects import OPERATIONS
from pyemu.effects.areas import find_vma
from pyemu.effects.core import Effect, take_dropped
from pyemu.effects.handles import HANDLES, Handle, Mm, Vma
from pyemu.effects.locks import down_read
from pyemu.effects.operations import Operation
from pyemu.effects.records import (
    RECORDS,
    AccessResult,
    Message,
    Page,
    Regs,
    Siginfo,
    record_values,
    user_mode,
)
from pyemu.errors import ForgottenAwait

MM = Mm(1)

USES: dict[str, Callable[[Any], Any]] = {
    "if": bool,
    "not": operator.not_,
    "== right": lambda e: e == 1,
    "== left": lambda e: operator.eq(1, e),
    "!=": lambda e: e != 1,
    "<": lambda e: e < 1,
    "<= left": lambda e: operator.le(1, e),
    ">": lambda e: e > 1,
    ">=": lambda e: e >= 1,
    "&": lambda e: e & 1,
    "& left": lambda e: 1 & e,
    "|": lambda e: e | 1,
    "| left": lambda e: 1 | e,
    "^": lambda e: e ^ 1,
    "^ left": lambda e: 1 ^ e,
    "~": operator.invert,
    "+": lambda e: e + 1,
    "+ left": lambda e: 1 + e,
    "-": lambda e: e - 1,
    "- left": lambda e: 1 - e,
    "* ": lambda e: e * 2,
    "* left": lambda e: 2 * e,
    "//": lambda e: e // 2,
    "// left": lambda e: 2 // e,
    "%": lambda e: e % 2,
    "% left": lambda e: 2 % e,
    "/": lambda e: e / 2,
    "<<": lambda e: e << 1,
    "<< left": lambda e: 1 << e,
    ">>": lambda e: e >> 12,
    ">> left": lambda e: 1 >> e,
    "**": lambda e: e**2,
    "unary -": operator.neg,
    "unary +": operator.pos,
    "abs": abs,
    "|=": lambda e: operator.ior(e, 1),
    "&= left": lambda e: operator.iand(1, e),
    "int": int,
    "hex": hex,
    "float": float,
    "range": range,
    "len": len,
    "iterate": list,
    "unpack": lambda e: (lambda a, b: a)(*e),
    "index": lambda e: e[0],
    "store": lambda e: operator.setitem(e, 0, 1),
    "in": lambda e: 1 in e,
    "call": lambda e: e(),
    "field": lambda e: e.vm_start,
    "set member": lambda e: e in {1, 2},
    "dict key": lambda e: {e: 1},
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_effect_used_as_its_result_says_where_await_is_missing(use: Callable[[Any], Any]) -> None:
    take_dropped()
    effect = find_vma(MM, 0x1000)
    with pytest.raises(ForgottenAwait, match=r"put `await` before find_vma\(\.\.\.\)"):
        use(effect)
    assert take_dropped() == []  # it was reported by the exception, so not once more


def test_an_effect_that_is_thrown_away_is_remembered_by_its_title() -> None:
    take_dropped()
    down_read(MM)
    Vma(3).vm_flags  # noqa: B018  the point of the test
    assert take_dropped() == ["down_read(...)", "vma.vm_flags"]
    assert take_dropped() == []


def test_an_awaited_effect_is_not_reported_as_thrown_away() -> None:
    async def handler() -> Any:
        return await find_vma(MM, 4)

    take_dropped()
    coroutine = handler()
    effect = coroutine.send(None)
    assert isinstance(effect, Effect)
    assert (effect.op, effect.args) == ("find_vma", (MM, 4))
    with pytest.raises(StopIteration) as stop:
        coroutine.send(17)
    assert stop.value.value == 17
    del effect
    assert take_dropped() == []


def test_an_effect_shows_itself_with_the_advice_to_await_it() -> None:
    effect = Vma(1).vm_start
    assert f"{effect}" == "<effect vma.vm_start: await it>"
    effect.awaited = True


def test_keyword_arguments_build_the_same_effect_as_positions() -> None:
    by_name, by_place = find_vma(address=8, mm=MM), find_vma(MM, 8)
    assert (by_name.op, by_name.args) == (by_place.op, by_place.args)
    by_name.awaited = by_place.awaited = True


@pytest.mark.parametrize("wrong", [(), (MM,), (MM, 1, 2)], ids=str)
def test_a_wrong_number_of_arguments_is_an_ordinary_type_error(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        find_vma(*wrong)


@pytest.mark.parametrize("kind", HANDLES.values(), ids=HANDLES)
def test_each_readable_field_of_a_handle_is_an_effect(kind: type[Handle]) -> None:
    for field in kind.readable:
        effect = getattr(kind(4, 2), field)
        assert (effect.op, effect.args) == (f"read_{kind.kind}", (kind(4, 2), field))
        assert effect.title == f"{kind.kind}.{field}"
        assert effect.op in OPERATIONS
        effect.awaited = True


def test_a_wrong_field_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(AttributeError, match=r"vma has no field 'vm_flag'; it has: vm_start, vm_end"):
        Vma(1).vm_flag  # noqa: B018  the point of the test
    with pytest.raises(AttributeError, match="mm has no field 'owner'; it has: none that can be read"):
        MM.owner  # noqa: B018  the point of the test


def test_a_handle_is_a_frozen_value_with_a_generation() -> None:
    assert Vma(1) == Vma(1, 0)
    assert Vma(1) != Vma(1, 1)
    assert len({Vma(1), Mm(1)}) == 2
    assert str(Vma(7)) == "vma 7"
    with pytest.raises(AttributeError):
        Vma(1).id = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "record",
    [
        Regs(True, 5),
        Message(4096, 1),
        Siginfo(7, 2, 9),
        Page(1, 2, 3, 4, True, False, True),
        AccessResult(None, 6),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_can_be_taken_apart_and_made_again(record: Any) -> None:
    assert RECORDS[type(record).__name__](*record_values(record)) == record


def test_every_record_type_is_registered_under_its_name() -> None:
    assert set(RECORDS) == {
        *("Regs", "Message", "AccessResult", "Siginfo", "Page", "PipeBuffer"),
        *("GupResult", "FaultinResult", "FixupResult", "PfnResult", "HugetlbWalk"),
        *("Found", "PageLock", "Window"),
    }


def test_user_mode_looks_at_the_interrupted_context() -> None:
    assert user_mode(Regs(user=True))
    assert not user_mode(Regs(user=False))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_parameter_of_an_operation_has_a_declared_kind(operation: Operation) -> None:
    known = {"int", "bool", "str", "Context | None", "Regs"} | {kind.__name__ for kind in HANDLES.values()}
    assert {kind for _, kind in operation.parameters} <= known


def test_reads_of_data_under_a_held_lock_and_of_own_data_are_no_turns() -> None:
    silent = {"read_vma", "read_task", "find_vma", "count", "perf_sw_event", "count_vm_event", "my_zero_pfn"}
    assert all(not OPERATIONS[name].turn for name in silent)
    shared = {"down_read", "up_read", "get_pte", "signal_pending", "schedule", "userfaultfd_queue", "access"}
    assert all(OPERATIONS[name].turn for name in shared)
