"""What a load of registers drops from the TLB.

References
----------
Intel SDM volume 3A, section 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure Caches".
RISC-V Privileged Architecture 1.12, section 4.2.1: writes of satp order nothing.
"""

from __future__ import annotations

from pyemu.hw.bits import CR4_LA57, CR4_PCIDE, CR4_PGE, CR4_SMEP, EFER_NXE
from pyemu.hw.ref.paging import AnyRegisters
from pyemu.hw.registers import Registers, RiscvRegisters

NO_FLUSH = 1 << 63
"""Bit of a value for CR3 that leaves the TLB alone, if CR4.PCIDE is set."""


def drops_all(old: AnyRegisters | None, new: AnyRegisters) -> bool:
    """Tell whether entries are read in another way now, so that none can stay; at first, none is there."""
    if isinstance(old, Registers) and isinstance(new, Registers):
        return bool(
            (old.cr4 ^ new.cr4) & (CR4_PGE | CR4_LA57)
            or (old.efer ^ new.efer) & EFER_NXE
            or old.maxphyaddr != new.maxphyaddr
            or old.cr4 & ~new.cr4 & CR4_PCIDE
        )
    if isinstance(old, RiscvRegisters) and isinstance(new, RiscvRegisters):
        return old.mode != new.mode
    return True


def drops_space(old: AnyRegisters | None, new: AnyRegisters) -> bool:
    """Tell whether what isn't global of the new address space goes: on x86, unless CR3 says otherwise."""
    if not isinstance(old, Registers) or not isinstance(new, Registers):
        return False
    stays = new.cr4 & CR4_PCIDE and new.cr3 & NO_FLUSH
    return not stays or bool(~old.cr4 & new.cr4 & CR4_SMEP)
