"""The memory management unit of one emulated CPU: tables, a two-level TLB and the rules between them.

`make_mmu` gives one of two twins with the same behaviour: `pyemu.hw.ref.RefMmu`, which is readable,
and `pyemu.hw._fast.FastMmu`, which is compiled.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pyemu.hw import check, ref, twins
from pyemu.hw.check import AdOnFault
from pyemu.hw.faults import HardwareFault
from pyemu.hw.registers import Registers
from pyemu.hw.tlb import Access, TableRef, TlbGeometry, TlbSnapshot, TlbStats


class Batch(Protocol):
    """A batch of accesses that stops at faults: it holds the buffers, so that going on is cheap.

    ::

        batch = mmu.access_many(addresses, kinds)
        while batch.fault is not None:
            handle(batch.fault)
            batch.resume()

    Attributes
    ----------
    n, n_done : int
        Accesses in all, and made so far. The access at index `n_done` is the one that faulted.
    fault : HardwareFault or None
        What stopped the last run; None if it ended at the end or at its quantum.
    pa : array of uint64, shape (n,)
        Physical addresses; those before `n_done` are valid.
    done : bool
        Whether every access has been made.
    """

    n: int
    n_done: int
    fault: HardwareFault | None
    pa: Any

    @property
    def done(self) -> bool:
        """Whether every access has been made."""

    def resume(self, quantum: int | None = None) -> Batch:
        """Go on with the access that faulted, or with the next one.

        Parameters
        ----------
        quantum : int, optional
            Stop after this many accesses.

        Returns
        -------
        Batch
            This batch.
        """


class Mmu(Protocol):
    """What both twins offer.

    Rules: what isn't present is never cached. A cached entry keeps working, however the tables
    change, until `invlpg`, `load` or its eviction. A write through an entry whose D is clear walks
    again. An entry that doesn't permit an access is no hit: the tables are asked before a fault is
    raised. A page fault drops what is cached for its page.
    """

    twin: Literal["ref", "fast"]
    """Which one this is."""

    def load(self, cpu: Registers) -> None:
        """Load CR3 and the other registers; the TLB is flushed."""

    def set_mode(self, cpl: int, ac: bool = False) -> None:
        """Change privilege level and EFLAGS.AC, as system calls and returns do; the TLB stays."""

    def invlpg(self, va: int) -> None:
        """Forget the translations of the page around `va`: all 4 KiB pieces if it is a large one."""

    def clear(self) -> None:
        """Forget all translations and counts; the registers stay."""

    def access(self, va: int, kind: int | str, refs: list[TableRef] | None = None) -> Access:
        """Translate one access.

        Parameters
        ----------
        va : int
            Virtual address, 0 to 2**64 - 1.
        kind : {"read", "write", "fetch"} or Kind
            What the access does.
        refs : list of TableRef, optional
            Every table entry that a walk reads is appended, also if the access faults.

        Returns
        -------
        Access
            Physical address, page size, and where the translation was found.

        Raises
        ------
        PageFault, GeneralProtection
            What the processor would raise.
        HardwareError
            The call itself is wrong: an address out of range, an unknown kind, no registers loaded.
        """

    def access_many(
        self, addresses: Any, kinds: Any, out: Any = None, *, quantum: int | None = None
    ) -> Batch:
        """Make many accesses, up to the first fault.

        Parameters
        ----------
        addresses : array of uint64, shape (n,), or iterable of int
            Virtual addresses. The compiled twin reads arrays in place.
        kinds : array of uint8, shape (n,), or iterable of kinds, or one kind for all
            What each access does.
        out : array of uint64, shape (n,), optional
            Where the physical addresses go. Made if absent: a numpy array if `addresses` is one,
            else an ``array.array``.
        quantum : int, optional
            Stop after this many accesses.

        Returns
        -------
        Batch
            How far it got; `Batch.resume` goes on.

        Raises
        ------
        HardwareError
            The call is wrong; no access was made.
        """

    @property
    def stats(self) -> TlbStats:
        """The counters, as they stand now."""

    def tlb_entries(self) -> TlbSnapshot:
        """Return all cached translations, the most recently used of each set first."""


def make_mmu(
    ram: Any,
    twin: str = "auto",
    tlb: TlbGeometry | None = None,
    *,
    ad_on_fault: AdOnFault = "per_level",
) -> Mmu:
    """Make the MMU of one CPU over emulated RAM; load registers next.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Writable and contiguous; starts at physical address 0. It can't be resized while the MMU
        exists.
    twin : {"auto", "ref", "fast"}
        Which implementation; see `pyemu.hw.twins`.
    tlb : TlbGeometry, optional
        Sets and ways; 16 x 4 and 128 x 12 if absent.
    ad_on_fault : {"per_level", "none"}
        Whether a walk that faults has set A in the tables above the fault.

    Returns
    -------
    Mmu
        With an empty TLB and no registers.

    Raises
    ------
    BadValueError, BadTypeError, UncompiledError
        An argument is wrong, or the compiled twin is asked for and absent.

    Examples
    --------
    >>> from pyemu.hw import Registers, make_mmu, x86
    >>> ram, tables = bytearray(8 * 4096), iter((0x2000, 0x3000, 0x4000))
    >>> leaf = x86.map_page(ram, 0x1000, 0x5000, 0x9000, x86.P | x86.US, tables.__next__)
    >>> mmu = make_mmu(ram)
    >>> mmu.load(Registers(cr0=x86.CR0_WP, cr3=0x1000, cr4=0, efer=x86.EFER_NXE, cpl=3))
    >>> [mmu.access(0x5000 + i, "read").level.name for i in range(3)]
    ['WALK', 'L1', 'L1']
    """
    per_level = check.per_level(ad_on_fault)
    geometry = tlb or TlbGeometry()
    if twins.choose(twin) == "fast":
        mmu: Mmu = twins.fast().FastMmu(ram, geometry, per_level)
        return mmu
    return ref.RefMmu(ram, geometry, per_level)
