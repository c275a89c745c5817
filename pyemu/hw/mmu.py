"""The memory management unit of one emulated CPU: tables, a TLB and the rules between them.

`make_mmu` gives one of two twins with the same behaviour: `pyemu.hw.ref.RefMmu`, which is readable,
and `pyemu.hw._fast.FastMmu`, which is compiled.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pyemu.hw import check, ref, twins
from pyemu.hw.check import AdOnFault
from pyemu.hw.events import EventLog
from pyemu.hw.faults import HardwareFault
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tlb import Access, TableRef, TlbConfig, TlbSnapshot, TlbStats

InvpcidKind = Literal["address", "context", "all", "all_non_global"]
"""What INVPCID forgets: see `Mmu.invpcid`."""


class Batch(Protocol):
    """A batch of accesses that can stop and go on: it holds the buffers, so that going on is cheap.

    ::

        batch = mmu.access_many(addresses, kinds)
        while batch.fault is not None:
            handle(batch.fault)
            batch.resume()

    Attributes
    ----------
    n, n_done : int
        Accesses in all, and made so far, those included that faulted and were skipped. The access at
        index `n_done` is the one that faulted.
    n_faults : int
        Faults that this batch met; one for each try.
    fault : HardwareFault or None
        What stopped the last run; None if it ended at the end, at its quantum or at a full log.
    pa : array of uint64, shape (n,)
        Physical addresses; those before `n_done` are valid. 2**64 - 1 for what faulted and was skipped.
    status : array of uint32, shape (n,), or None
        With `detail`: 0, or what faulted (`HardwareFault.status`). x86: ``vector << 16 | error code``;
        RISC-V: the cause.
    level : array of uint8, shape (n,), or None
        With `detail`: a number of `HitLevel`; WALK for faults.
    refs : array of uint8, shape (n,), or None
        With `detail`: table entries that were read.
    done : bool
        Whether every access has been made.
    """

    n: int
    n_done: int
    n_faults: int
    fault: HardwareFault | None
    pa: Any
    status: Any
    level: Any
    refs: Any

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
    change, until it is invalidated or evicted. A write through an entry whose D is clear walks
    again. An entry that doesn't permit an access is no hit: the tables are asked before a fault is
    raised. A page fault drops what is cached for its page. An entry serves one address space (PCID or
    ASID), or all of them if it is global.
    """

    twin: Literal["ref", "fast"]
    """Which one this is."""

    def load(self, cpu: Registers | RiscvRegisters) -> None:
        """Load the registers; what they change decides what is dropped.

        x86: all that isn't global of the new PCID, as MOV to CR3 does, or nothing of it if CR4.PCIDE
        and bit 63 of `cr3` are set. Everything, at the first load and if PGE, LA57, NXE or maxphyaddr
        change or PCIDE is cleared. All of the new PCID that isn't global if SMEP is set.

        RISC-V: nothing, but everything at the first load and if the mode changes.

        References
        ----------
        Intel SDM volume 3A, section 4.10.4.1. RISC-V Privileged Architecture 1.12, section 4.2.1.
        """

    def set_mode(self, cpl: int, ac: bool = False) -> None:
        """Change privilege level and EFLAGS.AC, as system calls and returns do on x86; the TLB stays."""

    def invlpg(self, va: int) -> None:
        """Forget the translations of the page around `va`, as x86's INVLPG does.

        All pieces of a large page go, global entries too, but no other PCID's; and all that walk caches
        hold for the current PCID. An address that isn't canonical has no effect.
        """

    def invpcid(self, kind: InvpcidKind, pcid: int = 0, va: int = 0) -> None:
        """Forget by PCID, as x86's INVPCID does.

        Parameters
        ----------
        kind : str
            "address": one page of one PCID; "context": one PCID; both leave global entries alone.
            "all": everything; "all_non_global": everything but global entries.
        pcid : int
            0 to 4095; 0 while CR4.PCIDE is clear.
        va : int
            For "address": canonical.
        """

    def sfence_vma(self, va: int | None = None, asid: int | None = None) -> None:
        """Forget by address and address space, as RISC-V's SFENCE.VMA does.

        Parameters
        ----------
        va : int, optional
            Only the page around it; walk caches keep what they hold. Absent: all addresses.
        asid : int, optional
            Only this address space, and nothing global. Absent: all of them.
        """

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

    def read(self, va: int, /) -> int:
        """Translate one read and return the physical address: the cheapest call."""

    def write(self, va: int, /) -> int:
        """Translate one write and return the physical address."""

    def fetch(self, va: int, /) -> int:
        """Translate one instruction fetch and return the physical address."""

    def access_many(
        self,
        addresses: Any,
        kinds: Any,
        out: Any = None,
        *,
        quantum: int | None = None,
        on_fault: Literal["stop", "skip"] = "stop",
        detail: bool = False,
        events: EventLog | None = None,
    ) -> Batch:
        """Make many accesses, up to the first fault or to the end.

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
        on_fault : {"stop", "skip"}
            Whether a fault stops the run, or is noted and skipped.
        detail : bool
            Whether the batch has `status`, `level` and `refs` of each access.
        events : EventLog, optional
            Where to record what was no plain hit. A run stops before an access when fewer than 16 slots
            are free; clear the log and go on.

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
        """Return all that is cached, array by array."""


def make_mmu(
    ram: Any,
    twin: str = "auto",
    tlb: TlbConfig | None = None,
    *,
    ad_on_fault: AdOnFault = "per_level",
    variant: str = "auto",
) -> Mmu:
    """Make the MMU of one CPU over emulated RAM; load registers next.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Writable and contiguous; starts at physical address 0. It can't be resized while the MMU
        exists.
    twin : {"auto", "ref", "fast"}
        Which implementation; see `pyemu.hw.twins`.
    tlb : TlbConfig, optional
        Its arrays and walk caches; `TlbConfig.two_level` if absent.
    ad_on_fault : {"per_level", "none"}
        Whether a walk that faults has set A in the tables above the fault.
    variant : {"auto", "plain", "avx2", "avx512"}
        Which instructions the compiled twin uses; see `pyemu.hw.twins`.

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
    config = TlbConfig.two_level() if tlb is None else tlb
    if not isinstance(config, TlbConfig):
        raise check.BadTypeError(f"tlb is {tlb!r}; it must be a TlbConfig")
    if twins.choose(twin) == "fast":
        mmu: Mmu = twins.fast().FastMmu(ram, config, per_level, twins.choose_variant(variant))
        return mmu
    return ref.RefMmu(ram, config, per_level)
