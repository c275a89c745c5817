"""The cases of exercise H1: accesses on tables that a seed draws, by the learner's walk and the processor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from course.checks.call_case import CallCase, CallRun
from course.checks.draw import Draw
from course.checks.h01_tables import ROOT, Tables
from course.child_functions import Answers
from course.paging.own_access import Outcome, Request, learners, processors
from pyemu.hw import x86
from pyemu.hw.tables import path

__all__ = ["LETTERS", "Seen", "addresses", "codes", "marks", "rights", "seen_in", "sizes"]

LETTERS = (
    "Letters in brackets are the bits of the entries, from level 4 down: P, W (RW), U (US), N (NX), S (PS)."
)
NO_ADDRESS = x86.NX | 1 << 58 | x86.G
"""Bits of an entry that belong to no address, and matter for no read."""
Way = tuple[str, bool, bool]
"""Kind, user mode, CR0.WP."""
USER: tuple[Way, ...] = (("read", True, True), ("write", True, True), ("fetch", True, True))
WRITES: tuple[Way, ...] = (("write", False, True), ("write", False, False))
"""The kernel's, with WP set and clear."""
ASKED: tuple[tuple[int, int, tuple[Way, ...]], ...] = (
    (0, x86.US, (*USER, ("read", False, True))),
    (0, x86.RW, (*USER[:2], ("write", True, False), *WRITES)),
    (x86.NX, 0, (*USER[1:], ("fetch", False, True))),
)
"""Bits that are set and cleared to take a right away, and the accesses that are then made."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One access of a case.

    Attributes
    ----------
    request : Request
        The access.
    right, mine : Outcome
        What the processor and the learner's walk make of it.
    reads : tuple of int
        Where the learner's walk read entries.
    path : tuple of int
        The entries before, from level 4 down, as far as they are present.
    """

    request: Request
    right: Outcome
    mine: Outcome
    reads: tuple[int, ...]
    path: tuple[int, ...]


def case(
    name: str, happens: str, tables: Tables, requests: list[Request], shown: Callable[[Outcome], str]
) -> CallCase:
    """Make a case of accesses; `shown` gives what is compared of their outcomes."""
    names = [f"{one.words} [{tables.entries(one.va)}]" for one in requests]
    wanted = {
        name: shown(processors(tables.ram, ROOT, one)) for name, one in zip(names, requests, strict=True)
    }
    return CallCase(
        name, f"{happens} {LETTERS}", partial(look, tables.ram, requests, names, shown), wanted, said=said
    )


def look(
    ram: bytearray,
    requests: list[Request],
    names: list[str],
    shown: Callable[[Outcome], str],
    answers: Answers,
) -> dict[str, Any]:
    """Let the learner's walk make the accesses."""
    walk = partial(answers.call, "walk")
    cpu = x86.Registers(cr0=0, cr3=ROOT, cr4=0, efer=0, cpl=3)
    seen, found = [], {}
    for name, request in zip(names, requests, strict=True):
        mine, reads = learners(walk, ram, ROOT, request)
        before = tuple(entry for _, entry in path(ram, cpu, request.va))
        seen.append(Seen(request, processors(ram, ROOT, request), mine, reads, before))
        found[name] = shown(mine)
    return found | {"seen": seen}


def said(name: str, value: Any) -> str:
    """Say an outcome in words."""
    return f"{name}: {value}"


def seen_in(run: CallRun) -> list[Seen]:
    """Give the accesses of a run."""
    seen: list[Seen] = run.mine["seen"]
    return seen


# -- what is compared ----------------------------------------------------------------------------


def where(outcome: Outcome) -> str:
    """The physical address, or the fault without its numbers."""
    return outcome.kind if outcome.pa is None else f"{outcome.pa:#x}"


def whether(outcome: Outcome) -> str:
    """Whether it is translated."""
    return outcome.kind


def exactly(outcome: Outcome) -> str:
    """The fault with its numbers, or that there is none."""
    return outcome.words if outcome.fault else "translated"


def left(outcome: Outcome) -> str:
    """A and D of each entry; after a fault D alone, since a walk that faults may have set A."""
    if outcome.stray:
        return "an entry that the walk does not use was changed"
    if outcome.fault:
        dirty = any(entry & x86.D for entry in outcome.entries)
        return f"{outcome.kind}, {'D set' if dirty else 'no D'}"
    bits = ("".join(name for name in "AD" if entry & getattr(x86, name)) or "-" for entry in outcome.entries)
    return " ".join(bits)


# -- the accesses --------------------------------------------------------------------------------


def addresses(draw: Draw) -> tuple[CallCase, ...]:
    """Pages of 4 KiB, bits that are no address, missing pages, and addresses that are not canonical."""
    tables = Tables(draw)
    requests = [Request(tables.map(), kind) for kind in ("read", "write", "fetch", "read", "write", "read")]
    requests += [Request(tables.map(change={level: (NO_ADDRESS, 0)}), "read") for level in (3, 1)]
    requests += [Request(tables.map(change={level: (0, x86.P)}), "read") for level in (4, 3, 2, 1)]
    requests += [Request(tables.place() ^ 1 << bit, "read") for bit in (63, 48, 55)]
    happens = "Pages of 4 KiB that grant everything, missing ones, and addresses that are not canonical."
    return (case("addresses", happens, tables, requests, where),)


def sizes(draw: Draw) -> tuple[CallCase, ...]:
    """Pages of 2 MiB and 1 GiB, and one of 4 KiB whose bit 7 is PAT."""
    tables = Tables(draw)
    pages = [tables.map(level) for level in (2, 2, 3, 3)]
    pages += [tables.map(1, {1: (x86.PAT_4K, 0)}), tables.map(2, {2: (NO_ADDRESS, 0)})]
    requests = [Request(va, kind) for va in pages for kind in ("read", "write")]
    happens = "Pages of 2 MiB and 1 GiB, and one of 4 KiB whose bit 7 is set."
    return (case("page sizes", happens, tables, requests, where),)


def rights(draw: Draw) -> tuple[CallCase, ...]:
    """A right that is missing at one level, or at two of them drawn by the seed, asked in every way."""
    tables = Tables(draw)
    requests = [Request(tables.map(), *way) for way in (*USER, *WRITES)]
    for set_bits, clear, ways in ASKED:
        pages = [tables.map(change={level: (set_bits, clear)}) for level in (4, 3, 2, 1)]
        pages.append(tables.map(2, {draw(f"large {set_bits | clear:#x}", (4, 3, 2)): (set_bits, clear)}))
        requests += [Request(va, *way) for va in pages for way in ways]
    first, second = draw("two", ((4, 1), (3, 2), (4, 2), (2, 1)))
    both = tables.map(change={first: (0, x86.RW), second: (x86.NX, 0)})
    requests += [Request(both, *way) for way in (*USER, *WRITES)]
    happens = "Pages where one level says no, asked by program and kernel, with CR0.WP set and clear."
    return (case("rights", happens, tables, requests, whether),)


def codes(draw: Draw) -> tuple[CallCase, ...]:
    """Faults for every reason: a missing entry, a right, a reserved bit."""
    tables = Tables(draw)
    high = 1 << draw("reserved", range(40, 52))
    pages = [
        tables.map(change={draw("missing", (1, 2, 3, 4)): (0, x86.P)}),
        tables.map(change={1: (x86.NX, x86.US | x86.RW)}),
        tables.map(),
        tables.map(change={draw("level", (1, 2, 3)): (high, 0)}),
        tables.map(change={4: (high, 0)}),
        tables.map(change={4: (x86.PS, 0)}),
        tables.map(2, {2: (1 << draw("low", range(13, 21)), 0)}),
        tables.map(3, {3: (1 << draw("lower", range(13, 30)), 0)}),
        tables.map(change={draw("both", (1, 2)): (high, x86.P)}),
    ]
    requests = [Request(va, *way) for va in pages for way in (*USER, WRITES[0])]
    happens = "Missing pages, forbidden ones, and entries with reserved bits."
    return (case("error codes", happens, tables, requests, exactly),)


def marks(draw: Draw) -> tuple[CallCase, ...]:
    """A and D after accesses that succeed, and D after a write that does not."""
    tables = Tables(draw)
    pages = [tables.map(level) for level in (1, 2, 3)]
    pages += [tables.map(change={1: (x86.A, 0)}), tables.map(change={1: (x86.A | x86.D, 0)})]
    requests = [Request(va, kind) for va in pages for kind in ("read", "fetch", "write")]
    denied = (1, draw("upper", (2, 3, 4)))
    requests += [Request(tables.map(change={level: (0, x86.RW)}), "write") for level in denied]
    happens = "What a walk leaves in the entries: A in each of them, D in the leaf."
    return (case("A and D", happens, tables, requests, left),)
