"""The fault handler of bulk runs: what Linux does about anonymous memory, and nothing else.

It makes the decisions of `pyemu.kernel` (fault, memory, cow) in the same order, so that frames, entries,
counts and TLB end up the same; but one task runs alone, so nothing is locked, looked up twice or waited for.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from pyemu.hw import check
from pyemu.hw.anon import AnonArea, BulkResult, Frames, Stop
from pyemu.hw.bits import ADDRESS, PAGE_SHIFT, PS, RW, US, A, D, ErrorCode, Kind, P
from pyemu.hw.faults import HardwareFault, PageFault
from pyemu.hw.ref.mmu import RefMmu, x86_of
from pyemu.hw.tables import entry_address, read_entry, write_entry

TABLE = P | RW | US | A
"""Bits of an entry that names a table. A is set from the start, as Linux does it."""


class Handler:
    """What serves the faults of one run."""

    def __init__(self, mmu: RefMmu, areas: tuple[AnonArea, ...], frames: Frames) -> None:
        registers = x86_of("run_bulk", mmu.loaded())
        check.user_mode("run_bulk", registers)
        frames.check(len(mmu.ram))
        self.mmu = mmu
        self.ram = mmu.ram
        self.root, self.levels = registers.root, registers.levels
        self.areas = areas
        self.ends = [area.end for area in areas]
        self.frames = frames
        self.n_faults = self.n_zero_maps = self.n_zero_fills = 0
        self.n_zero_copies = self.n_copies = self.n_reuses = self.n_tables = 0

    def handle(self, fault: HardwareFault) -> Stop:
        """Serve a fault, or say what stops the run."""
        if not isinstance(fault, PageFault):
            return Stop.GENERAL_PROTECTION
        self.n_faults += 1
        va, write = fault.cr2, bool(fault.error_code & ErrorCode.W)
        number = bisect_right(self.ends, va)  # the first area that ends above the address
        if number == len(self.areas) or self.areas[number].start > va:
            return Stop.SEGV_MAPERR
        area = self.areas[number]
        if not area.writable if write else fault.error_code & ErrorCode.P or not area.readable:
            return Stop.SEGV_ACCERR
        return self.handle_pte_fault(va, write)

    def handle_pte_fault(self, va: int, write: bool) -> Stop:
        """Choose by the page-table entry: missing, or there and read-only."""
        table = self.root
        for level in range(self.levels, 0, -1):
            where = entry_address(table, va, level)
            if where + 8 > len(self.ram):
                return Stop.FOREIGN
            entry = read_entry(self.ram, where)
            if not (entry if level == 1 else entry & P):
                return self.do_anonymous_page(va, write, where, level)
            if level > 1 and entry & PS:
                return Stop.FOREIGN
            table = entry & ADDRESS
        if not write or not entry & P or entry & RW:
            return Stop.FOREIGN
        return self.do_wp_page(va, where, entry)

    def do_anonymous_page(self, va: int, write: bool, where: int, level: int) -> Stop:
        """Map the zero page for a read, a fresh page for a write; `where` is the first entry missing."""
        if self.frames.n_left < level - 1 + write:
            return Stop.OUT_OF_FRAMES
        pfn = self.frames.alloc_page(self.ram) if write else self.frames.zero_pfn
        for lower in range(level - 1, 0, -1):
            table = self.frames.take_frame(self.ram) << PAGE_SHIFT
            write_entry(self.ram, where, table | TABLE)
            where = entry_address(table, va, lower)
            self.n_tables += 1
        if write:
            self.n_zero_fills += 1
            self.frames.mapcount[pfn] += 1
            write_entry(self.ram, where, pfn << PAGE_SHIFT | P | US | RW | D)
        else:
            self.n_zero_maps += 1
            write_entry(self.ram, where, pfn << PAGE_SHIFT | P | US)
        return Stop.NONE

    def do_wp_page(self, va: int, where: int, entry: int) -> Stop:
        """Serve a write to a read-only page: by that page if nobody else maps it, else by a copy."""
        pfn, frames = (entry & ADDRESS) >> PAGE_SHIFT, self.frames
        if pfn == frames.zero_pfn:
            return self.wp_page_copy(va, where, None)
        if pfn >= frames.end or not 0 < frames.mapcount[pfn] <= frames.refcount[pfn]:
            return Stop.FOREIGN
        if frames.mapcount[pfn] != 1:
            return self.wp_page_copy(va, where, pfn)
        self.n_reuses += 1
        write_entry(self.ram, where, entry | RW | A | D)
        return Stop.NONE

    def wp_page_copy(self, va: int, where: int, source: int | None) -> Stop:
        """Map a fresh page: a copy of `source`, or zeros instead of the zero page."""
        frames, ram = self.frames, self.ram
        if not frames.n_left:
            return Stop.OUT_OF_FRAMES
        pfn = frames.alloc_page(ram)
        if source is None:
            self.n_zero_copies += 1
        else:
            self.n_copies += 1
            ram[page_bytes(pfn)] = ram[page_bytes(source)]
            frames.refcount[source] -= 1
            frames.mapcount[source] -= 1
        frames.mapcount[pfn] += 1
        write_entry(ram, where, pfn << PAGE_SHIFT | P | US | RW | A | D)
        self.mmu.invlpg(va)
        return Stop.NONE


def page_bytes(pfn: int) -> slice:
    """Give the place of a frame in RAM."""
    return slice(pfn << PAGE_SHIFT, pfn + 1 << PAGE_SHIFT)


def run_bulk(
    mmu: RefMmu,
    addresses: Any,
    kinds: Any,
    out: Any,
    values: Any,
    areas: tuple[AnonArea, ...],
    frames: Frames,
) -> BulkResult:
    """Make accesses, serve faults, store what is written: see `pyemu.hw.bulk.run_bulk`."""
    handler = Handler(mmu, areas, frames)
    batch = mmu.access_many(addresses, kinds, out)
    stop, n_stored, faulted = Stop.NONE, 0, -1
    while True:
        if values is not None:
            store(mmu.ram, out, kinds, values, n_stored, batch.n_done)
            n_stored = batch.n_done
        if batch.fault is None:
            break
        # A fault that was served doesn't come back, unless the tables are none that this handler makes.
        stop = Stop.FOREIGN if batch.n_done == faulted else handler.handle(batch.fault)
        if stop:
            break
        faulted = batch.n_done
        batch.resume()
    return BulkResult(
        n=batch.n,
        n_done=batch.n_done,
        stop=stop,
        pa=out,
        n_faults=handler.n_faults,
        n_zero_maps=handler.n_zero_maps,
        n_zero_fills=handler.n_zero_fills,
        n_zero_copies=handler.n_zero_copies,
        n_copies=handler.n_copies,
        n_reuses=handler.n_reuses,
        n_tables=handler.n_tables,
    )


def store(ram: Any, pa: Any, kinds: Any, values: Any, first: int, end: int) -> None:
    """Store the bytes that accesses from `first` to `end` wrote; beyond RAM nothing keeps them."""
    for i in range(first, end):
        if kinds[i] == Kind.WRITE and pa[i] < len(ram):
            ram[int(pa[i])] = values[i]
