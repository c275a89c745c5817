"""`faultlab walk`: a real page table against what QEMU and Linux say of it, faults, dumps, mistakes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from course.walk.dump import SAMPLE, Cpu, Dump
from course.walk.listing import Range, listing
from course.walk.walk import walk
from pyemu.errors import FaultlabError
from pyemu.hw import Kind, x86

DATA = Path(__file__).parents[2] / "data" / "walk"
USER = x86.P | x86.RW | x86.US
ROOT = 0x1000


def linux(**changes: int) -> x86.Registers:
    """Registers of the sample, as QEMU noted them."""
    (noted,) = Dump(SAMPLE).cpus
    values = {"cr0": noted.cr0, "cr3": noted.cr3, "cr4": noted.cr4, "efer": 0xD00, "cpl": 3} | changes
    return x86.Registers(**values)  # type: ignore[arg-type]  # none of them is `ac`, a bool


def ranges() -> list[Range]:
    return listing(Dump(SAMPLE), linux()).ranges


def info_tlb() -> dict[int, tuple[int, str]]:
    """What QEMU says of each page: its frame, and a letter for each bit that is set."""
    text = gzip.decompress((DATA / "info_tlb.txt.gz").read_bytes()).decode()
    found = re.findall(r"^([0-9a-f]{16}): ([0-9a-f]{16}) ([-XGPDACTUW]{9})", text, re.MULTILINE)
    return {int(va, 16): (int(pa, 16), letters.replace("-", "")) for va, pa, letters in found}


# QEMU's letters: X for NX, P for PS, C and T for PCD and PWT. U and W are of the leaf alone.
LETTERS = {"NX": "X", "G": "G", "PS": "P", "D": "D", "A": "A", "PCD": "C", "PWT": "T", "US": "U", "RW": "W"}


def test_every_page_lies_where_qemu_says_with_the_bits_that_it_says() -> None:
    pages = info_tlb()
    assert len(pages) == 8652
    dump, cpu = Dump(SAMPLE), linux(cpl=0)
    for va in list(pages)[::7]:
        found = walk(dump, cpu, va, Kind.READ)
        pa, letters = pages[va]
        if found.page is None:
            assert cpu.cr4 & x86.CR4_SMAP
            assert found.steps[-1].entry & x86.US
            found = walk(dump, linux(), va, Kind.READ)
        assert found.page is not None
        assert found.page.pa == pa
        assert {LETTERS[name] for name in found.steps[-1].names if name in LETTERS} == set(letters)


def test_the_listing_has_exactly_the_pages_that_qemu_lists() -> None:
    listed = {va for one in ranges() for va in range(one.va, one.end, one.page_size)}
    assert listed == set(info_tlb())
    firsts = {one.va: one.pa for one in ranges()}
    assert {va: info_tlb()[va][0] for va in firsts} == firsts


def test_the_rights_of_all_levels_are_those_that_qemu_tells() -> None:
    text = (DATA / "info_mem.txt").read_text("utf-8")
    told = [
        (int(start, 16), int(end, 16), user == "u", write == "w")
        for start, end, user, write in re.findall(
            r"^([0-9a-f]{16})-([0-9a-f]{16}) [0-9a-f]{16} ([u-])r([w-])", text, re.MULTILINE
        )
    ]
    merged: list[tuple[int, int, bool, bool]] = []
    for one in ranges():  # QEMU tells neither page size nor NX, and cuts addresses to 64 bits
        same = bool(merged) and merged[-1][1:] == (one.va, one.user, one.write)
        start = merged.pop()[0] if same else one.va
        merged.append((start, one.end, one.user, one.write))
    assert len(told) == 112
    assert merged == told


def test_what_the_process_may_use_lies_in_its_areas_with_no_more_rights() -> None:
    text = (DATA / "maps.txt").read_text("utf-8")
    areas = {
        page: (write == "w", execute == "x")
        for start, end, write, execute in re.findall(
            r"^([0-9a-f]+)-([0-9a-f]+) r([w-])([x-])p", text, re.MULTILINE
        )
        for page in range(int(start, 16), int(end, 16), 4096)
    }
    pages = {page: one for one in ranges() if one.user for page in range(one.va, one.end, 4096)}
    assert len(pages) > 500
    # It printed its areas before it began to spin, and then got a buffer for what it computes.
    late = range(0x7FAD_DE5C_1000, 0x7FAD_DE60_B000, 4096)
    assert set(pages) - set(areas) == set(late)
    for page in set(pages) - set(late):
        assert areas[page][0] or not pages[page].write
        assert areas[page][1] == pages[page].execute
    # Of what may be written, some pages are still shared with the parent: a write would copy them.
    assert any(writable and not pages[page].write for page, (writable, _) in areas.items() if page in pages)


def test_the_dump_notes_the_registers() -> None:
    assert Dump(SAMPLE).cpus == [Cpu(cr0=0x80050033, cr3=0x55DC000, cr4=0x3506B0, cpl=3)]


def test_a_walk_is_shown_level_by_level(faultlab: Any) -> None:
    said = faultlab("walk", "sample", "0x401234")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("read of 0x401234 at CPL 3\nCR0 0x80050033  CR3 0x55dc000  CR4 0x3506b0")
    assert re.search(r"PML4 +0 +0x55dc000 +0x0000000005590067 +0x5590000 +P RW US A", said.out)
    assert re.search(r"PT +1 +0x558b008 +0x00000000032ad025 +0x32ad000 +P US A", said.out)
    assert said.out.endswith("\nPhysical address 0x32ad234, in a page of 4 KiB.\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["0x401000", "--kind", "write"],
            "#PF error code 0x7 (P|W|U), CR2 0x401000: it may not be written: RW is",
        ),
        (
            ["0x401000", "--kind", "fetch", "--cpl", "0"],
            "SMEP: the supervisor fetches nothing from pages of the",
        ),
        (
            ["0x401000", "--cpl", "0", "--cr4", "0x20", "--kind", "write"],
            "(P|W), CR2 0x401000: it may not be",
        ),
        (
            ["0x401000", "--cpl", "0", "--cr4", "0x200020"],
            "SMAP: the supervisor uses nothing from pages of the user",
        ),
        (["0xffff888000100000"], "user mode (CPL 3) may not use it: US is clear in the PT"),
        (
            ["0xffff888000100000", "--cpl", "0", "--kind", "fetch"],
            "may be fetched from it: NX is set in the PT",
        ),
        (["0x5e2000", "--efer", "0x500"], "reserved bits are set in the PT: 0x8000000000000000"),
        (["0x1000"], "(U), CR2 0x1000: the entry of the PD is not present (P is clear)"),
        (["0x800000000000"], "#GP(0): the address 0x800000000000 is not canonical"),
    ],
)
def test_a_fault_is_told_with_its_code_and_why_and_has_status_1(
    faultlab: Any, words: list[str], text: str
) -> None:
    said = faultlab("walk", "sample", *words)
    assert said.status == 1
    assert text in " ".join(said.out.split())


def test_a_supervisor_without_wp_may_write_what_is_read_only(faultlab: Any) -> None:
    words = (
        "walk",
        "sample",
        "0x401000",
        "--kind",
        "write",
        "--cpl",
        "0",
        "--cr0",
        "0x80000001",
        "--cr4",
        "0x20",
    )
    said = faultlab(*words)
    assert said.status == 0
    assert "The access sets D in the PT.\n" in said.out


def raw(path: Path, *, level: int = 1, above: int = USER) -> Path:
    """A raw dump with one page mapped at 0x40000000, at 1 GiB or behind the dump."""
    ram = bytearray(0x6000)
    tables = iter((0x2000, 0x3000, 0x4000))
    x86.map_page(ram, ROOT, 0x4000_0000, 0x4000_0000, USER, tables.__next__, level=level, table_flags=above)
    path.write_bytes(ram)
    return path


def test_a_raw_dump_needs_cr3_and_is_never_changed(faultlab: Any, tmp_path: Path) -> None:
    path = raw(tmp_path / "raw.bin")
    before = path.read_bytes()
    path.chmod(0o400)
    said = faultlab("walk", path, "0x40000123", "--cr3", "0x1000", "--kind", "write")
    assert said.status == 0
    assert "Physical address 0x40000123, in a page of 4 KiB.\n" in said.out
    assert "sets A in the PML4, A in the PDPT, A in the PD, A in the PT, D in the PT.\n" in " ".join(
        said.out.split(" ")
    )
    assert path.read_bytes() == before
    assert "raw.bin notes no registers: give --cr3" in faultlab("walk", path, "0x40000123").err


def spoiled(path: Path, table: int, bits: int) -> Path:
    """A raw dump with more bits in the entry that maps the large page of `raw`."""
    data = bytearray(path.read_bytes())
    where = next(at for at in range(table, table + 4096, 8) if x86.read_entry(data, at))
    x86.write_entry(data, where, x86.read_entry(data, where) | bits)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("level", "table", "size"), [(2, 0x3000, "2 MiB"), (3, 0x2000, "1 GiB")])
def test_large_pages_are_named(faultlab: Any, tmp_path: Path, level: int, table: int, size: str) -> None:
    path = spoiled(raw(tmp_path / "raw.bin", level=level), table, x86.G | x86.PAT_LARGE)
    said = faultlab("walk", path, "0x40000123", "--cr3", "0x1000")
    assert "P RW US PS G PAT" in said.out
    assert f"Physical address 0x40000123, in a page of {size}.\n" in said.out


def test_a_large_page_at_an_address_that_is_no_multiple_is_told(faultlab: Any, tmp_path: Path) -> None:
    path = spoiled(raw(tmp_path / "raw.bin", level=2), 0x3000, 1 << 13)
    said = faultlab("walk", path, "0x40000123", "--cr3", "0x1000")
    assert said.status == 1
    assert "the address of the large page in the PD is not a multiple of its size" in " ".join(
        said.out.split()
    )


def test_five_levels_are_walked_and_listed_with_la57(faultlab: Any, tmp_path: Path) -> None:
    ram = bytearray(0x10000)
    tables = iter(range(0x2000, len(ram), 0x1000))
    for va in (0x12_3456_7890_1000, x86.MAX_U64 - 0xFFF):
        x86.map_page(ram, ROOT, va, 0x7000, USER, tables.__next__, levels=5)
    path = tmp_path / "raw.bin"
    path.write_bytes(ram)
    words = ("--cr3", "0x1000", "--cr4", "0x1020")
    said = faultlab("walk", path, "0x12345678901234", *words)
    assert said.status == 0
    assert re.search(r"PML5 +18 +0x1090 ", said.out)
    assert "Physical address 0x7234, in a page of 4 KiB.\n" in said.out
    assert "\n#GP(0): " in faultlab("walk", path, "0x12345678901234", *words[:2]).out
    listed = faultlab("walk", path, "--list", *words).out
    assert re.search(r"0x12345678901000 +0x12345678902000 +1 ", listed)
    assert re.search(r"0xfffffffffffff000 +0x10000000000000000 +1 ", listed)


def test_ps_in_the_top_table_is_told_as_reserved(faultlab: Any, tmp_path: Path) -> None:
    path = raw(tmp_path / "raw.bin", above=USER | x86.PS, level=3)
    said = faultlab("walk", path, "0x40000123", "--cr3", "0x1000")
    assert "(P|U|RSVD), CR2 0x40000123: PS is set in the PML4, where it is reserved." in " ".join(
        said.out.split()
    )


def test_a_table_that_is_not_in_the_dump_is_no_fault_and_has_status_3(faultlab: Any, tmp_path: Path) -> None:
    path = raw(tmp_path / "raw.bin")
    path.write_bytes(path.read_bytes()[:0x3000])
    out = tmp_path / "out.json"
    said = faultlab("walk", path, "0x40000123", "--cr3", "0x1000", "--json", out)
    assert said.status == 3
    assert said.out.endswith("Not known: the table at 0x3000 is not in the dump.\n")
    data = json.loads(out.read_text("utf-8"))
    assert (data["missing"], data["fault"], data["pa"]) == (0x3000, None, None)
    said = faultlab("walk", path, "--list", "--cr3", "0x1000")
    assert said.status == 3
    assert "Not in the dump: 1 table, the first at 0x3000." in said.out


def test_everything_is_written_as_json(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    faultlab("walk", "sample", "0x401000", "--kind", "write", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    assert data["fault"] | {"why": ""} == {"vector": 14, "error_code": 7, "cr2": 0x401000, "why": ""}
    assert [step["bits"] for step in data["steps"]] == [["P", "RW", "US", "A"]] * 3 + [["P", "US", "A"]]
    assert data["cpu"]["cr3"] == 0x55DC000
    faultlab("walk", "sample", "--list", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    assert (data["n_tables"], data["missing"], len(data["ranges"])) == (109, [], len(ranges()))


def test_a_listing_is_shown(faultlab: Any) -> None:
    said = faultlab("walk", "sample", "--list")
    assert (said.status, said.err) == (0, "")
    assert re.search(r"0x401000 +0x4f0000 +239 +4 KiB +ur-x- +239 +0 +0x32ad000", said.out)
    assert re.search(r"0xffff888000200000 +0xffff888001000000 +7 +2 MiB +srw-g", said.out)
    assert said.out.endswith("131 ranges, 8652 pages, 311.3 MiB in all; 109 tables.\n")
    assert max(map(len, said.out.splitlines())) <= 100


def test_a_table_that_points_to_itself_ends_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course.walk.listing.MAX_TABLES", 1000)
    path = tmp_path / "raw.bin"
    path.write_bytes(pack("<512Q", *[USER] * 512))  # every entry: the table at 0, itself
    with pytest.raises(FaultlabError, match="no end: more than 1000 were read"):
        listing(Dump(path), linux(cr3=0))


def elf() -> bytearray:
    return bytearray(gzip.decompress(SAMPLE.read_bytes()))


def changed(at: int, value: bytes) -> bytes:
    data = elf()
    data[at : at + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it must hold at least one page of 4096 bytes"),
        (bytes(4095), "it must hold at least one page of 4096 bytes"),
        (b"\x1f\x8bnonsense", "gzip can't unpack it"),
        (gzip.compress(bytes(5000), mtime=0)[:-4], "gzip can't unpack it"),
        (gzip.compress(b"\x7fELF", mtime=0), "its ELF header is cut off"),
        (changed(4, b"\1"), "it is an ELF file, but no core of an x86-64 machine"),
        (changed(16, b"\2"), "it is an ELF file, but no core"),
        (changed(18, b"\xb7"), "it is an ELF file, but no core"),
        (changed(54, b"\x20"), "program headers of 32 bytes at 0x40 don't fit"),
        (changed(32, b"\xff\xff\xff"), "don't fit into the file"),
        (bytes(elf()[:100_000]), "behind the file's end"),
        (changed(56, b"\1"), "it holds no memory (no segment of type PT_LOAD)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_dump_is_refused_by_name_and_rule(
    faultlab: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "wrong.bin"
    path.write_bytes(content)
    said = faultlab("walk", path, "0x1000")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"faultlab: {path} is no dump of physical memory: ")
    assert message in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.elf", "0x1000"], "none.elf: No such file"),
        (["sample"], "give an address, or --list"),
        (["sample", "0x1000", "--list"], "give an address, or --list"),
        (["sample", "main"], "VA is 'main'; it must be a number such as 0x7fff0000."),
        (["sample", "0x10000000000000000"], "the address is 0x10000000000000000; it must lie in"),
        (["sample", "0", "--cr3", "x"], "--cr3 is 'x'; it must be a number"),
        (["sample", "0", "--cr3", "0x10000000000"], "cr3 is 0x10000000000; with maxphyaddr 40"),
        (["sample", "0", "--cpl", "4"], "cpl is 0x4; it must lie in"),
        (["sample", "0", "--maxphyaddr", "60"], "maxphyaddr is 0x3c; it must lie in"),
        (["sample", "0", "--kind", "execute"], "--kind execute: it must be read, write or fetch."),
        (["sample", "0", "--json", "no/x.json"], "no/x.json can't be written"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = faultlab("walk", *words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_the_sample_is_small() -> None:
    assert SAMPLE.stat().st_size < 300_000


def test_the_command_is_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.walk.command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('numpy', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['pyemu.errors']\n"
