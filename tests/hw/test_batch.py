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


def test_faults_can_be_skipped(mmu: Mmu) -> None:
    addresses = [*ADDRESSES, 1 << 47]
    batch = mmu.access_many(addresses, "write", on_fault="skip")
    missing = (1 << 64) - 1
    assert (batch.n_done, batch.n_faults, batch.fault, batch.done) == (N_PAGES + 1, 2, None, True)
    assert list(batch.pa) == [*FRAMES[:2], missing, *FRAMES[3:], missing]
    assert (batch.status, batch.level, batch.refs) == (None, None, None)
    assert (mmu.stats.accesses, mmu.stats.faults) == (N_PAGES + 1, 2)


def test_detail_tells_status_level_and_references(mmu: Mmu) -> None:
    addresses = np.array([ADDRESSES[0], ADDRESSES[0], ADDRESSES[2], 1 << 47], dtype=np.uint64)
    batch = mmu.access_many(addresses, "read", on_fault="skip", detail=True)
    assert batch.status.tolist() == [0, 0, 14 << 16 | 4, 13 << 16]
    assert batch.level.tolist() == [2, 0, 2, 2]
    assert batch.refs.tolist() == [4, 0, 4, 0]
    assert (batch.status.dtype, batch.level.dtype, batch.refs.dtype) == (np.uint32, np.uint8, np.uint8)


def test_detail_of_an_access_that_stopped_is_written_again(machine: Machine, mmu: Mmu) -> None:
    batch = mmu.access_many(ADDRESSES, "write", detail=True)
    assert list(batch.status) == [0, 0, 14 << 16 | 6, 0, 0]
    machine.map(VA + 0x2000, FRAME + 0x2000)
    batch.resume()
    assert (list(batch.status), batch.n_faults) == ([0] * N_PAGES, 1)
    assert list(batch.refs) == [4] * N_PAGES


def test_a_quantum_counts_skipped_faults(mmu: Mmu) -> None:
    batch = mmu.access_many(ADDRESSES, "read", quantum=3, on_fault="skip")
    assert (batch.n_done, batch.n_faults) == (3, 1)


def test_the_single_calls_give_the_address_or_raise(machine: Machine, mmu: Mmu) -> None:
    assert [mmu.read(ADDRESSES[0]), mmu.write(ADDRESSES[1]), mmu.fetch(ADDRESSES[3])] == [
        FRAMES[0],
        FRAMES[1],
        FRAMES[3],
    ]
    codes = []
    for call in (mmu.read, mmu.write, mmu.fetch):
        with pytest.raises(PageFault) as caught:
            call(ADDRESSES[2])
        codes.append(caught.value.error_code)
    assert codes == [4, 6, 20]
    assert [x86.read_entry(machine.ram, leaf) & x86.D for leaf in leaves(machine)[:2]] == [0, x86.D]


def leaves(machine: Machine) -> list[int]:
    return [leaf for va in ADDRESSES if (leaf := x86.leaf_address(machine.ram, ROOT, va)) is not None]
