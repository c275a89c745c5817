"""Small machines for the tests: a ram, its tables and registers."""

from __future__ import annotations

from pyemu.hw import Registers, x86

USER_RW = x86.P | x86.RW | x86.US
ROOT = 0x1000
RAM_BYTES = 0x40000
VA = 0x7F12_3456_7000
FRAME = 0xABC_D000


class Machine:
    """A ram with one level-4 table and a source of fresh tables."""

    def __init__(self) -> None:
        self.ram = bytearray(RAM_BYTES)
        self._free = iter(range(ROOT + 0x1000, RAM_BYTES, 0x1000))

    def map(self, va: int = VA, pa: int = FRAME, flags: int = USER_RW, level: int = 1) -> int:
        """Map one page and return the physical address of its leaf entry."""
        return x86.map_page(self.ram, ROOT, va, pa, flags, self._free.__next__, level=level)

    def entry(self, where: int) -> int:
        return x86.read_entry(self.ram, where)

    def set(self, where: int, entry: int) -> None:
        x86.write_entry(self.ram, where, entry)


def registers(
    *,
    user: bool = True,
    wp: bool = True,
    nxe: bool = True,
    smep: bool = False,
    smap: bool = False,
    ac: bool = False,
) -> Registers:
    """Registers as Linux sets them, but for what is asked."""
    return Registers(
        cr0=x86.CR0_PG | x86.CR0_PE | wp * x86.CR0_WP,
        cr3=ROOT,
        cr4=x86.CR4_PAE | smep * x86.CR4_SMEP | smap * x86.CR4_SMAP,
        efer=x86.EFER_LME | x86.EFER_LMA | nxe * x86.EFER_NXE,
        cpl=3 if user else 0,
        ac=ac,
    )
