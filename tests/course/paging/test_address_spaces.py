"""Page tables of several address spaces, and the processor's TLB over them, operation by operation."""

from __future__ import annotations

import pytest

from course.paging import Operation, try_pcid_tlb
from course.paging.address_spaces import KEEP, Hardware, Machine, play
from pyemu.errors import FaultlabError
from pyemu.hw import x86

SMALL = (Operation("map", 0x5000, 1, 0x20000), Operation("map", 0x5000, 2, 0x30000))


def played(*operations: Operation) -> list[str]:
    return [text for _, text in play((*SMALL, *operations), lambda machine: Hardware(machine, 4, 2))]


def test_each_address_space_has_its_own_frame():
    found = played(Operation("read", 0x5010), Operation("load_cr3", 2 | KEEP), Operation("read", 0x5010))
    assert found == ["miss 0x20010, 1 walk", "miss 0x30010, 1 walk"]


def test_bit_63_keeps_the_entries():
    back = [Operation("load_cr3", 2 | KEEP), Operation("load_cr3", 1 | KEEP), Operation("read", 0x5010)]
    assert played(Operation("read", 0x5010), *back)[-1] == "hit 0x20010, no walk"


def test_a_first_write_is_a_hit_that_walks():
    found = played(Operation("read", 0x5010), Operation("write", 0x5010), Operation("write", 0x5010))
    assert found[1:] == ["hit 0x20010, 1 walk", "hit 0x20010, no walk"]


@pytest.mark.parametrize(
    ("edit", "access", "gives"),
    [
        ("unmap", "read", "fault, 1 walk"),
        ("protect", "read", "miss 0x20010, 1 walk"),
        ("protect", "write", "fault, 1 walk"),
        ("allow", "write", "miss 0x20010, 1 walk"),
    ],
)
def test_an_edit_changes_what_the_next_walk_finds(edit: str, access: str, gives: str):
    assert played(Operation(edit, 0x5000, 1), Operation(access, 0x5010)) == [gives]


def test_a_page_that_comes_back_is_found():
    back = Operation("unmap", 0x5000, 1), Operation("remap", 0x5000, 1)
    assert played(*back, Operation("read", 0x5010)) == ["miss 0x20010, 1 walk"]


def test_a_walk_tells_what_an_entry_needs():
    machine = Machine()
    machine.edit(Operation("map", 2 << 20, 1, 4 << 20, x86.P | x86.US | x86.PS | x86.G))
    assert machine.walk((2 << 20) + 5, "read") == {
        "page": 2 << 20,
        "frame": 4 << 20,
        "size": 2 << 20,
        "writable": False,
        "dirty": False,
        "global": True,
    }


def test_a_walk_refuses_what_is_no_address():
    with pytest.raises(ValueError, match="the address"):
        Machine().walk("0x5000", "read")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (Operation("map", 0x5000, 9, 0), "PCID 9 has no page table; there are 1, 2, 3"),
        (Operation("protect", 0x80000000, 1), "map a page of 4 KiB there"),
        (Operation("erase", 0x5000, 1), "erase 0x5000 of PCID 1: map a page"),
    ],
)
def test_what_can_not_be_edited_is_named(operation: Operation, message: str):
    with pytest.raises(FaultlabError, match=message):
        played(operation)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Operation("load_cr3", 2 | KEEP), "CR3 for PCID 2, bit 63 set"),
        (Operation("map", 0x5000, 1, bits=x86.P | x86.US | x86.G), "map global 0x5000 of PCID 1 read-only"),
        (Operation("invlpg", 0x5010), "invlpg 0x5010"),
    ],
)
def test_operations_are_said_in_words(operation: Operation, words: str):
    assert operation.words == words


def test_both_tlbs_are_printed(capsys: pytest.CaptureFixture[str]):
    def nothing(*_: object) -> None:
        pass

    steps = [*SMALL, Operation("load_cr3", 1), Operation("read", 0x5010)]
    try_pcid_tlb(steps, 4, 2, power_on=nothing, load_cr3=nothing, invlpg=nothing, access=lambda *_: "fault")
    assert capsys.readouterr().out.splitlines() == [
        "map 0x5000 of PCID 1",
        "map 0x5000 of PCID 2",
        "CR3 for PCID 1",
        "  read 0x5010            fault, no walk; the processor's: miss 0x20010, 1 walk",
    ]
