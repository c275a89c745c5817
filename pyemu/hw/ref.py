"""The readable twin: one page walk, and one MMU with a two-level TLB, in plain Python.

This is what lessons show, what runs without a compiler, and what `pyemu.hw._fast` is compared with
bit by bit. It knows no numpy. Read `walk` first.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any, Literal

from pyemu.hw import check
from pyemu.hw.bits import (
    ADDRESS,
    CR0_WP,
    CR4_SMAP,
    CR4_SMEP,
    NX,
    PAGE_SHIFT,
    PS,
    RW,
    US,
    A,
    D,
    ErrorCode,
    Kind,
    P,
    is_canonical,
    level_shift,
    page_size,
)
from pyemu.hw.faults import GeneralProtection, HardwareFault, PageFault
from pyemu.hw.registers import Registers
from pyemu.hw.tables import entry_address, read_entry, set_bits
from pyemu.hw.tlb import Access, HitLevel, TableRef, TlbEntry, TlbGeometry, TlbSnapshot, TlbStats

NO_ADDRESS = (1 << 64) - 1
"""What a batch writes for an access that faulted."""

READ, WRITE, FETCH = int(Kind.READ), int(Kind.WRITE), int(Kind.FETCH)


def page_fault(cpu: Registers, va: int, kind: int, found: int) -> PageFault:
    """Make the fault of an access, from what the tables gave (0, P or P and RSVD) and the CPU's state."""
    code = found
    if kind == WRITE:
        code |= ErrorCode.W
    if cpu.user:
        code |= ErrorCode.U
    if kind == FETCH and cpu.tells_fetch:
        code |= ErrorCode.I
    return PageFault(int(code), va)


def misaligned(level: int, entry: int) -> bool:
    """Tell whether a leaf `entry` has bits set between its page's address and PAT (bit 12)."""
    return level > 1 and bool(entry & (page_size(level) - 1) & ~0x1FFF)


def permits(cpu: Registers, rights: int, kind: int) -> bool:
    """Tell whether `rights`, taken over all levels (RW and US: all; NX: any), allow the access now."""
    if cpu.user:
        if not rights & US:
            return False
    elif rights & US:
        if kind == FETCH and cpu.cr4 & CR4_SMEP:
            return False
        if kind != FETCH and cpu.cr4 & CR4_SMAP and not cpu.ac:
            return False
    if kind == WRITE:
        return bool(rights & RW) or not (cpu.user or cpu.cr0 & CR0_WP)
    return kind != FETCH or not rights & NX


def walk(
    ram: memoryview,
    cpu: Registers,
    va: int,
    kind: int,
    per_level: bool = True,
    refs: list[TableRef] | None = None,
) -> TlbEntry:
    """Translate one canonical address through the tables, as the processor does.

    Parameters
    ----------
    ram : memoryview of uint8, shape (n_bytes,)
        Emulated RAM. A and D bits are set in it.
    cpu : Registers
        Its paging state.
    va : int
        Canonical virtual address.
    kind : int
        A number of `Kind`.
    per_level : bool
        Whether a walk that faults has set A on its way, as QEMU does: in each table that it passed,
        and in a leaf of 1 GiB. Else a walk that faults sets nothing. The architecture allows both.
    refs : list of TableRef, optional
        Every entry that is read is appended here.

    Returns
    -------
    TlbEntry
        The translation of the 4 KiB around `va`.

    Raises
    ------
    PageFault
        An entry is absent or malformed, or the access isn't permitted.

    References
    ----------
    Intel SDM volume 3A, sections 4.5 (4-level paging), 4.6 (access rights), 4.7 (page-fault
    exceptions), 4.8 (accessed and dirty flags).
    """
    rights = RW | US
    table = cpu.root
    above = []  # entries on the way whose A waits until the walk has succeeded
    for level in (4, 3, 2, 1):
        where = entry_address(table, va, level)
        entry = read_entry(ram, where)
        if refs is not None:
            refs.append(TableRef(level, where))
        if not entry & P:
            raise page_fault(cpu, va, kind, 0)
        if entry & (cpu.reserved | PS if level == 4 else cpu.reserved):
            raise page_fault(cpu, va, kind, ErrorCode.P | ErrorCode.RSVD)
        rights = rights & entry & (RW | US) | (rights | entry) & NX
        leaf = level == 1 or entry & PS
        if per_level and (level == 3 or not leaf):  # QEMU: at level 3 even if it is the leaf
            set_bits(ram, where, A)
        if leaf:
            break
        if not per_level:
            above.append(where)
        table = entry & ADDRESS
    if misaligned(level, entry):
        raise page_fault(cpu, va, kind, ErrorCode.P | ErrorCode.RSVD)
    if not permits(cpu, rights, kind):
        raise page_fault(cpu, va, kind, ErrorCode.P)
    for upper in above:
        set_bits(ram, upper, A)
    entry = set_bits(ram, where, A | D if kind == WRITE else A)
    inside = (1 << level_shift(level)) - 1
    frame = entry & ADDRESS & ~inside | va & inside
    return TlbEntry(va >> PAGE_SHIFT, frame >> PAGE_SHIFT, rights | entry & D, page_size(level))


class TlbLevel:
    """One level of the TLB: each set is a dictionary whose order of keys is the order of use."""

    def __init__(self, n_sets: int, n_ways: int) -> None:
        self.n_ways = n_ways
        self.sets: list[dict[int, TlbEntry]] = [{} for _ in range(n_sets)]

    def use(self, vpn: int) -> TlbEntry | None:
        """Find the entry of a page and make it the most recently used one."""
        ways = self.sets[vpn % len(self.sets)]
        entry = ways.pop(vpn, None)
        if entry is not None:
            ways[vpn] = entry
        return entry

    def put(self, entry: TlbEntry) -> None:
        """Make `entry` the most recently used one; in a full set the least recently used one goes."""
        ways = self.sets[entry.vpn % len(self.sets)]
        if ways.pop(entry.vpn, None) is None and len(ways) == self.n_ways:
            del ways[next(iter(ways))]
        ways[entry.vpn] = entry

    def drop(self, vpn: int) -> None:
        """Forget one page, if it is there."""
        self.sets[vpn % len(self.sets)].pop(vpn, None)

    def drop_pieces(self, vpn: int) -> None:
        """Forget every piece of a large page that covers page number `vpn`."""
        for ways in self.sets:
            for entry in list(ways.values()):
                n_pages = entry.page_size >> PAGE_SHIFT
                if entry.vpn // n_pages == vpn // n_pages:
                    del ways[entry.vpn]

    def clear(self) -> None:
        """Forget everything."""
        for ways in self.sets:
            ways.clear()

    def snapshot(self) -> tuple[tuple[TlbEntry, ...], ...]:
        """Return all sets, the most recently used entry of each first."""
        return tuple(tuple(reversed(ways.values())) for ways in self.sets)


class RefMmu:
    """The memory management unit of one emulated CPU: see `pyemu.hw.Mmu` for the contract."""

    twin: Literal["ref", "fast"] = "ref"

    def __init__(self, ram: Any, geometry: TlbGeometry, per_level: bool) -> None:
        self._ram = check.ram(ram)
        self._per_level = per_level
        self._cpu: Registers | None = None
        self._l1 = TlbLevel(geometry.l1_sets, geometry.l1_ways)
        self._stlb = TlbLevel(geometry.stlb_sets, geometry.stlb_ways)
        self._holds_large = False  # since the last flush: INVLPG must look for pieces in every set
        self._zero_counters()

    def _zero_counters(self) -> None:
        self._n_l1_hits = self._n_stlb_hits = self._n_walks = self._n_d_walks = 0
        self._n_accesses = self._n_faults = self._n_l1_misses = 0

    # -- what the kernel does to it ------------------------------------------------------------

    def load(self, cpu: Registers) -> None:
        """Load CR3 and the other registers; the TLB is flushed."""
        check.root(len(self._ram), cpu)
        self._cpu = cpu
        self._flush()

    def set_mode(self, cpl: int, ac: bool = False) -> None:
        """Change privilege level and EFLAGS.AC; the TLB stays."""
        cpu = self._loaded()
        self._cpu = Registers(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpl, ac, cpu.maxphyaddr)

    def invlpg(self, va: int) -> None:
        """Forget the translations of the page around `va`."""
        vpn = check.address(va) >> PAGE_SHIFT
        for level in (self._l1, self._stlb):
            level.drop(vpn)
            if self._holds_large:
                level.drop_pieces(vpn)

    def clear(self) -> None:
        """Forget all translations and counts; the registers stay."""
        self._flush()
        self._zero_counters()

    def _flush(self) -> None:
        self._l1.clear()
        self._stlb.clear()
        self._holds_large = False

    # -- what the processor does ---------------------------------------------------------------

    def access(self, va: int, kind: int | str, refs: list[TableRef] | None = None) -> Access:
        """Translate one access; raises the fault that the processor would raise."""
        return self._access(self._loaded(), check.address(va), check.kind(kind), refs)

    def _loaded(self) -> Registers:
        if self._cpu is None:
            raise check.not_loaded()
        return self._cpu

    def _access(self, cpu: Registers, va: int, kind: int, refs: list[TableRef] | None) -> Access:
        self._n_accesses += 1
        if not is_canonical(va):
            self._n_faults += 1
            raise GeneralProtection(va)
        vpn = va >> PAGE_SHIFT
        found = HitLevel.L1
        entry = self._look(cpu, self._l1, vpn, kind)
        if entry is not None:
            self._n_l1_hits += 1
        else:
            self._n_l1_misses += 1
            found = HitLevel.STLB
            entry = self._look(cpu, self._stlb, vpn, kind)
            if entry is not None:
                self._n_stlb_hits += 1
            else:
                self._n_walks += 1
                found = HitLevel.WALK
                entry = self._walk(cpu, va, kind, refs)
        if kind == WRITE and not entry.flags & D:
            self._n_d_walks += 1
            entry = self._walk(cpu, va, kind, refs)
            if found is HitLevel.STLB:
                self._stlb.put(entry)
        if found is HitLevel.WALK:
            self._stlb.put(entry)
        self._l1.put(entry)
        return Access(entry.pfn << PAGE_SHIFT | va & 0xFFF, entry.page_size, found)

    def _look(self, cpu: Registers, level: TlbLevel, vpn: int, kind: int) -> TlbEntry | None:
        """Find an entry that permits the access.

        One that doesn't is no hit, because it may be stale: the tables decide, and the walk replaces
        it or faults and drops it. So a kernel needs no flush after it has granted rights.
        """
        entry = level.use(vpn)
        return entry if entry is not None and permits(cpu, entry.flags, kind) else None

    def _walk(self, cpu: Registers, va: int, kind: int, refs: list[TableRef] | None) -> TlbEntry:
        try:
            entry = walk(self._ram, cpu, va, kind, self._per_level, refs)
        except PageFault:
            self._n_faults += 1
            self.invlpg(va)  # a page fault invalidates what is cached for its address
            raise
        self._holds_large |= entry.page_size > 1 << PAGE_SHIFT
        return entry

    def access_many(
        self, addresses: Any, kinds: Any, out: Any = None, *, quantum: int | None = None
    ) -> RefBatch:
        """Run a batch up to its first fault, its end or `quantum` accesses."""
        self._loaded()
        return RefBatch(self, addresses, kinds, out).resume(quantum)

    # -- what views and tests see --------------------------------------------------------------

    @property
    def stats(self) -> TlbStats:
        """The counters, as they stand now."""
        return TlbStats(
            accesses=self._n_accesses,
            l1_hits=self._n_l1_hits,
            l1_misses=self._n_l1_misses,
            stlb_hits=self._n_stlb_hits,
            stlb_misses=self._n_walks,
            walks=self._n_walks,
            d_walks=self._n_d_walks,
            faults=self._n_faults,
        )

    def tlb_entries(self) -> TlbSnapshot:
        """Return all cached translations, the most recently used of each set first."""
        return TlbSnapshot(self._l1.snapshot(), self._stlb.snapshot())


class RefBatch:
    """A batch of accesses and how far it got: see `pyemu.hw.Batch` for the contract."""

    def __init__(self, mmu: RefMmu, addresses: Any, kinds: Any, out: Any) -> None:
        self._mmu = mmu
        self._addresses: list[int] = check.addresses(addresses).tolist()
        self.n = len(self._addresses)
        whats = check.kinds(kinds, self.n)
        check.all_kinds(whats)
        self._kinds: list[int] = whats.tolist()
        self.pa: MutableSequence[int] = check.output(out, self.n, addresses)
        self.n_done = 0
        self.fault: HardwareFault | None = None

    @property
    def done(self) -> bool:
        """Whether every access has been made."""
        return self.n_done == self.n

    def resume(self, quantum: int | None = None) -> RefBatch:
        """Go on with the access that faulted, or with the next one."""
        mmu = self._mmu
        cpu = mmu._loaded()
        self.fault = None
        for i in range(self.n_done, self.n_done + check.quantum(quantum, self.n - self.n_done)):
            try:
                self.pa[i] = mmu._access(cpu, self._addresses[i], self._kinds[i], None).pa
            except HardwareFault as fault:
                self.fault = fault.with_traceback(None)
                break
            self.n_done = i + 1
        return self
