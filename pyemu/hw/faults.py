"""What the processor raises when it can't translate an address.

These are events of the emulated machine, caught by the model of the kernel, and no mistakes of a
user: they stand outside the tree of ``pyemu.errors``.
"""

from __future__ import annotations

from pyemu.hw.bits import ErrorCode


class HardwareFault(Exception):
    """Root of the exceptions that a translation can raise. Two of them are equal if they say the same."""

    status: int
    """What a batch writes for it. x86: ``vector << 16 | error code``; RISC-V: the cause."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.args == other.args

    def __hash__(self) -> int:
        return hash((type(self), self.args))


class PageFault(HardwareFault):
    """Vector 14, #PF.

    Parameters
    ----------
    error_code : int
        Bits of `pyemu.hw.bits.ErrorCode`, as pushed on the kernel's stack.
    cr2 : int
        The address that was accessed.

    Examples
    --------
    >>> print(PageFault(6, 0x1000))
    #PF error code 0x6 (W|U), CR2 0x1000
    """

    vector = 14

    def __init__(self, error_code: int, cr2: int) -> None:
        super().__init__(error_code, cr2)
        self.error_code = error_code
        self.cr2 = cr2
        self.status = self.vector << 16 | error_code

    def __str__(self) -> str:
        names = "|".join(bit.name or "" for bit in ErrorCode if self.error_code & bit) or "none"
        return f"#PF error code {self.error_code:#x} ({names}), CR2 {self.cr2:#x}"


class GeneralProtection(HardwareFault):
    """Vector 13, #GP(0): the address isn't canonical. CR2 keeps its old value.

    Parameters
    ----------
    va : int
        The address that was accessed. Real hardware doesn't tell it; views do.
    """

    vector = 13

    def __init__(self, va: int) -> None:
        super().__init__(va)
        self.va = va
        self.status = self.vector << 16

    def __str__(self) -> str:
        return (
            f"#GP(0): the address {self.va:#x} is not canonical "
            "(bits 63..47 must be equal; 63..56 with 5-level paging)"
        )


class RiscvPageFault(HardwareFault):
    """A page fault of a RISC-V hart; `pyemu.hw.riscv` calls it ``PageFault``.

    Parameters
    ----------
    cause : int
        What scause gets: 12 for a fetch, 13 for a load, 15 for a store.
    stval : int
        The address that was accessed.

    Examples
    --------
    >>> print(RiscvPageFault(15, 0x1000))
    store page fault (scause 15), stval 0x1000
    """

    def __init__(self, cause: int, stval: int) -> None:
        super().__init__(cause, stval)
        self.cause = cause
        self.stval = stval
        self.status = cause

    def __str__(self) -> str:
        name = {12: "instruction", 13: "load", 15: "store"}.get(self.cause, "unknown")
        return f"{name} page fault (scause {self.cause}), stval {self.stval:#x}"
