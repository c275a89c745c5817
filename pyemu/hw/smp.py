"""Several CPUs over one RAM, and the shootdown of stale translations by interrupt.

Hardware keeps data caches coherent, but no TLB: the kernel that changes a table entry must see to it
that no CPU goes on with the old one. The CPU that changes it (the **initiator**) does this::

    initiator                          target
    ---------                          ------
    write the entry
    invalidate its own TLB
    send an interrupt (IPI) ---------> goes on with what its TLB holds:   <-- the stale-entry window
    wait                               ...
                                       takes the interrupt: invalidates
    go on   <------------------------- acknowledges

Each target acknowledges when `Smp.acknowledge` is called for it, so a lesson or a test decides how long
the window stays open, and sees what is in it (`Smp.stale`).

References
----------
Intel SDM volume 3A, section 4.10.5 "Propagation of Paging-Structure Changes to Multiple Processors".
Linux v5.7, arch/x86/mm/tlb.c, flush_tlb_others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pyemu.hw import bits, check, ref
from pyemu.hw.check import AdOnFault
from pyemu.hw.costs import Costs, Ledger, ledger
from pyemu.hw.faults import HardwareFault
from pyemu.hw.mmu import Mmu, make_mmu
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tables import path, write_entry
from pyemu.hw.tlb import TlbConfig, TlbEntry

MAX_CPUS = 1024


class Stale(NamedTuple):
    """A translation that a CPU still holds, but the tables no longer give."""

    entry: TlbEntry
    """What the TLB holds."""
    now: TlbEntry | None
    """What a walk would find, cut to the same piece; None: nothing."""


@dataclass(slots=True)
class Shootdown:
    """One request to all targets to forget a page."""

    initiator: int
    va: int
    asid: int
    """Address space (x86: PCID)."""
    waiting: set[int]
    """Targets that have not acknowledged yet."""

    @property
    def done(self) -> bool:
        """Whether every target has acknowledged: only now may the initiator reuse the frame."""
        return not self.waiting


@dataclass(slots=True)
class _Cpu:
    """What `Smp` knows of one CPU."""

    mmu: Mmu
    now: Registers | RiscvRegisters | None = None
    by_asid: dict[int, Registers | RiscvRegisters] = field(default_factory=dict)  # as last loaded
    pending: deque[Shootdown] = field(default_factory=deque)  # interrupts, the oldest first
    n_ipis: int = 0  # interrupts sent
    n_acks: int = 0  # interrupts handled


class Smp:
    """Several CPUs over one RAM.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Emulated RAM; see `pyemu.hw.make_mmu`.
    n_cpus : int
        1 to 1024, each with TLBs of its own.
    twin, tlb, ad_on_fault
        As for `pyemu.hw.make_mmu`.

    Raises
    ------
    BadValueError, BadTypeError, UncompiledError
        An argument is wrong.

    Examples
    --------
    >>> from pyemu.hw import x86
    >>> ram, tables = bytearray(8 * 4096), iter((0x2000, 0x3000, 0x4000))
    >>> leaf = x86.map_page(ram, 0x1000, 0x5000, 0x9000, x86.P | x86.US, tables.__next__)
    >>> smp = Smp(ram, 2)
    >>> for cpu in (0, 1):
    ...     smp.load(cpu, Registers(cr0=x86.CR0_WP, cr3=0x1000, cr4=0, efer=x86.EFER_NXE, cpl=3))
    ...     pa = smp.mmu(cpu).read(0x5000)
    >>> smp.edit(leaf, 0)
    >>> shootdown = smp.shoot_down(0, 0x5000)
    >>> len(smp.stale(0)), len(smp.stale(1)), shootdown.done
    (0, 2, False)
    >>> hex(smp.mmu(1).read(0x5000))
    '0x9000'
    >>> smp.acknowledge(1).done, smp.stale(1)
    (True, [])
    """

    def __init__(
        self,
        ram: Any,
        n_cpus: int = 2,
        twin: str = "auto",
        tlb: TlbConfig | None = None,
        *,
        ad_on_fault: AdOnFault = "per_level",
    ) -> None:
        self.n_cpus = check.integer("n_cpus", n_cpus, 1, MAX_CPUS)
        self.ram = check.ram(ram)
        self._cpus = [_Cpu(make_mmu(ram, twin, tlb, ad_on_fault=ad_on_fault)) for _ in range(n_cpus)]

    def _cpu(self, cpu: int) -> _Cpu:
        return self._cpus[check.integer("the CPU", cpu, 0, self.n_cpus - 1)]

    def mmu(self, cpu: int) -> Mmu:
        """Return the MMU of a CPU; load registers through `load`, so that `stale` knows them."""
        return self._cpu(cpu).mmu

    def load(self, cpu: int, registers: Registers | RiscvRegisters) -> None:
        """Load the registers of a CPU: `Mmu.load`."""
        one = self._cpu(cpu)
        one.mmu.load(registers)
        one.now = one.by_asid[registers.asid] = registers

    # -- shootdown -----------------------------------------------------------------------------

    def edit(self, where: int, entry: int) -> None:
        """Write a table entry, as the kernel does: no TLB notices."""
        write_entry(self.ram, where, entry)

    def shoot_down(
        self, initiator: int, va: int, asid: int | None = None, targets: Iterable[int] | None = None
    ) -> Shootdown:
        """Invalidate a page on the initiator and send an interrupt to the others.

        Parameters
        ----------
        initiator : int
            The CPU that has changed the table.
        va : int
            An address in the page.
        asid : int, optional
            Address space of the page; that of the initiator if absent.
        targets : iterable of int, optional
            CPUs that may hold the translation; all others that have loaded registers, if absent.

        Returns
        -------
        Shootdown
            Who has to acknowledge still.
        """
        one = self._cpu(initiator)
        if one.now is None:
            raise check.not_loaded()
        asid = one.now.asid if asid is None else asid
        if targets is None:
            targets = [number for number, other in enumerate(self._cpus) if other.now is not None]
        others = sorted({number for number in targets if self._cpu(number) is not one})
        shootdown = Shootdown(initiator, va, asid, set(others))
        _invalidate(one, shootdown)
        for number in others:
            self._cpus[number].pending.append(shootdown)
            one.n_ipis += 1
        return shootdown

    def pending(self, cpu: int) -> tuple[Shootdown, ...]:
        """Return the interrupts that a CPU has not taken yet, the oldest first."""
        return tuple(self._cpu(cpu).pending)

    def acknowledge(self, cpu: int) -> Shootdown:
        """Let a CPU take its oldest interrupt: it invalidates and acknowledges.

        Raises
        ------
        BadValueError
            No interrupt is pending there.
        """
        one = self._cpu(cpu)
        if not one.pending:
            raise check.BadValueError(f"CPU {cpu} has no pending interrupt; send one by shoot_down first")
        shootdown = one.pending.popleft()
        _invalidate(one, shootdown)
        shootdown.waiting.discard(cpu)
        one.n_acks += 1
        return shootdown

    # -- what views and tests see --------------------------------------------------------------

    def stale(self, cpu: int) -> list[Stale]:
        """List the translations of a CPU that differ from what a walk of the tables gives now.

        Frame, page size, rights and the global bit are compared, D is not. Entries of an address space
        are compared with the tables that this CPU last loaded for it. A and D bits stay as they are.

        Returns
        -------
        list of Stale
            In the order of `Mmu.tlb_entries`: an entry in two levels is listed twice.

        Raises
        ------
        BadValueError
            Registers were loaded into an MMU directly, so that the tables of an entry are unknown.
        """
        one = self._cpu(cpu)
        if one.now is None:
            return []
        snapshot = one.mmu.tlb_entries()
        found = []
        for entry in (entry for array in (*snapshot.l1, *snapshot.l2) for entry in array.entries):
            registers = one.now if entry.is_global else one.by_asid.get(entry.asid)
            if registers is None:
                raise check.BadValueError(
                    f"CPU {cpu} holds entries of address space {entry.asid:#x}, whose tables are unknown; "
                    "load registers through Smp.load"
                )
            now = look(self.ram, registers, entry.vpn << bits.PAGE_SHIFT)
            if now is not None:
                now = ref.cut(now, entry.vpn << bits.PAGE_SHIFT, min(entry.size, now.size))
            if now is None or _comparable(now, registers) != _comparable(entry, registers):
                found.append(Stale(entry, now))
        return found

    def ledger(self, cpu: int, costs: Costs | None = None) -> Ledger:
        """Add up the cycles of a CPU, with its interrupts: `pyemu.hw.costs.ledger`."""
        one = self._cpu(cpu)
        return ledger(one.mmu.stats, costs, n_ipis=one.n_ipis, n_acks=one.n_acks)


def _invalidate(cpu: _Cpu, shootdown: Shootdown) -> None:
    """Do what the handler of the interrupt does."""
    if cpu.now is None:
        return  # it has cached nothing
    if isinstance(cpu.now, RiscvRegisters):
        cpu.mmu.sfence_vma(shootdown.va)  # all address spaces: the page may be global
    elif cpu.now.asid == shootdown.asid:
        cpu.mmu.invlpg(shootdown.va)
    else:
        cpu.mmu.invpcid("address", shootdown.asid, shootdown.va)


def _comparable(entry: TlbEntry, registers: Registers | RiscvRegisters) -> TlbEntry:
    """Leave out what may differ without harm: D, which a walk sets when it is needed."""
    dirty = ref.Paging(registers, per_level=False).dirty
    return entry._replace(flags=entry.flags & ~dirty)


def look(ram: memoryview, registers: Registers | RiscvRegisters, va: int) -> TlbEntry | None:
    """Find what a walk would give now, whatever it permits; A and D bits stay as they are.

    Parameters
    ----------
    ram : memoryview of uint8, shape (n_bytes,)
    registers : Registers or RiscvRegisters
        Whose tables.
    va : int
        Virtual address; its unused high bits are not looked at.

    Returns
    -------
    TlbEntry or None
        The translation of the whole page; None if an entry is absent or malformed.
    """
    before = path(ram, registers, va)
    try:
        # A read that every page permits.
        paging = ref.Paging(_with_all_rights(registers), per_level=False)
        return paging.walk(ram, va, bits.Kind.READ, None, []).entry
    except HardwareFault:
        return None
    finally:
        for where, entry in before:
            write_entry(ram, where, entry)


def _with_all_rights(registers: Registers | RiscvRegisters) -> Registers | RiscvRegisters:
    if isinstance(registers, RiscvRegisters):
        return replace(registers, priv=1, sum=True, mxr=True, svade=False)
    return replace(registers, cr4=registers.cr4 & ~(bits.CR4_SMAP | bits.CR4_SMEP), cpl=0)
