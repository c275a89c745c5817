"""Raw x86-64 translation over any buffer: no TLB, no kernel, for people who bring their own oracle.

The names of the processor manuals (``P``, ``RW``, ``CR0_WP``, ``EFER_NXE`` ...) are names of this
module too.

Examples
--------
>>> from pyemu.hw import x86
>>> ram, tables = bytearray(8 * 4096), iter((0x2000, 0x3000, 0x4000))
>>> leaf = x86.map_page(ram, 0x1000, 0x7000_0000_0000, 0xABC000, x86.P | x86.RW | x86.US, tables.__next__)
>>> cpu = x86.Registers(cr0=x86.CR0_WP, cr3=0x1000, cr4=0, efer=x86.EFER_NXE, cpl=3)
>>> hex(x86.access(ram, cpu, 0x7000_0000_0123, "write", twin="ref").pa)
'0xabc123'
>>> x86.read_entry(ram, leaf) == 0xABC000 | x86.P | x86.RW | x86.US | x86.A | x86.D
True
>>> x86.access(ram, cpu, 0x1000, "read", twin="ref")
Traceback (most recent call last):
    ...
pyemu.hw.faults.PageFault: #PF error code 0x4 (U), CR2 0x1000
"""

from __future__ import annotations

from typing import Any

from pyemu.hw import bits, check, raw
from pyemu.hw.bits import *  # noqa: F403  (see the second paragraph above)
from pyemu.hw.check import AdOnFault
from pyemu.hw.faults import GeneralProtection, HardwareFault, PageFault
from pyemu.hw.raw import WalkBatch
from pyemu.hw.registers import Registers
from pyemu.hw.tables import entry_address, leaf_address, map_page, read_entry, write_entry
from pyemu.hw.tlb import Access

__all__ = [
    "AdOnFault",
    "GeneralProtection",
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
__all__ += bits.__all__


def access(
    ram: Any,
    cpu: Registers,
    va: int,
    kind: int | str,
    *,
    twin: str = "fast",
    ad_on_fault: AdOnFault = "per_level",
) -> Access:
    """Make one access without a TLB.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Writable; starts at physical address 0. The walk leaves A and D bits in it. A frame beyond
        its end may be translated to; a table there reads as zeros.
    cpu : Registers
        Paging state; its top table must lie inside `ram`.
    va : int
        Virtual address, 0 to 2**64 - 1.
    kind : {"read", "write", "fetch"} or Kind
        What the access does.
    twin : {"fast", "ref", "auto"}
        Which implementation answers.
    ad_on_fault : {"per_level", "none"}
        Whether a walk that faults has set A on its way (QEMU: in each table that it passed, and in
        a leaf of 1 GiB) or not (Bochs). The architecture allows both.

    Returns
    -------
    Access
        With `pa`, `page_size` and `refs`.

    Raises
    ------
    PageFault
        With `error_code` and `cr2`.
    GeneralProtection
        The address isn't canonical.
    BadValueError, BadTypeError, UncompiledError
        The call itself is wrong.
    """
    return raw.access(ram, _registers(cpu), va, kind, twin, check.per_level(ad_on_fault))


def access_many(
    ram: Any,
    cpu: Registers,
    addresses: Any,
    kinds: Any,
    *,
    out: Any = None,
    twin: str = "fast",
    ad_on_fault: AdOnFault = "per_level",
) -> WalkBatch:
    """Make many accesses without a TLB, one after the other; a fault doesn't stop them.

    Parameters
    ----------
    ram, cpu, twin, ad_on_fault
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
        Physical addresses and status of each access.

    Raises
    ------
    BadValueError, BadTypeError, UncompiledError
        The call is wrong; no access was made.
    """
    per_level = check.per_level(ad_on_fault)
    return raw.access_many(ram, _registers(cpu), addresses, kinds, out, twin, per_level)


def _registers(cpu: Any) -> Registers:
    if not isinstance(cpu, Registers):
        raise check.BadTypeError(f"cpu is {cpu!r}; it must be pyemu.hw.x86.Registers")
    return cpu
