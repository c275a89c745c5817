"""The registers that decide how an x86-64 processor translates addresses."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyemu.hw import bits, check

_UNMODELLED = {
    "LA57": bits.CR4_LA57,
    "PKE": bits.CR4_PKE,
    "CET": bits.CR4_CET,
    "PKS": bits.CR4_PKS,
}


@dataclass(frozen=True, slots=True)
class Registers:
    """The paging state of one CPU in 64-bit mode.

    The bits that put a CPU into 64-bit mode with 4-level paging (CR0.PE and PG, CR4.PAE, EFER.LME
    and LMA) are taken as set, whatever the values say.

    Parameters
    ----------
    cr0 : int
        WP is looked at.
    cr3 : int
        Physical address of the level-4 table; bits 11..0 are not looked at.
    cr4 : int
        SMEP and SMAP are looked at. LA57, PKE, CET and PKS change the rules and are refused.
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
    Intel SDM volume 3A, section 4.1 "Paging modes and control bits".
    """

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
        """Physical address of the level-4 table."""
        return self.cr3 & bits.ADDRESS

    @property
    def user(self) -> bool:
        """Whether the CPU is in user mode."""
        return self.cpl == 3

    @property
    def tells_fetch(self) -> bool:
        """Whether error codes have bit I: only with NXE or SMEP."""
        return bool(self.efer & bits.EFER_NXE or self.cr4 & bits.CR4_SMEP)
