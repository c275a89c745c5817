"""The hardware half: page tables in emulated RAM, TLBs, the MMU, and what it raises.

Two twins do the same work: `pyemu.hw.ref`, which is readable, and ``pyemu.hw._fast``, which is
compiled. `make_mmu` gives an MMU; `pyemu.hw.x86` is the raw walk without a TLB and the editing of
tables.
"""

from __future__ import annotations

from pyemu.hw.bits import ErrorCode, Kind
from pyemu.hw.check import BadTypeError, BadValueError
from pyemu.hw.events import Event, EventLog, What
from pyemu.hw.faults import GeneralProtection, HardwareFault, PageFault
from pyemu.hw.mmu import Batch, Mmu, make_mmu
from pyemu.hw.ram import make_ram
from pyemu.hw.registers import Registers
from pyemu.hw.tlb import (
    Access,
    ArraySnapshot,
    HitLevel,
    TableRef,
    TlbArray,
    TlbConfig,
    TlbEntry,
    TlbSnapshot,
    TlbStats,
    WalkCache,
    WalkEntry,
)
from pyemu.hw.twins import COMPILED

__all__ = [
    "COMPILED",
    "Access",
    "ArraySnapshot",
    "BadTypeError",
    "BadValueError",
    "Batch",
    "ErrorCode",
    "Event",
    "EventLog",
    "GeneralProtection",
    "HardwareFault",
    "HitLevel",
    "Kind",
    "Mmu",
    "PageFault",
    "Registers",
    "TableRef",
    "TlbArray",
    "TlbConfig",
    "TlbEntry",
    "TlbSnapshot",
    "TlbStats",
    "WalkCache",
    "WalkEntry",
    "What",
    "make_mmu",
    "make_ram",
]
