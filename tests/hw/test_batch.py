"""Batches: they stop at faults, go on, and read and write arrays in place."""

from __future__ import annotations

import mmap
from array import array
from typing import Any

import numpy as np
import pytest

from pyemu.hw import GeneralProtection, Mmu, PageFault, make_mmu, x86
from tests.hw.machines import FRAME, RAM_BYTES, ROOT, USER_RW, VA, Machine, registers

N_PAGES = 5


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for i in range(N_PAGES):
        machine.map(VA + 0x1000 * i, FRAME + 0x1000 * i, USER_RW if i != 2 else 0)
    return machine


@pytest.fixture
def mmu(machine: Machine, twin: str) -> Mmu:
    mmu = make_mmu(machine.ram, twin)
    mmu.load(registers())
    return mmu


ADDRESSES = [VA + 0x1000 * i + i for i in range(N_PAGES)]
FRAMES = [FRAME + 0x1000 * i + i for i in range(N_PAGES)]


def test_a_batch_stops_at_a_fault_and_goes_on_with_the_same_access(machine: Machine, mmu: Mmu) -> None:
    batch = mmu.access_many(ADDRESSES, "write")
    assert (batch.n_done, batch.fault, batch.done) == (2, PageFault(6, ADDRESSES[2]), False)
    batch.resume()
    assert (batch.n_done, batch.fault) == (2, PageFault(6, ADDRESSES[2]))
    machine.map(VA + 0x2000, FRAME + 0x2000)
    batch.resume()
    assert (batch.n_done, batch.fault, batch.done) == (N_PAGES, None, True)
    assert list(batch.pa) == FRAMES
    assert (mmu.stats.accesses, mmu.stats.faults) == (N_PAGES + 2, 2)


def test_a_quantum_ends_a_run_without_a_fault(mmu: Mmu) -> None:
    batch = mmu.access_many(ADDRESSES[3:] * 4, "read", quantum=3)
    assert (batch.n_done, batch.fault, batch.done) == (3, None, False)
    batch.resume(4)
    assert batch.n_done == 7
    batch.resume(100)
    assert (batch.n_done, batch.done) == (8, True)


def test_an_address_that_is_not_canonical_ends_a_run(mmu: Mmu) -> None:
    batch = mmu.access_many([ADDRESSES[0], 1 << 47], "read")
    assert (batch.n_done, batch.fault) == (1, GeneralProtection(1 << 47))


def test_each_access_has_its_own_kind(machine: Machine, mmu: Mmu) -> None:
    mmu.access_many([ADDRESSES[0], ADDRESSES[1]], ["read", 1])
    leaves = [x86.leaf_address(machine.ram, ROOT, va) for va in ADDRESSES[:2]]
    assert [machine.entry(leaf) & x86.D for leaf in leaves if leaf] == [0, x86.D]


def test_numpy_in_gives_numpy_out(mmu: Mmu) -> None:
    addresses = np.array(ADDRESSES[:2], dtype=np.uint64)
    batch = mmu.access_many(addresses, np.array([0, 1], dtype=np.uint8))
    assert isinstance(batch.pa, np.ndarray)
    assert batch.pa.dtype == np.uint64
    assert batch.pa.tolist() == FRAMES[:2]


def test_other_sequences_give_an_array_without_numpy(mmu: Mmu) -> None:
    for addresses in (ADDRESSES[:2], array("Q", ADDRESSES[:2]), tuple(ADDRESSES[:2])):
        assert mmu.access_many(addresses, 0).pa == array("Q", FRAMES[:2])


def test_results_go_where_out_says(mmu: Mmu) -> None:
    out = np.zeros(4, dtype=np.uint64)
    batch = mmu.access_many(ADDRESSES[:2], "read", out)
    assert batch.pa is out
    assert out.tolist() == [*FRAMES[:2], 0, 0]


def test_an_empty_batch_is_done(mmu: Mmu) -> None:
    batch = mmu.access_many([], "read")
    assert (batch.n, batch.done, batch.fault) == (0, True, None)


@pytest.mark.parametrize("kind_of_ram", ["bytearray", "numpy", "mmap", "unaligned"])
def test_any_writable_buffer_serves_as_ram(machine: Machine, twin: str, kind_of_ram: str) -> None:
    ram: Any
    if kind_of_ram == "numpy":
        ram = np.frombuffer(machine.ram, dtype=np.uint8).copy()
    elif kind_of_ram == "mmap":
        ram = mmap.mmap(-1, RAM_BYTES)
        ram[:] = bytes(machine.ram)
    elif kind_of_ram == "unaligned":
        ram = memoryview(bytearray(RAM_BYTES + 3))[3:]
        ram[:] = machine.ram
    else:
        ram = machine.ram
    mmu = make_mmu(ram, twin)
    mmu.load(registers())
    assert mmu.access(ADDRESSES[1], "write").pa == FRAMES[1]
    leaf = x86.leaf_address(memoryview(ram).cast("B"), ROOT, ADDRESSES[1])
    assert leaf is not None
    assert x86.read_entry(memoryview(ram), leaf) & x86.D


def test_a_batch_keeps_its_buffers_alive(mmu: Mmu) -> None:
    batch = mmu.access_many(np.array(ADDRESSES, dtype=np.uint64), bytes(N_PAGES), quantum=1)
    for _ in range(3):
        np.full(N_PAGES, 0xFF, dtype=np.uint64)  # would take the place of a freed array
    batch.resume(1)
    assert batch.pa[:2].tolist() == FRAMES[:2]
