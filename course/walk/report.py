"""What ``faultlab walk`` prints and writes: a walk level by level, or all that a table maps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from course.checks.facts import plural
from course.explore.report import WIDTH, grid
from course.trace.report import bytes_of
from course.walk.listing import Listing
from course.walk.walk import Walk
from pyemu.hw import Registers, x86

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["listed", "listed_as_json", "walked", "walked_as_json"]


def walked(found: Walk, cpu: Registers) -> Iterator[str | Table]:
    """Give a walk: registers, an entry a level, and what becomes of the access."""
    yield f"{found.kind.name.lower()} of {found.va:#x} at CPL {cpu.cpl}"
    yield f"CR0 {cpu.cr0:#x}  CR3 {cpu.cr3:#x}  CR4 {cpu.cr4:#x}  EFER {cpu.efer:#x}\n"
    if found.steps:
        table = grid("Entries that the walk reads")
        for name in ("Table", "Index", "At", "Entry", "Leads to"):
            table.add_column(name, justify="left" if name == "Table" else "right")
        table.add_column("Bits", ratio=1)
        for step in found.steps:
            there = f"{step.entry & x86.ADDRESS:#x}" if step.entry & x86.P else "-"
            bits = " ".join(step.names) or "not present"
            table.add_row(step.table, str(step.index), f"{step.pa:#x}", f"{step.entry:#018x}", there, bits)
        yield table
    if found.page is not None:
        yield f"Physical address {found.page.pa:#x}, in a page of {bytes_of(found.page.page_size)}."
        if found.would_set:
            yield f"The access sets {', '.join(found.would_set)}."
    elif found.fault is not None:
        yield textwrap.fill(f"{found.fault}: {found.why}." if found.why else f"{found.fault}.", WIDTH)
    else:
        yield f"Not known: the table at {found.missing:#x} is not in the dump."


def walked_as_json(found: Walk, cpu: Registers) -> dict[str, Any]:
    """Give a walk as data."""
    fault = found.fault
    return {
        "va": found.va,
        "kind": found.kind.name.lower(),
        "cpu": {name: getattr(cpu, name) for name in ("cr0", "cr3", "cr4", "efer", "cpl", "maxphyaddr")},
        "steps": [asdict(step) | {"table": step.table, "bits": step.names} for step in found.steps],
        "pa": None if found.page is None else found.page.pa,
        "page_size": None if found.page is None else found.page.page_size,
        "would_set": found.would_set,
        "fault": None
        if fault is None
        else {
            "vector": fault.status >> 16,
            "error_code": getattr(fault, "error_code", 0),
            "cr2": getattr(fault, "cr2", None),
            "why": found.why,
        },
        "missing": found.missing,
    }


def listed(found: Listing) -> Iterator[str | Table]:
    """Give all that a table maps."""
    table = grid("Pages that are mapped: u or s (user, supervisor), rights at all levels, g (global)")
    table.add_column("From", no_wrap=True, justify="right")
    table.add_column("To", no_wrap=True, justify="right")
    for name in ("Pages", "Of", "Rights", "A", "D", "First frame"):
        table.add_column(name, justify="left" if name == "Rights" else "right")
    for one in found.ranges:
        table.add_row(
            *(f"{one.va:#x}", f"{one.end:#x}", f"{one.n_pages:,}", bytes_of(one.page_size), one.rights),
            *(f"{one.n_accessed:,}", f"{one.n_dirty:,}", f"{one.pa:#x}"),
        )
    yield table
    total = sum(one.end - one.va for one in found.ranges)
    yield (
        f"{plural(len(found.ranges), 'range')}, {plural(sum(one.n_pages for one in found.ranges), 'page')}, "
        f"{bytes_of(total)} in all; {plural(found.n_tables, 'table')}."
    )
    if found.missing:
        yield (
            f"Not in the dump: {plural(len(found.missing), 'table')}, the first at {found.missing[0]:#x}. "
            "What they map is not listed."
        )


def listed_as_json(found: Listing) -> dict[str, Any]:
    """Give the same as data."""
    return {
        "ranges": [asdict(one) | {"rights": one.rights, "n_pages": one.n_pages} for one in found.ranges],
        "n_tables": found.n_tables,
        "missing": found.missing,
    }
