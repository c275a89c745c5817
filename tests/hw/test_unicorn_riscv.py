"""The harness around Unicorn's RISC-V hart: to tables made by hand it answers what the manual says."""

from __future__ import annotations

import pytest

from pyemu.hw import Kind, x86

pytest.importorskip("unicorn", reason="Unicorn, the oracle, is not installed")

from tests.hw.unicorn_riscv import Outcome, UnicornHart

V, R, W, X, U, A, D = (1 << bit for bit in (0, 1, 2, 3, 4, 6, 7))
ROOT, MIDDLE, LAST, CODE, RAM_BYTES = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
SATP = 8 << 60 | ROOT >> 12
VA = 0x12_3456_7100
HIGH = VA | -(1 << 38) & (1 << 64) - 1  # the same with bits 63 to 38 set
FRAME = 0x8_4000_0000  # a multiple of 1 GiB
CAUSES = {Kind.FETCH: 12, Kind.READ: 13, Kind.WRITE: 15}
ALL = V | R | W | X | U

CASES = [
    # bits of the leaf, kind, U or S with what is set of SUM and MXR, bits that the access sets (None: fault)
    (ALL, Kind.READ, "U", A),
    (ALL, Kind.WRITE, "U", A | D),
    (ALL, Kind.FETCH, "U", A),
    (ALL | A | D, Kind.READ, "U", 0),
    (ALL & ~V, Kind.READ, "U", None),
    (ALL & ~R & ~W, Kind.READ, "U", None),
    (ALL & ~R & ~W, Kind.READ, "U MXR", A),
    (ALL & ~W, Kind.WRITE, "U", None),
    (ALL & ~X, Kind.FETCH, "U", None),
    (ALL & ~U, Kind.READ, "U", None),
    (ALL & ~U, Kind.FETCH, "U", None),
    (V | W, Kind.READ, "S", None),  # W without R is reserved
    (ALL & ~U, Kind.READ, "S", A),
    (ALL & ~U, Kind.WRITE, "S", A | D),
    (ALL & ~U, Kind.FETCH, "S", A),
    (ALL, Kind.READ, "S", None),
    (ALL, Kind.READ, "S SUM", A),
    (ALL, Kind.WRITE, "S SUM", A | D),
    (ALL, Kind.FETCH, "S SUM", None),
    (V | X | U, Kind.READ, "S SUM MXR", A),
]


def image(leaf: int, level: int = 1) -> tuple[bytearray, int]:
    """Tables whose last entry for VA is `leaf`, at a level, and its place."""
    ram = bytearray(RAM_BYTES)
    for here, table, following in ((3, ROOT, MIDDLE), (2, MIDDLE, LAST), (1, LAST, 0)):
        where = x86.entry_address(table, VA, here)
        if here == level:
            break
        x86.write_entry(ram, where, following >> 12 << 10 | V)
    x86.write_entry(ram, where, leaf)
    return ram, where


def leaf_of(bits: int, pa: int = FRAME) -> int:
    return pa >> 12 << 10 | bits


@pytest.mark.parametrize(("bits", "kind", "mode", "sets"), CASES)
def test_an_access_ends_as_the_manual_says(bits: int, kind: Kind, mode: str, sets: int | None) -> None:
    ram, where = image(leaf_of(bits))
    hart = UnicornHart(ram, CODE)
    outcome = hart.access(SATP, int(mode[0] == "S"), "SUM" in mode, "MXR" in mode, VA, kind)
    assert outcome == (Outcome(cause=CAUSES[kind]) if sets is None else Outcome(FRAME | VA & 0xFFF))
    assert x86.read_entry(hart.ram, where) == leaf_of(bits | (sets or 0))


@pytest.mark.parametrize(("level", "inside"), [(1, 0xFFF), (2, 0x1F_FFFF), (3, 0x3FFF_FFFF)])
@pytest.mark.parametrize("kind", Kind)
def test_pages_have_three_sizes(level: int, inside: int, kind: Kind) -> None:
    hart = UnicornHart(image(leaf_of(ALL), level)[0], CODE)
    assert hart.access(SATP, 0, False, False, VA, kind) == Outcome(FRAME | VA & inside)


@pytest.mark.parametrize("level", [2, 3])
def test_a_misaligned_large_page_faults(level: int) -> None:
    hart = UnicornHart(image(leaf_of(ALL, FRAME + 0x1000), level)[0], CODE)
    assert hart.access(SATP, 0, False, False, VA, Kind.READ) == Outcome(cause=13)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("flipped", [0, 1 << 38, 1 << 39, 1 << 63])
@pytest.mark.parametrize("va", [VA, HIGH])
def test_an_address_must_be_sign_extended(va: int, flipped: int, kind: Kind) -> None:
    ram, _ = image(leaf_of(ALL))
    x86.write_entry(ram, x86.entry_address(ROOT, HIGH, 3), MIDDLE >> 12 << 10 | V)
    outcome = UnicornHart(ram, CODE).access(SATP, 0, False, False, va ^ flipped, kind)
    assert outcome == (Outcome(cause=CAUSES[kind]) if flipped else Outcome(FRAME | VA & 0xFFF))


def test_a_fault_leaves_the_next_access_alone() -> None:
    hart = UnicornHart(image(leaf_of(ALL))[0], CODE)
    for _ in range(3):
        for kind in Kind:
            assert hart.access(SATP, 0, False, False, VA + 0x1000, kind) == Outcome(cause=CAUSES[kind])
            assert hart.access(SATP, 0, False, False, VA, kind) == Outcome(FRAME | VA & 0xFFF)
