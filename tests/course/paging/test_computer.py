"""The small computer and the frozen machine say what the hardware model does, with both twins."""

from __future__ import annotations

import pytest

from course.paging import Computer, Entry, frozen, split
from pyemu.errors import FaultlabError
from pyemu.hw import COMPILED, x86


@pytest.fixture(params=["ref", "fast"])
def computer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Computer:
    if request.param == "fast" and not COMPILED:
        pytest.skip("this install has no compiled twin")
    monkeypatch.setenv("FAULTLAB_TWIN", request.param)
    made = Computer()
    made.map(0x5000, 0x20000)
    made.store(0x20000, "mine")
    return made


def test_a_first_access_walks_and_a_second_one_hits(computer: Computer) -> None:
    assert repr(computer.read(0x5000)) == (
        "read of 0x5000: miss, 4 entries read, physical address 0x20000, where 'mine' stands"
    )
    assert repr(computer.read(0x5004)).startswith("read of 0x5004: hit, no walk, physical address 0x20004")


def test_a_change_reaches_the_tables_and_not_the_tlb(computer: Computer) -> None:
    computer.read(0x5000)
    assert computer.change(0x5000, clear=x86.P).bits == "not present"
    assert computer.walk(0x5000).outcome == "error code 0x4"
    assert computer.read(0x5000).outcome == "mine"
    computer.flush(0x5000)
    assert computer.read(0x5000).outcome == "page fault"


def test_a_walk_changes_no_entry(computer: Computer) -> None:
    before = bytes(computer.ram)
    computer.walk(0x5000, "write")
    assert bytes(computer.ram) == before


def test_a_write_leaves_its_text_at_the_physical_address(computer: Computer) -> None:
    assert computer.write(0x5000, "new").outcome == "new"
    assert computer.read(0x5000).text == "new"
    assert computer.entry(0x5000).bits == "P RW US A D"


@pytest.mark.parametrize("level", [4, 3, 2])
def test_one_level_without_a_right_forbids(computer: Computer, level: int) -> None:
    computer.change(0x5000, level, clear=x86.RW)
    assert computer.walk(0x5000).outcome == "translated"
    assert computer.walk(0x5000, "write").outcome == "error code 0x7"
    computer.change(0x5000, level, clear=x86.US)
    assert computer.walk(0x5000).outcome == "error code 0x5"


def test_the_tlb_is_shown_set_by_set(computer: Computer) -> None:
    assert "nothing" in repr(computer.tlb())
    computer.read(0x5000)
    assert "  5  page 0x5 -> frame 0x20 RW US" in repr(computer.tlb())


def test_mistakes_are_named(computer: Computer) -> None:
    with pytest.raises(FaultlabError, match="doesn't come to level 1"):
        computer.change(0x8000_0000_0000 - 0x1000, set=x86.P)
    with pytest.raises(FaultlabError, match="frames for pages lie from 0x20000"):
        computer.store(0x1000, "over a table")
    with pytest.raises(FaultlabError, match="level is 0x5"):
        computer.entry(0x5000, 5)


def test_an_entry_is_a_number_that_tells_its_bits() -> None:
    entry = Entry(0x80000000029E7865)
    assert repr(entry) == "0x80000000029e7865 = address 0x29e7000, bits P US A D NX"
    assert entry & x86.ADDRESS == entry.address == 0x29E7000


def test_the_frozen_machine_walks_as_its_command_says() -> None:
    walked = frozen().walk(0x5E3018, "write")
    assert (walked.pa, walked.outcome) == (None, "error code 0x7")
    assert "RW is clear in the PT" in " ".join(repr(walked).split())
    assert frozen().walk(0x401123).pa == 0x32AD123
    assert frozen().walk(1 << 47).outcome == "not canonical"


def test_an_address_is_split_into_indices_and_offset() -> None:
    numbers = [line.cells[2] for line in split(0x7FFED8550A40).table.lines]
    assert numbers == ["255", "507", "194", "336", "2624"]
