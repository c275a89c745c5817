"""Small machines for the tests: a ram, its tables and registers."""

from __future__ import annotations

from pyemu.hw import HitLevel, Mmu, Registers, TlbConfig, TlbEntry, make_mmu, riscv, x86

USER_RW = x86.P | x86.RW | x86.US
ROOT = 0x1000
RAM_BYTES = 0x40000
VA = 0x7F12_3456_7000
FRAME = 0xABC_D000
MiB, GiB = 1 << 20, 1 << 30


class Machine:
    """A ram with one top table of x86-64 and a source of fresh tables."""

    def __init__(self, levels: int = 4) -> None:
        self.ram = bytearray(RAM_BYTES)
        self.levels = levels
        self._free = iter(range(ROOT + 0x1000, RAM_BYTES, 0x1000))

    def map(self, va: int = VA, pa: int = FRAME, flags: int = USER_RW, level: int = 1) -> int:
        """Map one page and return the physical address of its leaf entry."""
        take = self._free.__next__
        return x86.map_page(self.ram, ROOT, va, pa, flags, take, level=level, levels=self.levels)

    def entry(self, where: int) -> int:
        return x86.read_entry(self.ram, where)

    def set(self, where: int, entry: int) -> None:
        x86.write_entry(self.ram, where, entry)

    def start(self, twin: str, tlb: TlbConfig | None = None, cpu: Registers | None = None) -> Mmu:
        """Make an MMU with registers loaded."""
        mmu = make_mmu(self.ram, twin, tlb)
        mmu.load(cpu or registers())
        return mmu


def registers(
    *,
    user: bool = True,
    wp: bool = True,
    nxe: bool = True,
    smep: bool = False,
    smap: bool = False,
    ac: bool = False,
    pge: bool = False,
    la57: bool = False,
    pcid: int | None = None,
    no_flush: bool = False,
    maxphyaddr: int = 40,
) -> Registers:
    """Registers as Linux sets them, but for what is asked; CR4.PCIDE if there is a PCID."""
    cr4 = x86.CR4_PAE | smep * x86.CR4_SMEP | smap * x86.CR4_SMAP | pge * x86.CR4_PGE | la57 * x86.CR4_LA57
    return Registers(
        cr0=x86.CR0_PG | x86.CR0_PE | wp * x86.CR0_WP,
        cr3=ROOT | (pcid or 0) | no_flush << 63,
        cr4=cr4 if pcid is None else cr4 | x86.CR4_PCIDE,
        efer=x86.EFER_LME | x86.EFER_LMA | nxe * x86.EFER_NXE,
        cpl=3 if user else 0,
        ac=ac,
        maxphyaddr=maxphyaddr,
    )


RISCV_VA = 0x12_3456_7000
ALL = riscv.V | riscv.R | riscv.W | riscv.X | riscv.U


class RiscvMachine:
    """The same of RISC-V."""

    def __init__(self, levels: int = 3) -> None:
        self.ram = bytearray(RAM_BYTES)
        self.levels = levels
        self._free = iter(range(ROOT + 0x1000, RAM_BYTES, 0x1000))

    def map(self, va: int = RISCV_VA, pa: int = FRAME, flags: int = ALL, level: int = 1) -> int:
        """Map one page and return the physical address of its leaf entry."""
        take = self._free.__next__
        return riscv.map_page(self.ram, ROOT, va, pa, flags, take, level=level, levels=self.levels)

    def entry(self, where: int) -> int:
        return riscv.read_entry(self.ram, where)

    def set(self, where: int, entry: int) -> None:
        riscv.write_entry(self.ram, where, entry)

    def hart(self, asid: int = 0, priv: int = 0, **bits: bool) -> riscv.Registers:
        mode = riscv.SV39 if self.levels == 3 else riscv.SV48
        return riscv.Registers(riscv.satp(ROOT, mode, asid), priv, **bits)

    def start(self, twin: str, tlb: TlbConfig | None = None) -> Mmu:
        """Make an MMU with registers loaded."""
        mmu = make_mmu(self.ram, twin, tlb)
        mmu.load(self.hart())
        return mmu


def held(mmu: Mmu) -> list[TlbEntry]:
    """All translations, of both levels."""
    snapshot = mmu.tlb_entries()
    return [entry for array in (*snapshot.l1, *snapshot.l2) for entry in array.entries]


def level(mmu: Mmu, va: int, kind: str = "read") -> HitLevel:
    """Where the translation of an access is found."""
    return mmu.access(va, kind).level
