"""Raw RISC-V translation (Sv39, Sv48) over any buffer: no TLB, no kernel.

The names of the privileged specification (``V``, ``R``, ``W``, ``X``, ``SV39`` ...) are names of this
module too. Levels of tables count from 1 (pages of 4 KiB) up; the specification counts from 0.

Not modelled: pages of 512 GiB (a leaf at the top of Sv48 faults), Svnapot and Svpbmt (bits 63..54 of an
entry must be 0), Sv57.

Examples
--------
>>> from pyemu.hw import riscv
>>> ram, tables = bytearray(8 * 4096), iter((0x2000, 0x3000))
>>> flags = riscv.V | riscv.R | riscv.W | riscv.U
>>> leaf = riscv.map_page(ram, 0x1000, 0x12_3456_7000, 0xABC000, flags, tables.__next__)
>>> cpu = riscv.Registers(satp=riscv.satp(0x1000), priv=0)
>>> hex(riscv.access(ram, cpu, 0x12_3456_7123, "write", twin="ref").pa)
'0xabc123'
>>> riscv.read_entry(ram, leaf) == riscv.entry_of(0xABC000, flags | riscv.A | riscv.D)
True
>>> riscv.access(ram, cpu, 0x12_3456_7000, "fetch", twin="ref")
Traceback (most recent call last):
    ...
pyemu.hw.faults.RiscvPageFault: instruction page fault (scause 12), stval 0x1234567000
"""

from __future__ import annotations

from typing import Any

from pyemu.hw import check, raw, riscv_bits
from pyemu.hw.faults import HardwareFault
from pyemu.hw.faults import RiscvPageFault as PageFault
from pyemu.hw.raw import WalkBatch
from pyemu.hw.registers import RiscvRegisters as Registers
from pyemu.hw.riscv_bits import *  # noqa: F403  (see the second paragraph above)
from pyemu.hw.tables import entry_address, read_entry, write_entry
from pyemu.hw.tables import riscv_leaf_address as leaf_address
from pyemu.hw.tables import riscv_map_page as map_page
from pyemu.hw.tlb import Access

__all__ = [
    "HardwareFault",
    "PageFault",
    "Registers",
    "WalkBatch",
    "access",
    "access_many",
    "entry_address",
    "leaf_address",
    "map_page",
    "read_entry",
    "write_entry",
]
__all__ += riscv_bits.__all__


def access(ram: Any, cpu: Registers, va: int, kind: int | str, *, twin: str = "fast") -> Access:
    """Make one access without a TLB.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Writable; starts at physical address 0. Without Svade, the walk leaves A and D bits in it. A
        frame beyond its end may be translated to; a table there reads as zeros.
    cpu : Registers
        Paging state; its top table must lie inside `ram`.
    va : int
        Virtual address, 0 to 2**64 - 1.
    kind : {"read", "write", "fetch"} or Kind
        What the access does.
    twin : {"fast", "ref", "auto"}
        Which implementation answers.

    Returns
    -------
    Access
        With `pa`, `page_size` and `refs`.

    Raises
    ------
    PageFault
        With `cause` and `stval`; also for an address that isn't sign-extended from bit 38 (47).
    BadValueError, BadTypeError, UncompiledError
        The call itself is wrong.
    """
    return raw.access(ram, _registers(cpu), va, kind, twin, per_level=False)


def access_many(
    ram: Any, cpu: Registers, addresses: Any, kinds: Any, *, out: Any = None, twin: str = "fast"
) -> WalkBatch:
    """Make many accesses without a TLB, one after the other; a fault doesn't stop them.

    Parameters
    ----------
    ram, cpu, twin
        As for `access`.
    addresses : array of uint64, shape (n,), or iterable of int
        Virtual addresses.
    kinds : array of uint8, shape (n,), or iterable of kinds, or one kind for all
        What each access does.
    out : array of uint64, shape (n,), optional
        Where the physical addresses go.

    Returns
    -------
    WalkBatch
        Physical addresses, and 0 or the cause of the fault of each access.

    Raises
    ------
    BadValueError, BadTypeError, UncompiledError
        The call is wrong; no access was made.
    """
    return raw.access_many(ram, _registers(cpu), addresses, kinds, out, twin, per_level=False)


def _registers(cpu: Any) -> Registers:
    if not isinstance(cpu, Registers):
        raise check.BadTypeError(f"cpu is {cpu!r}; it must be pyemu.hw.riscv.Registers")
    return cpu
