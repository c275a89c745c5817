"""What ``faultlab trace`` prints: where a trace comes from, its pages, TLB misses, curves as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from course.checks.facts import plural
from course.explore.report import grid
from pyemu.memtrace import Memtrace, Totals
from pyemu.memtrace.pages import PageCounts

if TYPE_CHECKING:
    from rich.table import Table

    from course.trace.curve import Curves
    from course.trace.run import Ran

__all__ = ["bytes_of", "counts", "curves", "head", "ran", "shown", "shown_as_json", "title"]

N_TOP = 10
"""Pages that are listed."""
BARS = " ▁▂▃▄▅▆▇█"
SHADES = " ░▒▓█"


def counts(totals: Totals) -> str:
    """Give the accesses of a trace, by kind, in a line."""
    return (
        f"{totals.n:,} accesses: {totals.n_fetches:,} fetches, {totals.n_reads:,} reads, "
        f"{totals.n_writes:,} writes"
    )


def head(trace: Memtrace) -> str:
    """Tell where a trace comes from."""
    header, totals = trace.header, trace.totals
    recorded = f"  recorded {header.date or 'at an unknown date'} by {header.tool or 'an unknown tool'}"
    return "\n".join(
        [
            f"{trace.path.name}: {shlex.join(header.command) or 'an unknown command'}",
            recorded + (f"; {totals.ended}" if totals.ended else ""),
            f"  {counts(totals)}",
        ]
    )


def title(trace: Memtrace) -> str:
    """Name a trace in a line."""
    return f"{trace.totals.n:,} accesses of {shlex.join(trace.header.command) or trace.path.name}"


def shown(trace: Memtrace, pages: PageCounts) -> Iterator[str | Table]:
    """Give header, regions and the pages with most accesses."""
    yield f"{head(trace)}\n"
    size = bytes_of(pages.page_size)
    table = _counting(f"{plural(len(pages.pages), 'page')} of {size}, by region", "From", "To", "Pages")
    for one in pages.regions():
        table.add_row(
            *(f"{one.start:#x}", f"{one.stop:#x}", f"{one.n_pages:,}"),
            *(f"{n:,}" for n in (one.n_fetches, one.n_reads, one.n_writes)),
        )
    yield table
    total = pages.counts.sum(axis=1)
    table = _counting(f"Pages with most accesses of {trace.totals.n:,}", "Page", "Share")
    for i in np.argsort(-total, kind="stable")[:N_TOP].tolist():
        reads, writes, fetches = pages.counts[i].tolist()
        address = int(pages.pages[i]) * pages.page_size
        share = f"{total[i] / trace.totals.n:.1%}"
        table.add_row(f"{address:#x}", share, *(f"{n:,}" for n in (fetches, reads, writes)))
    yield table


def shown_as_json(trace: Memtrace, pages: PageCounts) -> dict[str, Any]:
    """Give the same as data, with every page."""
    return {
        "header": asdict(trace.header),
        "totals": asdict(trace.totals),
        "page_size": pages.page_size,
        "regions": [asdict(one) for one in pages.regions()],
        "pages": [
            {"va": page * pages.page_size} | dict(zip(("n_reads", "n_writes", "n_fetches"), n, strict=True))
            for page, n in zip(pages.pages.tolist(), pages.counts.tolist(), strict=True)
        ],
    }


def ran(trace: Memtrace, results: Sequence[Ran]) -> Iterator[str | Table]:
    """Give what a trace did to some TLBs."""
    yield f"{head(trace)}\n"
    table = grid("Translations")
    table.add_column("")
    for one in results:
        table.add_column(f"{one.name}\npages of {bytes_of(one.page_size)}", justify="right")
    n = trace.totals.n
    for name, value in {
        "pages mapped": lambda one: f"{one.n_pages:,}",
        "tables": lambda one: f"{one.n_tables:,}",
        "first level: hits": lambda one: f"{one.stats.l1_hits:,}",
        "first level: misses": lambda one: _share(one.stats.l1_misses, n),
        "second level: hits": lambda one: f"{one.stats.l2_hits:,}",
        "second level: misses, walks": lambda one: _share(one.stats.walks, n),
        "walks to set D": lambda one: f"{one.stats.d_walks:,}",
        "table entries read": lambda one: f"{one.n_refs:,}",
        "the same, each 1,000 accesses": lambda one: f"{1000 * one.n_refs / max(n, 1):.2f}",
        "cost in cycles, by a model": lambda one: f"{one.cost.total:,}",
    }.items():
        table.add_row(name, *map(value, results))
    yield table
    yield "The model adds up round numbers (pyemu.hw.costs): it compares runs, and predicts no time."


def curves(trace: Memtrace, found: Curves) -> Iterator[str | Table]:
    """Give the curves of a trace as tables and pictures of letters."""
    yield f"{head(trace)}\n"
    size = bytes_of(found.page_size)
    table = grid(f"Misses of a fully associative TLB with true LRU, pages of {size}")
    for name in ("Entries", "Reach", *found.reuses):
        table.add_column(name, justify="right")
    for n in found.entries:
        row = [
            _share(int(reuse.misses(n)[n]), reuse.n) if reuse.n else "-" for reuse in found.reuses.values()
        ]
        table.add_row(f"{n:,}", bytes_of(n * found.page_size), *row)
    yield table
    whole = found.whole
    yield (
        f"Misses that remain are first accesses: {plural(whole.n_pages, 'page')}. "
        f"A reach of {bytes_of(whole.n_pages * found.page_size)} holds all.\n"
    )
    table = grid("Working set: pages used in the last tau accesses, on the average")
    for name in ("Tau", "Pages", "Size"):
        table.add_column(name, justify="right")
    for tau, n_pages in found.working_sets():
        table.add_row(f"{tau:,}", f"{n_pages:,.1f}", bytes_of(round(n_pages * found.page_size)))
    yield table
    windows = whole.windows
    yield f"Pages used in each {whole.window:,} accesses, up to {windows.max(initial=0):,}:"
    yield f"  |{_bars(windows)}|\n"
    yield f"First accesses (faults, if pages are mapped on demand), time to the right, {size} pages:"
    yield from _heat(found)


def bytes_of(n: int) -> str:
    """Give a number of bytes in the largest unit that fits."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if n >= size:
            return f"{n / size:.4g} {unit}"
    return f"{n} B"


def _share(n: int, total: int) -> str:
    return f"{n:,} ({n / max(total, 1):.3%})"


def _counting(title: str, *names: str) -> Table:
    table = grid(title)
    for name in (*names, "Fetches", "Reads", "Writes"):
        table.add_column(name, justify="right")
    return table


def _bars(values: np.ndarray[Any, Any]) -> str:
    scaled = -(-values * (len(BARS) - 1) // max(values.max(initial=0), 1))
    return "".join(BARS[int(value)] for value in scaled)


def _heat(found: Curves) -> Iterator[str]:
    """Draw first accesses: a line for a piece of a region, a column for a piece of time."""
    heat = found.heat()
    top = heat.counts.max(initial=0)
    for start, row in zip(heat.starts, heat.counts, strict=True):
        # Any fault shows; the darkest is the most in one place.
        shades = -(-row * (len(SHADES) - 1) // max(top, 1))
        yield f"  {start:#14x} |{''.join(SHADES[int(shade)] for shade in shades)}| {row.sum():,}"
