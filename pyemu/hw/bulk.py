"""Demand-zero and copy-on-write faults in bulk: a trace of accesses with a kernel that does nothing else.

`pyemu.kernel` serves a fault step by step: coroutines, locks, events, as lessons about the fault path need
them. Lessons about performance need millions of faults. Here one task accesses private anonymous memory, and
the fault handler is a function between two runs of the access loop; in the compiled twin it is C, too, and
the whole trace runs without the GIL. RAM, TLB and counters end up as `pyemu.kernel` on tree v5_7 leaves
them::

    access loop --fault--> area? --no--> SIGSEGV
         ^                  |
         |                  entry is missing:  read   the zero page, read-only
         |                                     write  a fresh page of zeros
         |                  entry is read-only:       nobody else maps the page: make it writable
         +-----retry------- and a write faulted:      else a copy (of the zero page: zeros)

What is simpler than Linux: frames run out at once, without reclaim; no huge pages; no swap, so no fault is
major.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyemu.errors import HardwareError
from pyemu.hw import check, twins
from pyemu.hw.anon import AnonArea, BulkResult, Frames, Stop, in_order
from pyemu.hw.bits import ADDRESS, PAGE_SHIFT, PAGE_SIZE, RW, P
from pyemu.hw.mmu import Mmu
from pyemu.hw.ref import RefMmu
from pyemu.hw.ref import bulk as ref_bulk
from pyemu.hw.tables import leaf_address, map_page, read_entry, write_entry

__all__ = ["AnonArea", "BulkResult", "Frames", "Stop", "copy_page_range", "run_bulk"]


def run_bulk(
    mmu: Mmu,
    addresses: Any,
    kinds: Any,
    *,
    areas: Iterable[AnonArea],
    frames: Frames,
    values: Any = None,
    out: Any = None,
) -> BulkResult:
    """Make a trace of accesses and serve its faults, up to the first one that ends in a signal.

    Parameters
    ----------
    mmu : Mmu
        With registers of x86-64 in user mode. Its RAM and tables are changed, and its twin does the work.
    addresses : array of uint64, shape (n,), or iterable of int
        Virtual addresses.
    kinds : array of uint8, shape (n,), or iterable of kinds, or one kind for all
        What each access does.
    areas : iterable of AnonArea
        What may be accessed; they don't overlap.
    frames : Frames
        Where pages and tables come from. Changed: a next run goes on with it.
    values : array of uint8, shape (n,), or iterable of int, or one for all, optional
        The byte that each write stores. Absent: nothing is stored, and pages keep their zeros.
    out : array of uint64, shape (n,), optional
        Where the physical addresses go; as for `Mmu.access_many`.

    Returns
    -------
    BulkResult
        How far it got, what was served, and why it stopped.

    Raises
    ------
    HardwareError
        The call is wrong; no access was made.

    References
    ----------
    Linux v5.7: mm/memory.c, do_anonymous_page, do_wp_page, wp_page_copy; mm/swapfile.c, reuse_swap_page.

    Examples
    --------
    >>> from pyemu.hw import Registers, make_mmu, x86
    >>> mmu = make_mmu(bytearray(64 << 12))
    >>> mmu.load(Registers(cr0=x86.CR0_WP, cr3=0x2000, cr4=0, efer=x86.EFER_NXE, cpl=3))
    >>> frames = Frames(first=3, end=64)  # frame 1 is the zero page, frame 2 the top table
    >>> done = run_bulk(
    ...     mmu, [0x5000, 0x5008, 0x6000, 0x9000], ["read", "write", "write", "read"],
    ...     areas=[AnonArea(0x5000, 0x8000)], frames=frames,
    ... )
    >>> done.n_done, done.stop.name, done.min_flt, done.n_zero_copies, done.n_tables, done.rss
    (3, 'SEGV_MAPERR', 3, 1, 3, 2)
    """
    ordered = in_order(areas)
    if not isinstance(frames, Frames):
        raise check.BadTypeError(f"frames is {frames!r}; it must be a pyemu.hw.bulk.Frames")
    vas = check.addresses(addresses)
    whats = check.kinds(kinds, len(vas))
    pas = check.output(out, len(vas), addresses)
    stored = check.values(values, len(vas))
    if isinstance(mmu, RefMmu):
        return ref_bulk.run_bulk(mmu, vas, whats, pas, stored, ordered, frames)
    if twins.COMPILED and isinstance(mmu, twins.fast().FastMmu):
        done: BulkResult = twins.fast().run_bulk(mmu, vas, whats, pas, stored, ordered, frames)
        return done
    raise check.BadTypeError(f"mmu is {mmu!r}; it must be what pyemu.hw.make_mmu gives")


def copy_page_range(ram: Any, root: int, child: int, areas: Iterable[AnonArea], frames: Frames) -> int:
    """Share the pages of areas with a child, as fork does: read-only in both tables, until somebody writes.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Emulated RAM.
    root, child : int
        Physical addresses of two top tables of 4 levels; the child's has nothing in these areas.
    areas : iterable of AnonArea
        What is shared. An area whose pages are all missing or the zero page is left out, as in Linux.
    frames : Frames
        Counts the users of the pages, and gives the child's tables.

    Returns
    -------
    int
        Entries that were copied. MMUs may have the old ones cached: load their registers again.

    Raises
    ------
    HardwareError
        An argument is wrong, or no frame is left for a table; what was copied before stays.

    References
    ----------
    Linux v5.7, mm/memory.c, copy_page_range and copy_one_pte.
    """
    view = check.ram(ram)
    for name, table in (("root", root), ("child", child)):
        check.integer(name, table, 0, len(view) - PAGE_SIZE)
    frames.check(len(view))

    def alloc_table() -> int:
        if not frames.n_left:
            raise HardwareError("no frame is left for a table of the child; give Frames a higher end")
        return frames.take_frame(view) << PAGE_SHIFT

    n_copied = 0
    for area in in_order(areas):
        places = [(va, leaf_address(view, root, va)) for va in range(area.start, area.end, PAGE_SIZE)]
        entries = [(va, at, read_entry(view, at)) for va, at in places if at is not None]
        if not any(frames.counts(entry) for _, _, entry in entries):
            continue
        for va, at, entry in entries:
            if not entry & P:
                continue
            if frames.counts(entry):
                frames.refcount[(entry & ADDRESS) >> PAGE_SHIFT] += 1
                frames.mapcount[(entry & ADDRESS) >> PAGE_SHIFT] += 1
            write_entry(view, at, entry & ~RW)
            flags = entry & ~(ADDRESS | RW)
            map_page(view, child, va, entry & ADDRESS, flags, alloc_table, table_flags=ref_bulk.TABLE)
            n_copied += 1
    return n_copied
