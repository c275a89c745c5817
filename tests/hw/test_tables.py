from __future__ import annotations

import pytest

from pyemu.hw import HardwareFault, x86
from pyemu.hw.check import BadValueError
from tests.hw.machines import FRAME, RAM_BYTES, ROOT, USER_RW, VA, Machine


def test_mapping_makes_the_missing_tables_once() -> None:
    machine = Machine()
    first, second = machine.map(VA), machine.map(VA + 0x1000)
    assert second == first + 8
    assert machine.entry(first) == FRAME | USER_RW


def test_the_leaf_address_of_a_mapped_page_is_where_its_entry_lies() -> None:
    machine = Machine()
    leaf = machine.map()
    assert x86.leaf_address(machine.ram, ROOT, VA + 0xFFF) == leaf


@pytest.mark.parametrize("va", [VA + (1 << 39), VA + (1 << 30), VA + (1 << 21)])
def test_there_is_no_leaf_address_without_tables(va: int) -> None:
    machine = Machine()
    machine.map()
    assert x86.leaf_address(machine.ram, ROOT, va) is None


def test_there_is_no_leaf_address_inside_a_large_page() -> None:
    machine = Machine()
    machine.map(0x4020_0000, 0x20_0000, level=2)
    assert x86.leaf_address(machine.ram, ROOT, 0x4020_1000) is None


def test_memory_beyond_ram_reads_as_zero_and_takes_no_entry() -> None:
    machine = Machine()
    assert x86.read_entry(machine.ram, RAM_BYTES - 4) == 0
    with pytest.raises(BadValueError, match="ram ends at"):
        x86.write_entry(machine.ram, RAM_BYTES, 1)


@pytest.mark.parametrize(
    ("va", "pa", "level", "words"),
    [
        (0x1001, 0x1000, 1, "multiples of the page size"),
        (0x20_0000, 0x1000, 2, "multiples of the page size"),
        (0x8000_0000_0000, 0x1000, 1, "not canonical"),
        (0x1000, 1 << 52, 1, "pa is"),
        (0x1000, 0x1000, 4, "the level is"),
        (0x4020_1000, 0x1000, 1, "unmap that first"),
    ],
)
def test_a_mapping_that_the_format_cannot_hold_is_refused(va: int, pa: int, level: int, words: str) -> None:
    machine = Machine()
    machine.map(0x4020_0000, 0x20_0000, level=2)
    with pytest.raises(BadValueError, match=words):
        machine.map(va, pa, level=level)


def test_faults_that_say_the_same_are_equal() -> None:
    assert x86.PageFault(4, 0x1000) == x86.PageFault(4, 0x1000)
    assert len({x86.PageFault(4, 0x1000), x86.PageFault(6, 0x1000), x86.GeneralProtection(0x1000)}) == 3
    assert issubclass(x86.GeneralProtection, HardwareFault)
