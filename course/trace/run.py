"""Run a trace through the emulated MMU, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tqdm import tqdm

from pyemu.errors import FaultlabError
from pyemu.hw import TlbArray, TlbConfig, TlbStats, make_mmu
from pyemu.hw.costs import Ledger, ledger
from pyemu.hw.presets import PRESETS
from pyemu.memtrace import Memtrace
from pyemu.memtrace.files import Chunk
from pyemu.memtrace.pages import mapped, touched

__all__ = ["Ran", "page_size", "run", "tlb_named", "watched"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a trace did to a TLB."""

    name: str
    """The TLB, as it was asked for."""
    tlb: TlbConfig
    page_size: int
    n_pages: int
    """Pages that were touched and mapped."""
    n_tables: int
    """Tables that map them."""
    stats: TlbStats

    @property
    def n_refs(self) -> int:
        """Table entries that the walks read."""
        return sum(self.stats.walk_refs)

    @property
    def cost(self) -> Ledger:
        """What it costs in cycles, by the model of `pyemu.hw.costs`."""
        return ledger(self.stats)

    def as_json(self) -> dict[str, Any]:
        """Give it as data."""
        return asdict(self) | {"n_refs": self.n_refs, "cycles": self.cost.total}


def run(trace: Memtrace, name: str, size: int) -> Ran:
    """Map every page that a trace touches, and make all its accesses in user mode.

    Parameters
    ----------
    trace : Memtrace
        Is read twice: for its pages, and to be run.
    name : str
        The TLB, as `tlb_named` reads it.
    size : int
        Bytes of a page: 4096 or 2 MiB.
    """
    tlb = tlb_named(name, size)
    pages = touched(watched(trace, "pages"), size)
    machine = mapped(pages, size)
    mmu = make_mmu(machine.ram, tlb=tlb)
    mmu.load(machine.cpu)
    for chunk in watched(trace, "run"):
        batch = mmu.access_many(chunk.addresses, chunk.kinds)
        if not batch.done:
            raise RuntimeError(f"an access to a mapped page faulted: {batch.fault}")
    return Ran(name, tlb, size, len(pages), machine.n_tables, mmu.stats)


def watched(trace: Memtrace, what: str) -> Iterator[Chunk]:
    """Read the chunks of a trace, with progress on a terminal."""
    total = trace.totals.n
    with tqdm(
        total=total,
        desc=what,
        unit=" accesses",
        unit_scale=True,
        leave=False,
        disable=None,  # a terminal
    ) as bar:
        for chunk in trace.chunks():
            yield chunk
            bar.update(len(chunk.kinds))


def tlb_named(text: str, size: int) -> TlbConfig:
    """Read a TLB: a processor's name, or ``SETSxWAYS`` of one level or of two.

    Parameters
    ----------
    text : str
        Such as ``skylake``, ``1x64`` (fully associative) or ``16x4,128x12``.
    size : int
        The size of the pages that given arrays hold. A processor's arrays hold what they hold.

    Raises
    ------
    FaultlabError
        It is neither, or a number is out of range.
    """
    if text in PRESETS:
        return PRESETS[text].config
    parts = [part.split("x") for part in text.split(",")]
    if len(parts) > 2 or not all(len(part) == 2 and all(n.isdecimal() for n in part) for part in parts):
        raise FaultlabError(
            f"--tlb {text}: give sets and ways of one level or two, as 1x64 or 16x4,128x12, or a processor: "
            f"{', '.join(sorted(PRESETS))}."
        )
    l1, *l2 = (TlbArray(int(n_sets), int(n_ways), (size,)) for n_sets, n_ways in parts)
    return TlbConfig((l1,), tuple(l2))


def page_size(text: str) -> int:
    """Read a size of pages."""
    sizes = {"4K": 4096, "2M": 1 << 21}
    if text.upper() not in sizes:
        raise FaultlabError(f"--pages {text}: it must be {' or '.join(sizes)}.")
    return sizes[text.upper()]
