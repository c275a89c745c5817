"""What the hardware model refuses, and in the same words on both twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from pyemu.errors import FaultlabError, HardwareError
from pyemu.hw import BadTypeError, BadValueError, Mmu, Registers, TlbGeometry, make_mmu, x86
from tests.hw.machines import RAM_BYTES, VA, Machine, registers


def loaded(twin: str) -> Mmu:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, twin)
    mmu.load(registers())
    return mmu


CALLS: list[tuple[str, type[FaultlabError], Callable[[str], Any]]] = [
    ("address is -0x1", BadValueError, lambda twin: loaded(twin).access(-1, "read")),
    ("address is 0x10000000000000000", BadValueError, lambda twin: loaded(twin).access(1 << 64, "read")),
    ("address is 1.5", BadTypeError, lambda twin: loaded(twin).access(1.5, "read")),  # type: ignore[arg-type]
    ("kind is 'execute'", BadValueError, lambda twin: loaded(twin).access(VA, "execute")),
    ("kind is 3", BadValueError, lambda twin: loaded(twin).access(VA, 3)),
    (r"kind is \[\]", BadValueError, lambda twin: loaded(twin).access(VA, [])),  # type: ignore[arg-type]
    ("address is -0x1", BadValueError, lambda twin: loaded(twin).invlpg(-1)),
    ("cpl is 0x4", BadValueError, lambda twin: loaded(twin).set_mode(4)),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).access(0, "read")),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).set_mode(0)),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).access_many([], 0)),
    ("must lie inside ram", BadValueError, lambda twin: make_mmu(bytearray(4096), twin).load(registers())),
    ("must be pyemu.hw.Registers", BadTypeError, lambda twin: loaded(twin).load(3)),  # type: ignore[arg-type]
    (r"addresses\[1\] is -0x1", BadValueError, lambda twin: loaded(twin).access_many([VA, -1], 0)),
    (r"addresses\[0\] is 'x'", BadTypeError, lambda twin: loaded(twin).access_many(["x"], 0)),
    ("addresses is 5", BadTypeError, lambda twin: loaded(twin).access_many(5, 0)),
    ("array of uint64", BadTypeError, lambda twin: loaded(twin).access_many(np.array([1, 2]), 0)),
    ("array of uint64", BadTypeError, lambda twin: loaded(twin).access_many(np.array([1.0]), 0)),
    ("give a copy", BadTypeError, lambda twin: loaded(twin).access_many(np.zeros(4, np.uint64)[::2], 0)),
    ("give a copy", BadTypeError, lambda twin: loaded(twin).access_many(np.zeros((2, 2), np.uint64), 0)),
    ("3 kinds for 2 addresses", BadValueError, lambda twin: loaded(twin).access_many([1, 2], [0, 0, 0])),
    (r"kinds\[1\] is 7", BadValueError, lambda twin: loaded(twin).access_many([1, 2], b"\x00\x07")),
    ("array of uint8", BadTypeError, lambda twin: loaded(twin).access_many([1], np.zeros(1, np.int64))),
    ("out holds 1", BadValueError, lambda twin: loaded(twin).access_many([1, 2], 0, np.zeros(1, np.uint64))),
    (
        "out is read-only",
        BadTypeError,
        lambda twin: loaded(twin).access_many([1], 0, memoryview(bytes(8)).cast("Q")),
    ),
    ("out is a list", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, [0])),
    ("quantum is 0x0", BadValueError, lambda twin: loaded(twin).access_many([1], 0, quantum=0)),
    ("ram is a str", BadTypeError, lambda twin: make_mmu("ram", twin)),
    ("ram is a read-only bytes", BadTypeError, lambda twin: make_mmu(bytes(4096), twin)),
    ("ram is not contiguous", BadTypeError, lambda twin: make_mmu(memoryview(bytearray(9000))[::2], twin)),
    ("ram holds 100 bytes", BadValueError, lambda twin: make_mmu(bytearray(100), twin)),
    (
        "ad_on_fault is 'some'",
        BadValueError,
        lambda twin: make_mmu(bytearray(4096), twin, ad_on_fault=cast("Any", "some")),
    ),
    ("address is -0x1", BadValueError, lambda twin: x86.access(Machine().ram, registers(), -1, 0, twin=twin)),
    ("kind is None", BadValueError, lambda twin: x86.access(Machine().ram, registers(), 0, None, twin=twin)),  # type: ignore[arg-type]
    (
        r"kinds\[0\] is 9",
        BadValueError,
        lambda twin: x86.access_many(Machine().ram, registers(), [0], b"\x09", twin=twin),
    ),
    ("inside ram", BadValueError, lambda twin: x86.access(bytearray(4096), registers(), 0, 0, twin=twin)),
]


@pytest.mark.parametrize(("words", "error", "call"), CALLS)
def test_a_wrong_call_is_refused_by_name_value_and_rule(
    twin: str, words: str, error: type[FaultlabError], call: Callable[[str], Any]
) -> None:
    with pytest.raises(error, match=words):
        call(twin)


def test_such_errors_are_value_and_type_errors_too() -> None:
    assert issubclass(BadValueError, ValueError)
    assert issubclass(BadTypeError, TypeError)


def test_a_refused_batch_makes_no_access(twin: str) -> None:
    mmu = loaded(twin)
    with pytest.raises(BadValueError):
        mmu.access_many([VA, VA], b"\x00\x05")
    assert mmu.stats.accesses == 0


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("cr4 is 0x1000: bit LA57", {"cr4": x86.CR4_LA57}),
        ("cr3 is 0x10000000000", {"cr3": 1 << 40}),
        ("maxphyaddr is 0x1f", {"maxphyaddr": 31}),
        ("cr0 is -0x1", {"cr0": -1}),
        ("cpl is 0x4", {"cpl": 4}),
    ],
)
def test_registers_that_have_no_meaning_are_refused(words: str, values: dict[str, int]) -> None:
    good: dict[str, Any] = {"cr0": 0, "cr3": 0, "cr4": 0, "efer": 0, "cpl": 0}
    with pytest.raises(BadValueError, match=words):
        Registers(**(good | values))


@pytest.mark.parametrize("field", ["l1_sets", "l1_ways", "l2_sets", "l2_ways"])
def test_a_tlb_without_sets_or_ways_is_refused(field: str) -> None:
    with pytest.raises(BadValueError, match=f"{field} is 0x0"):
        TlbGeometry(**{field: 0})


def test_the_twin_must_have_a_known_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadValueError, match="twin is 'turbo'"):
        make_mmu(bytearray(RAM_BYTES), "turbo")
    monkeypatch.setenv("FAULTLAB_TWIN", "turbo")
    with pytest.raises(BadValueError, match="FAULTLAB_TWIN is 'turbo'"):
        make_mmu(bytearray(RAM_BYTES))
