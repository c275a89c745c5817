"""The memory management unit of one emulated CPU."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pyemu.hw import check
from pyemu.hw.bits import CR4_PCIDE, Kind
from pyemu.hw.events import EventLog, What
from pyemu.hw.faults import GeneralProtection, HardwareFault
from pyemu.hw.ref.batch import RefBatch
from pyemu.hw.ref.loads import drops_all, drops_space
from pyemu.hw.ref.paging import AnyRegisters, Paging
from pyemu.hw.ref.steps import physical
from pyemu.hw.ref.tlb import Tlb
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tlb import Access, HitLevel, TableRef, TlbConfig, TlbEntry, TlbSnapshot, TlbStats

READ, WRITE, FETCH = int(Kind.READ), int(Kind.WRITE), int(Kind.FETCH)


@dataclass(slots=True)
class Counts:
    """What `TlbStats` is made from."""

    accesses: int = 0
    l1_hits: int = 0
    l1_misses: int = 0
    l2_hits: int = 0
    walks: int = 0
    d_walks: int = 0
    faults: int = 0
    walk_refs: list[int] = field(default_factory=lambda: [0] * 5)
    walk_cache_hits: list[int] = field(default_factory=lambda: [0] * 4)
    flushes: int = 0
    invalidations: int = 0


class RefMmu:
    """The memory management unit of one emulated CPU: see `pyemu.hw.Mmu` for the contract."""

    twin: Literal["ref", "fast"] = "ref"

    def __init__(self, ram: Any, config: TlbConfig, per_level: bool) -> None:
        self.ram = check.ram(ram)
        self._per_level = per_level
        self._paging: Paging | None = None  # none before the first load
        self._tlb = Tlb(config)
        self._counts = Counts()
        self.log: EventLog | None = None  # where a batch wants events,
        self.index = 0  # and the access in it that is made now

    # -- one access ----------------------------------------------------------------------------

    def access(self, va: int, kind: int | str, refs: list[TableRef] | None = None) -> Access:
        """Translate one access; raises the fault that the processor would raise."""
        paging = self.loaded()
        return self.translate(paging, check.address(va), check.kind(kind), [] if refs is None else refs)

    def read(self, va: int, /) -> int:
        """Translate one read and return the physical address."""
        return self.access(va, READ).pa

    def write(self, va: int, /) -> int:
        """Translate one write and return the physical address."""
        return self.access(va, WRITE).pa

    def fetch(self, va: int, /) -> int:
        """Translate one instruction fetch and return the physical address."""
        return self.access(va, FETCH).pa

    def loaded(self) -> Paging:
        """Return how addresses are translated; refuse to go on without any registers."""
        if self._paging is None:
            raise check.not_loaded()
        return self._paging

    def translate(self, paging: Paging, va: int, kind: int, refs: list[TableRef]) -> Access:
        """Make one access; a fault drops what is cached for its page."""
        self._counts.accesses += 1
        n_before = len(refs)
        try:
            if not paging.is_canonical(va):
                raise paging.not_canonical(va, kind)
            entry, level = self._find(paging, va, kind, refs)
        except HardwareFault as fault:
            self._counts.faults += 1
            what = What.GENERAL_PROTECTION if isinstance(fault, GeneralProtection) else What.PAGE_FAULT
            self._note(what, va, code=fault.status & 0xFFFF)
            if paging.is_canonical(va):
                self._tlb.drop_page(paging.low(va), paging.asid)
                self._tlb.walk_caches.remove(paging.low(va), paging.asid)
            raise
        return Access(physical(entry, va), entry.page_size, level, len(refs) - n_before)

    def _find(self, paging: Paging, va: int, kind: int, refs: list[TableRef]) -> tuple[TlbEntry, HitLevel]:
        """Find the translation of an address, wherever it is, and keep it where it belongs."""
        low, asid, permits = paging.low(va), paging.asid, paging.permits[kind]
        l1, l2 = self._tlb.l1, self._tlb.l2

        hit = l1.find(low, kind, asid, permits)
        if hit is not None:
            self._counts.l1_hits += 1
            entry = hit.entry
            if kind == WRITE and not entry.flags & paging.dirty:
                entry = self._walk_for_d(paging, va, HitLevel.L1, refs)
                hit.array.remove(hit.key)
                l1.insert(entry, low, kind)
            return entry, HitLevel.L1
        self._counts.l1_misses += 1
        self._note(What.L1_MISS, va)

        hit = l2.find(low, kind, asid, permits)
        if hit is not None:
            self._counts.l2_hits += 1
            entry = hit.entry
            if kind == WRITE and not entry.flags & paging.dirty:
                entry = self._walk_for_d(paging, va, HitLevel.L2, refs)
                hit.array.remove(hit.key)
                l2.insert(entry, low, kind)
            l1.insert(entry, low, kind)
            return entry, HitLevel.L2
        self._counts.walks += 1
        self._note(What.L2_MISS, va)

        entry = self._walk(paging, va, kind, refs)
        l2.insert(entry, low, kind)
        l1.insert(entry, low, kind)
        return entry, HitLevel.WALK

    def _walk_for_d(self, paging: Paging, va: int, level: HitLevel, refs: list[TableRef]) -> TlbEntry:
        """Walk because a write hit an entry of `level` without D."""
        self._counts.d_walks += 1
        self._note(What.D_WALK, va, level)
        return self._walk(paging, va, WRITE, refs)

    def _walk(self, paging: Paging, va: int, kind: int, refs: list[TableRef]) -> TlbEntry:
        """Ask the tables, from where the walk caches know the way."""
        start = self._tlb.walk_caches.find(paging.low(va), paging.asid)
        if start is not None:
            self._counts.walk_cache_hits[start.level - 1] += 1  # a hit at level 2 goes on at level 1
            self._note(What.WALK_CACHE_HIT, start.table, start.level + 1)
        n_before = len(refs)
        try:
            entry, steps = paging.walk(self.ram, va, kind, start, refs)
        finally:
            for ref in refs[n_before:]:
                self._counts.walk_refs[ref.level - 1] += 1
                self._note(What.TABLE_REF, ref.pa, ref.level)
        self._tlb.walk_caches.insert(steps, paging.low(va), paging.asid)
        return entry

    def _note(self, what: What, value: int, level: int = 0, code: int = 0) -> None:
        if self.log is not None:
            self.log.add(self.index, what, level, code, value)

    # -- registers -----------------------------------------------------------------------------

    def load(self, cpu: AnyRegisters) -> None:
        """Load the registers; what they change decides what is dropped."""
        check.root(len(self.ram), cpu)
        old = None if self._paging is None else self._paging.cpu
        self._paging = Paging(cpu, self._per_level)
        if drops_all(old, cpu):
            self._tlb.drop_all()
            self._counts.flushes += 1
        elif drops_space(old, cpu):
            self._tlb.drop_space(cpu.asid)
            self._counts.flushes += 1

    def set_mode(self, cpl: int, ac: bool = False) -> None:
        """Change privilege level and EFLAGS.AC; the TLB stays."""
        cpu = x86_of("set_mode", self.loaded())
        self._paging = Paging(replace(cpu, cpl=cpl, ac=ac), self._per_level)

    # -- invalidation --------------------------------------------------------------------------

    def invlpg(self, va: int) -> None:
        """Forget the translations of the page around `va`, global ones too, and the walk caches."""
        check.address(va)
        paging = self._paging
        if paging is not None:  # before the first load, there is nothing to forget
            asid = x86_of("invlpg", paging).asid
            if paging.is_canonical(va):
                self._tlb.drop_page(paging.low(va), asid)
                self._tlb.drop_walks(asid)
        self._counts.invalidations += 1

    def invpcid(self, kind: str, pcid: int = 0, va: int = 0) -> None:
        """Forget by PCID: see `pyemu.hw.Mmu.invpcid`."""
        paging = self.loaded()
        cpu = x86_of("invpcid", paging)
        check.one_of("the kind of invpcid", kind, ("address", "context", "all", "all_non_global"))
        check.integer("the PCID", pcid, 0, 0xFFF)
        check.address(va)
        if kind in ("address", "context") and pcid and not cpu.cr4 & CR4_PCIDE:
            raise check.BadValueError(f"the PCID is {pcid:#x}; while CR4.PCIDE is clear it must be 0")
        if kind == "address":
            if not paging.is_canonical(va):
                raise check.BadValueError(f"va is {va:#x}; invpcid needs an address that is canonical")
            self._tlb.drop_own_page(paging.low(va), pcid)
            self._tlb.drop_walks(pcid)
            self._counts.invalidations += 1
            return
        if kind == "context":
            self._tlb.drop_space(pcid)
        elif kind == "all":
            self._tlb.drop_all()
        else:
            self._tlb.drop_all_but_global()
        self._counts.flushes += 1

    def sfence_vma(self, va: int | None = None, asid: int | None = None) -> None:
        """Forget by address and address space: see `pyemu.hw.Mmu.sfence_vma`."""
        paging = self.loaded()
        if not isinstance(paging.cpu, RiscvRegisters):
            raise check.wrong_format("sfence_vma", "RISC-V", "x86")
        if asid is not None:
            check.integer("the ASID", asid, 0, 0xFFFF)
        if va is None:
            if asid is None:
                self._tlb.drop_all()
            else:
                self._tlb.drop_space(asid)
            self._counts.flushes += 1
            return
        if paging.is_canonical(check.address(va)):
            if asid is None:
                self._tlb.drop_page_everywhere(paging.low(va))
            else:
                self._tlb.drop_own_page(paging.low(va), asid)
        self._counts.invalidations += 1

    def clear(self) -> None:
        """Forget all translations and counts; the registers stay."""
        self._tlb.clear()
        self._counts = Counts()

    # -- batches, and what views and tests see -------------------------------------------------

    def access_many(
        self,
        addresses: Any,
        kinds: Any,
        out: Any = None,
        *,
        quantum: int | None = None,
        on_fault: str = "stop",
        detail: bool = False,
        events: EventLog | None = None,
    ) -> RefBatch:
        """Run a batch up to its first fault, its end or `quantum` accesses."""
        self.loaded()
        return RefBatch(self, addresses, kinds, out, on_fault, detail, events).resume(quantum)

    @property
    def stats(self) -> TlbStats:
        """The counters, as they stand now."""
        counts = self._counts
        refs, hits = counts.walk_refs, counts.walk_cache_hits
        return TlbStats(
            accesses=counts.accesses,
            l1_hits=counts.l1_hits,
            l1_misses=counts.l1_misses,
            l2_hits=counts.l2_hits,
            l2_misses=counts.walks,
            walks=counts.walks,
            d_walks=counts.d_walks,
            faults=counts.faults,
            walk_refs=(refs[0], refs[1], refs[2], refs[3], refs[4]),
            walk_cache_hits=(hits[0], hits[1], hits[2], hits[3]),
            flushes=counts.flushes,
            invalidations=counts.invalidations,
        )

    def tlb_entries(self) -> TlbSnapshot:
        """Return all that is cached."""
        return self._tlb.snapshot()


def x86_of(operation: str, paging: Paging) -> Registers:
    """Return the registers; refuse an operation that only x86 has on others."""
    if not isinstance(paging.cpu, Registers):
        raise check.wrong_format(operation, "x86", "RISC-V")
    return paging.cpu
