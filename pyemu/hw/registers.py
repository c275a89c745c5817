"""The registers that decide how a processor translates addresses.

Both kinds answer the same questions: where the tables start (`root`), how many levels they have
(`levels`), how many bits of an address they translate (`va_bits`), and whose translations the TLB may
use (`asid`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from pyemu.hw import bits, check, riscv_bits

_UNMODELLED = {
    "PKE": bits.CR4_PKE,
    "CET": bits.CR4_CET,
    "PKS": bits.CR4_PKS,
}


@dataclass(frozen=True, slots=True)
class Registers:
    """The paging state of one x86-64 CPU in 64-bit mode.

    The bits that put a CPU into 64-bit mode (CR0.PE and PG, CR4.PAE, EFER.LME and LMA) are taken as
    set, whatever the values say.

    Parameters
    ----------
    cr0 : int
        WP is looked at.
    cr3 : int
        Physical address of the top table. With CR4.PCIDE, bits 11..0 are the PCID, and bit 63 asks
        `Mmu.load` to flush nothing; else they are not looked at.
    cr4 : int
        LA57, PGE, PCIDE, SMEP and SMAP are looked at. PKE, CET and PKS change the rules and are refused.
    efer : int
        NXE is looked at.
    cpl : int
        Current privilege level, 0 to 3. Level 3 is user mode, the others are supervisor mode.
    ac : bool
        EFLAGS.AC: while set, SMAP doesn't hold (Linux sets it around copies from user memory).
    maxphyaddr : int
        Width of physical addresses in bits, 32 to 52. Higher address bits of entries are reserved.

    Raises
    ------
    BadValueError, BadTypeError
        A value is out of range, or asks for what isn't modelled.

    References
    ----------
    Intel SDM volume 3A, section 4.1 "Paging modes and control bits", section 4.10.1 "Process-Context
    Identifiers".
    """

    ROOT: ClassVar[str] = "cr3"

    cr0: int
    cr3: int
    cr4: int
    efer: int
    cpl: int
    ac: bool = False
    maxphyaddr: int = 40
    reserved: int = field(init=False, repr=False, compare=False)
    """Entry bits that are reserved at every level, from `maxphyaddr` and EFER.NXE."""

    def __post_init__(self) -> None:
        """Check every value against its range."""
        for name in ("cr0", "cr3", "cr4", "efer"):
            check.integer(name, getattr(self, name), 0, bits.MAX_U64)
        check.integer("cpl", self.cpl, 0, 3)
        check.integer("maxphyaddr", self.maxphyaddr, 32, 52)
        if self.root >> self.maxphyaddr:
            raise check.BadValueError(
                f"cr3 is {self.cr3:#x}; with maxphyaddr {self.maxphyaddr} its address must lie below "
                f"{1 << self.maxphyaddr:#x}"
            )
        for name, bit in _UNMODELLED.items():
            if self.cr4 & bit:
                raise check.BadValueError(
                    f"cr4 is {self.cr4:#x}: bit {name} ({bit:#x}) isn't modelled; clear it"
                )
        reserved = bits.ADDRESS & -(1 << self.maxphyaddr)
        if not self.efer & bits.EFER_NXE:
            reserved |= bits.NX
        object.__setattr__(self, "reserved", reserved)

    @property
    def root(self) -> int:
        """Physical address of the top table."""
        return self.cr3 & bits.ADDRESS

    @property
    def levels(self) -> int:
        """Levels of tables: 5 with CR4.LA57, else 4."""
        return 5 if self.cr4 & bits.CR4_LA57 else 4

    @property
    def va_bits(self) -> int:
        """Bits of a virtual address that are translated: 57 or 48; all higher ones equal the highest."""
        return bits.PAGE_SHIFT + 9 * self.levels

    @property
    def asid(self) -> int:
        """The current PCID; 0 without CR4.PCIDE."""
        return self.cr3 & 0xFFF if self.cr4 & bits.CR4_PCIDE else 0

    @property
    def user(self) -> bool:
        """Whether the CPU is in user mode."""
        return self.cpl == 3

    @property
    def tells_fetch(self) -> bool:
        """Whether error codes have bit I: only with NXE or SMEP."""
        return bool(self.efer & bits.EFER_NXE or self.cr4 & bits.CR4_SMEP)


@dataclass(frozen=True, slots=True)
class RiscvRegisters:
    """The paging state of one RISC-V hart; `pyemu.hw.riscv` calls it ``Registers``.

    Parameters
    ----------
    satp : int
        MODE (bits 63..60: 8 for Sv39, 9 for Sv48), ASID (59..44), and the frame number of the top table.
    priv : int
        0 for user mode, 1 for supervisor mode. Machine mode doesn't translate.
    sum : bool
        sstatus.SUM: supervisor mode may read and write pages of user mode.
    mxr : bool
        sstatus.MXR: what may be executed may be read.
    svade : bool
        Extension Svade: an access that would have to set A or D faults; else the hardware sets them.

    Raises
    ------
    BadValueError, BadTypeError
        A value is out of range, or asks for what isn't modelled.

    References
    ----------
    RISC-V Privileged Architecture 1.12, sections 4.1.1 "sstatus", 4.1.11 "satp", 4.3.1.
    """

    ROOT: ClassVar[str] = "satp"

    satp: int
    priv: int
    sum: bool = False
    mxr: bool = False
    svade: bool = False

    def __post_init__(self) -> None:
        """Check every value against its range."""
        check.integer("satp", self.satp, 0, bits.MAX_U64)
        check.integer("priv", self.priv, 0, 1)
        if self.mode not in (riscv_bits.SV39, riscv_bits.SV48):
            raise check.BadValueError(
                f"satp is {self.satp:#x}, mode {self.mode}; modelled are mode 8 (Sv39) and 9 (Sv48)"
            )

    @property
    def mode(self) -> int:
        """satp.MODE: 8 for Sv39, 9 for Sv48."""
        return self.satp >> 60

    @property
    def root(self) -> int:
        """Physical address of the top table."""
        return (self.satp & (1 << 44) - 1) << bits.PAGE_SHIFT

    @property
    def levels(self) -> int:
        """Levels of tables: 3 for Sv39, 4 for Sv48."""
        return self.mode - 5

    @property
    def va_bits(self) -> int:
        """Bits of a virtual address that are translated: 39 or 48; all higher ones equal the highest."""
        return bits.PAGE_SHIFT + 9 * self.levels

    @property
    def asid(self) -> int:
        """The current address-space identifier, 16 bits."""
        return self.satp >> 44 & 0xFFFF

    @property
    def user(self) -> bool:
        """Whether the hart is in user mode."""
        return self.priv == 0
