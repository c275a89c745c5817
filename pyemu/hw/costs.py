"""What translation costs in cycles: a model, from a table of round numbers with their sources.

A real processor overlaps walks with other work and with each other; this ledger adds everything up. So
it compares two runs, and tells which part is large, but does not predict a time.

Examples
--------
>>> from pyemu.hw import Registers, make_mmu, x86
>>> ram, tables = bytearray(8 * 4096), iter((0x2000, 0x3000, 0x4000))
>>> leaf = x86.map_page(ram, 0x1000, 0x5000, 0x9000, x86.P | x86.US, tables.__next__)
>>> mmu = make_mmu(ram)
>>> mmu.load(Registers(cr0=x86.CR0_WP, cr3=0x1000, cr4=0, efer=x86.EFER_NXE, cpl=3))
>>> batch = mmu.access_many([0x5000] * 10, "read")
>>> print(ledger(mmu.stats))
              n     each    cycles
L1 hits       9        0         0
L2 hits       0        9         0
table reads   4       12        48
faults        0     1000         0
flushes       1      200       200
invalidations 0      200         0
total                          248
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple

from pyemu.hw import check
from pyemu.hw.tlb import TlbStats


@dataclass(frozen=True, slots=True)
class Costs:
    """Cycles of each event; any integers from 0. `SOURCES` says where the defaults come from."""

    l1_hit: int = 0
    l2_hit: int = 9
    table_read: int = 12
    fault: int = 1000
    flush: int = 200
    invalidation: int = 200
    ipi: int = 1000
    acknowledgement: int = 1000

    def __post_init__(self) -> None:
        """Check every value."""
        for field in fields(self):
            check.integer(field.name, getattr(self, field.name), 0, 1 << 32)


SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "l1_hit": "by definition: it is looked up while the data cache is indexed",
        "l2_hit": "Linux tools/perf, metric tma_dtlb_load of Intel Skylake: 9 cycles for each "
        "DTLB_LOAD_MISSES.STLB_HIT (Haswell: 8)",
        "table_read": "Intel Optimization Reference Manual, caches of Skylake: 12 cycles from the L2 "
        "data cache (4 from L1, 44 from L3); that tables are found in L2 is an assumption",
        "fault": "assumption: entry to the kernel and return, without the work of the handler",
        "flush": "assumption: one serialising instruction",
        "invalidation": "assumption: one serialising instruction",
        "ipi": "order of magnitude: a shootdown takes microseconds (M. Kumar et al., LATR, ASPLOS 2018)",
        "acknowledgement": "order of magnitude, as for ipi",
    }
)
"""For each field of `Costs`, where its default comes from."""


class Item(NamedTuple):
    """One line of a ledger."""

    what: str
    n: int
    each: int
    """Cycles of one."""

    @property
    def cycles(self) -> int:
        """Cycles of all."""
        return self.n * self.each


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the cycles went."""

    items: tuple[Item, ...]

    @property
    def total(self) -> int:
        """All cycles."""
        return sum(item.cycles for item in self.items)

    def __str__(self) -> str:
        width = max(13, *(len(item.what) for item in self.items))
        digits = max(1, *(len(str(item.n)) for item in self.items))
        lines = [f"{'':{width}} {'n':>{digits}} {'each':>8} {'cycles':>9}"]
        lines += [
            f"{item.what:{width}} {item.n:>{digits}} {item.each:>8} {item.cycles:>9}" for item in self.items
        ]
        lines.append(f"{'total':{width}} {'':{digits}} {'':8} {self.total:>9}")
        return "\n".join(lines)


def ledger(stats: TlbStats, costs: Costs | None = None, *, n_ipis: int = 0, n_acks: int = 0) -> Ledger:
    """Add up what an MMU did.

    Parameters
    ----------
    stats : TlbStats
        What it counted.
    costs : Costs, optional
        Cycles of each event; the documented defaults if absent.
    n_ipis, n_acks : int
        Interrupts for shootdowns that this CPU sent, and handled: see `pyemu.hw.smp`.

    Returns
    -------
    Ledger
        One item for each sort of event.
    """
    costs = costs or Costs()
    items = [
        Item("L1 hits", stats.l1_hits, costs.l1_hit),
        Item("L2 hits", stats.l2_hits, costs.l2_hit),
        Item("table reads", sum(stats.walk_refs), costs.table_read),
        Item("faults", stats.faults, costs.fault),
        Item("flushes", stats.flushes, costs.flush),
        Item("invalidations", stats.invalidations, costs.invalidation),
    ]
    if n_ipis or n_acks:
        items += [
            Item("IPIs sent", n_ipis, costs.ipi),
            Item("IPIs handled", n_acks, costs.acknowledgement),
        ]
    return Ledger(tuple(items))
