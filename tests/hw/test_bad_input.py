"""What the hardware model refuses, and in the same words on both twins."""

from __future__ import annotations

import mmap
import threading
from array import array
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from pyemu.errors import FaultlabError, HardwareError
from pyemu.hw import (
    COMPILED,
    BadTypeError,
    BadValueError,
    EventLog,
    Mmu,
    Registers,
    TlbArray,
    TlbConfig,
    WalkCache,
    make_mmu,
    riscv,
    x86,
)
from tests.hw.machines import RAM_BYTES, VA, Machine, registers


def loaded(twin: str) -> Mmu:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, twin)
    mmu.load(registers())
    return mmu


HART = riscv.Registers(riscv.satp(0), priv=1)


def hart(twin: str) -> Mmu:
    mmu = make_mmu(bytearray(4096), twin)
    mmu.load(HART)
    return mmu


def released() -> memoryview:
    """A buffer that was given back."""
    view = memoryview(bytearray(4096))
    view.release()
    return view


def closed() -> mmap.mmap:
    ram = mmap.mmap(-1, 4096)
    ram.close()
    return ram


def with_n(n: int) -> EventLog:
    """A log of 16 slots that says it has used `n`."""
    log = EventLog(16)
    log.n = n
    return log


CALLS: list[tuple[str, type[FaultlabError], Callable[[str], Any]]] = [
    ("address is -0x1", BadValueError, lambda twin: loaded(twin).access(-1, "read")),
    ("address is 0x10000000000000000", BadValueError, lambda twin: loaded(twin).access(1 << 64, "read")),
    ("address is 1.5", BadTypeError, lambda twin: loaded(twin).access(1.5, "read")),  # type: ignore[arg-type]  # the mistake
    ("kind is 'execute'", BadValueError, lambda twin: loaded(twin).access(VA, "execute")),
    ("kind is 3", BadValueError, lambda twin: loaded(twin).access(VA, 3)),
    (r"kind is \[\]", BadValueError, lambda twin: loaded(twin).access(VA, [])),  # type: ignore[arg-type]  # the mistake
    ("address is -0x1", BadValueError, lambda twin: loaded(twin).invlpg(-1)),
    ("cpl is 0x4", BadValueError, lambda twin: loaded(twin).set_mode(4)),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).access(0, "read")),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).set_mode(0)),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).access_many([], 0)),
    ("must lie inside ram", BadValueError, lambda twin: make_mmu(bytearray(4096), twin).load(registers())),
    ("must be pyemu.hw.Registers", BadTypeError, lambda twin: loaded(twin).load(3)),  # type: ignore[arg-type]  # the mistake
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
    ("out has items of format 'd'", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, np.zeros(1))),
    ("give a copy", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, np.zeros(4, np.uint64)[::2])),
    ("give a copy", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, np.zeros((1, 1), np.uint64))),
    (
        "addresses has items of format '>Q'",
        BadTypeError,
        lambda twin: loaded(twin).access_many(np.zeros(1, ">u8"), 0),
    ),
    ("addresses can't be read", BadTypeError, lambda twin: loaded(twin).access_many(np.zeros(1, "M8[s]"), 0)),
    ("addresses can't be read", BadTypeError, lambda twin: loaded(twin).access_many(released(), 0)),
    ("kinds can't be read", BadTypeError, lambda twin: loaded(twin).access_many([], released())),
    ("out can't be read", BadTypeError, lambda twin: loaded(twin).access_many([], 0, released())),
    (
        "addresses has shape ()",
        BadTypeError,
        lambda twin: loaded(twin).access_many(np.array(1, np.uint64), 0),
    ),
    ("0 kinds for 1 addresses", BadValueError, lambda twin: loaded(twin).access_many([1], b"")),
    ("1 kinds for 0 addresses", BadValueError, lambda twin: loaded(twin).access_many([], b"\0")),
    ("kind is 'reads'", BadValueError, lambda twin: loaded(twin).access_many([1], ["reads"])),
    (
        "n of the event log is 0x11",
        BadValueError,
        lambda twin: loaded(twin).access_many([1], 0, events=with_n(17)),
    ),
    (
        "n of the event log is -0x1",
        BadValueError,
        lambda twin: loaded(twin).access_many([1], 0, events=with_n(-1)),
    ),
    ("quantum is -0x1", BadValueError, lambda twin: loaded(twin).access_many([1], 0).resume(-1)),
    ("quantum is 1.5", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, quantum=cast("Any", 1.5))),
    ("ram can't be used any more", BadValueError, lambda twin: make_mmu(closed(), twin)),
    ("ram can't be used any more", BadValueError, lambda twin: make_mmu(released(), twin)),
    ("ram holds 4095 bytes", BadValueError, lambda twin: make_mmu(bytearray(4095), twin)),
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
    ("kind is None", BadValueError, lambda twin: x86.access(Machine().ram, registers(), 0, None, twin=twin)),  # type: ignore[arg-type]  # the mistake
    (
        r"kinds\[0\] is 9",
        BadValueError,
        lambda twin: x86.access_many(Machine().ram, registers(), [0], b"\x09", twin=twin),
    ),
    (
        "on_fault is 'go'",
        BadValueError,
        lambda twin: loaded(twin).access_many([1], 0, on_fault=cast("Any", "go")),
    ),
    ("events is 5", BadTypeError, lambda twin: loaded(twin).access_many([1], 0, events=cast("Any", 5))),
    ("kind of invpcid is 'one'", BadValueError, lambda twin: loaded(twin).invpcid(cast("Any", "one"))),
    ("the PCID is 0x1000", BadValueError, lambda twin: loaded(twin).invpcid("context", 0x1000)),
    ("while CR4.PCIDE is clear", BadValueError, lambda twin: loaded(twin).invpcid("context", 1)),
    ("while CR4.PCIDE is clear", BadValueError, lambda twin: loaded(twin).invpcid("address", 1, VA)),
    ("an address that is canonical", BadValueError, lambda twin: loaded(twin).invpcid("address", 0, 1 << 47)),
    ("sfence_vma is an operation of RISC-V", BadValueError, lambda twin: loaded(twin).sfence_vma()),
    ("invlpg is an operation of x86", BadValueError, lambda twin: hart(twin).invlpg(0)),
    ("invpcid is an operation of x86", BadValueError, lambda twin: hart(twin).invpcid("all")),
    ("set_mode is an operation of x86", BadValueError, lambda twin: hart(twin).set_mode(0)),
    ("the ASID is 0x10000", BadValueError, lambda twin: hart(twin).sfence_vma(asid=1 << 16)),
    (
        r"call load\(Registers",
        HardwareError,
        lambda twin: make_mmu(bytearray(4096), twin).invpcid("all"),
    ),
    (r"call load\(Registers", HardwareError, lambda twin: make_mmu(bytearray(4096), twin).sfence_vma()),
    ("satp is", BadValueError, lambda twin: hart(twin).load(riscv.Registers(riscv.satp(1 << 40), 0))),
    (
        "must be pyemu.hw.x86.Registers",
        BadTypeError,
        lambda twin: x86.access(bytearray(4096), cast("Any", HART), 0, 0, twin=twin),
    ),
    (
        "must be pyemu.hw.riscv.Registers",
        BadTypeError,
        lambda twin: riscv.access(bytearray(4096), cast("Any", registers()), 0, 0, twin=twin),
    ),
    ("inside ram", BadValueError, lambda twin: x86.access(bytearray(4096), registers(), 0, 0, twin=twin)),
]


@pytest.mark.parametrize(("words", "error", "call"), CALLS)
def test_a_wrong_call_is_refused_by_name_value_and_rule(
    twin: str, words: str, error: type[FaultlabError], call: Callable[[str], Any]
) -> None:
    with pytest.raises(error, match=words):
        call(twin)


def test_the_ram_of_an_mmu_can_not_be_resized(twin: str) -> None:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, twin)
    with pytest.raises(BufferError):
        machine.ram.pop()
    mmu.load(registers())


@pytest.mark.skipif(not COMPILED, reason="the readable twin copies what it reads; this install has no other")
@pytest.mark.parametrize("name", ["addresses", "kinds", "out", "ram", "log"])
def test_what_a_compiled_batch_uses_can_not_be_resized(name: str) -> None:
    machine = Machine()
    machine.map()
    log = EventLog(16)
    held: dict[str, Any] = {
        "addresses": array("Q", [VA] * 9),
        "kinds": bytearray(9),
        "out": array("Q", [0] * 9),
    }
    mmu = make_mmu(machine.ram, "fast")
    mmu.load(registers())
    batch = mmu.access_many(held["addresses"], held["kinds"], held["out"], quantum=1, events=log)
    held |= {"ram": machine.ram, "log": log.buffer}
    with pytest.raises(BufferError):
        held[name].pop()
    assert batch.n_done == 1


def test_a_log_that_became_shorter_is_refused(twin: str) -> None:
    log = EventLog(40)
    batch = loaded(twin).access_many([VA] * 9, 0, quantum=1, events=log)
    log.n = 41
    with pytest.raises(BadValueError, match="n of the event log is 0x29"):
        batch.resume()


def test_a_log_can_not_be_said_to_be_larger_than_it_is() -> None:
    with pytest.raises(AttributeError):
        EventLog(16).capacity = 1 << 20  # type: ignore[misc]  # the mistake


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_an_mmu_that_runs_in_another_thread_is_refused() -> None:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, "fast")
    mmu.load(registers())
    batch = mmu.access_many(np.full(1 << 20, VA + 0x2000, np.uint64), 0, quantum=1, on_fault="skip")
    calls: list[Callable[[], Any]] = [
        batch.resume,
        lambda: mmu.read(VA),
        lambda: mmu.access(VA, 0),
        lambda: mmu.load(registers()),
        lambda: mmu.set_mode(0),
        lambda: mmu.invlpg(VA),
        lambda: mmu.invpcid("all"),
        mmu.clear,
        mmu.tlb_entries,
    ]
    refused: set[int] = set()
    thread = threading.Thread(target=batch.resume)
    thread.start()
    while thread.is_alive():
        for i, call in enumerate(calls):
            try:
                call()
            except HardwareError as error:
                refused |= {i} if "runs a batch in another thread" in str(error) else set()
    thread.join()
    assert batch.done
    assert refused == set(range(len(calls)))


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
        ("cr4 is 0x400000: bit PKE", {"cr4": x86.CR4_PKE}),
        ("bit CET", {"cr4": x86.CR4_CET | x86.CR4_PCIDE}),
        ("bit PKS", {"cr4": x86.CR4_PKS}),
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


GiB = 1 << 30


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("mode 0; modelled are", {"satp": 0}),
        ("mode 10; modelled are", {"satp": 10 << 60}),
        ("priv is 0x3", {"priv": 3}),
        ("satp is -0x1", {"satp": -1}),
    ],
)
def test_registers_of_a_hart_that_have_no_meaning_are_refused(words: str, values: dict[str, int]) -> None:
    good: dict[str, Any] = {"satp": riscv.satp(0), "priv": 0}
    with pytest.raises(BadValueError, match=words):
        riscv.Registers(**(good | values))


@pytest.mark.parametrize(
    ("error", "words", "make"),
    [
        (BadValueError, "sets is 0x0", lambda: TlbArray(0, 4)),
        (BadValueError, "sets is 0x10001", lambda: TlbArray(65537, 4)),
        (BadValueError, "ways is 0x0", lambda: TlbArray(4, 0)),
        (BadValueError, "ways is 0x1001", lambda: TlbArray(4, 4097)),
        (BadTypeError, "ways is 1.5", lambda: TlbArray(4, cast("Any", 1.5))),
        (BadValueError, r"sizes is \(\)", lambda: TlbArray(4, 4, ())),
        (BadValueError, "in ascending order", lambda: TlbArray(4, 4, (GiB, 4096))),
        (BadValueError, "in ascending order", lambda: TlbArray(4, 4, (4096, 4096))),
        (BadValueError, "must name one or more of", lambda: TlbArray(4, 4, (8192,))),
        (BadTypeError, "a tuple of page sizes", lambda: TlbArray(4, 4, cast("Any", [4096]))),
        (BadValueError, "serves is 'reads'", lambda: TlbArray(4, 4, serves=cast("Any", "reads"))),
        (BadValueError, "policy is 'mru'", lambda: TlbArray(4, 4, policy=cast("Any", "mru"))),
        (BadValueError, "ways is 65 with policy 'plru'", lambda: TlbArray(4, 65, policy="plru")),
        (BadValueError, "level is 0x1", lambda: WalkCache(1, 4, 4)),
        (BadValueError, "level is 0x6", lambda: WalkCache(6, 4, 4)),
        (BadValueError, "ways is 65 with policy 'plru'", lambda: WalkCache(2, 4, 65, "plru")),
        (BadValueError, "no array of l1 serves data", lambda: TlbConfig(())),
        (BadValueError, "serves fetch", lambda: TlbConfig((TlbArray(4, 4, serves="data"),))),
        (BadTypeError, "l1 is TlbArray", lambda: TlbConfig(cast("Any", TlbArray(4, 4)))),
        (BadTypeError, "a tuple of WalkCache", lambda: TlbConfig((TlbArray(4, 4),), (), cast("Any", (3,)))),
        (
            BadValueError,
            r"levels \[2, 2\]",
            lambda: TlbConfig((TlbArray(4, 4),), (), (WalkCache(2, 1, 1), WalkCache(2, 1, 2))),
        ),
        (BadValueError, "seed is -0x1", lambda: TlbConfig((TlbArray(4, 4),), seed=-1)),
        (BadTypeError, "tlb is 3", lambda: make_mmu(bytearray(4096), "ref", cast("Any", 3))),
        (BadValueError, "capacity is 0xf", lambda: EventLog(15)),
    ],
)
def test_a_configuration_without_meaning_is_refused(
    error: type[FaultlabError], words: str, make: Callable[[], Any]
) -> None:
    with pytest.raises(error, match=words):
        make()


def test_the_twin_must_have_a_known_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadValueError, match="twin is 'turbo'"):
        make_mmu(bytearray(RAM_BYTES), "turbo")
    monkeypatch.setenv("FAULTLAB_TWIN", "turbo")
    with pytest.raises(BadValueError, match="FAULTLAB_TWIN is 'turbo'"):
        make_mmu(bytearray(RAM_BYTES))
