"""Random accesses without a TLB, each on an oracle and on subjects of ours, until they differ."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pyemu.hw import ErrorCode, PageFault, Registers, x86
from tests.hw.oracle import Oracle, Seen, Subject, attempt, walk_of
from tests.hw.random_tables import RAM_BYTES, TABLES_END, RandomTables, chance

N_PER_MACHINE = 1000
EDITS_PERCENT = 10
SIZES = {1: "4K", 2: "2M", 3: "1G"}

PAGE_FAULTS = {p | w | u for p in (0, 1, 9) for w in (0, 2, 16) for u in (0, 4)}
"""All error codes: not present, not permitted, reserved bit; read, write, fetch; supervisor, user."""
MODES = ("WP", "NXE", "SMEP", "SMAP", "AC")


def wanted(make: type[Oracle]) -> set[str]:
    """What random accesses have to meet: see `names`."""
    outcomes = {f"#PF {code:#x}" for code in PAGE_FAULTS} | {"#GP", "done"}
    return {
        *(f"{outcome} at CPL {cpl}" for outcome in outcomes for cpl in make.cpls if fits(outcome, cpl)),
        *("page of 4K", "page of 2M", "page of 1G", "misaligned 2M", "misaligned 1G"),
        *("NX without NXE", "address too wide"),
        *(f"PS at level {level}" for level in range(4, make.levels + 1)),
        *(mode_name(dict(zip(MODES, on, strict=True))) for on in product((False, True), repeat=len(MODES))),
    }


def fits(outcome: str, cpl: int) -> bool:
    """Tell whether an outcome can be met at a privilege level: bit U of the error code says which."""
    return not outcome.startswith("#PF") or bool(int(outcome[4:], 16) & ErrorCode.U) == (cpl == 3)


@dataclass
class Report:
    """How a comparison went."""

    n: int = 0
    """Accesses made."""
    difference: str = ""
    """The first one, in words; empty if there was none."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often what was met."""


def compare(make: type[Oracle], seed: int, n_accesses: int, subjects: Sequence[Subject]) -> Report:
    """Make `n_accesses` random accesses, or as many as it takes to see a difference."""
    rng = random.Random(seed)
    walks = [walk_of(subject, make.ad_on_fault) for subject in subjects]
    report = Report()
    while report.n < n_accesses:
        tables = RandomTables(rng, levels=make.levels)
        image = bytearray(RAM_BYTES)
        tables.fill(image)
        oracle = make(image, tables.root, TABLES_END)
        rams = [bytearray(oracle.ram) for _ in walks]
        for _ in range(min(N_PER_MACHINE, n_accesses - report.n)):
            if chance(rng, EDITS_PERCENT):
                where, entry = tables.edit()
                for ram in (oracle.ram, *rams):
                    x86.write_entry(ram, where, entry)
            cpu = tables.registers(maxphyaddr=make.maxphyaddr, cpl=rng.choice(make.cpls))
            va, kind = tables.address(), tables.kind()
            oracle.load(cpu)
            expected = oracle.access(va, kind)
            report.n += 1
            report.seen.update(names(oracle.ram, cpu, va, expected))
            after = oracle.ram[:TABLES_END]
            for subject, walk, ram in zip(subjects, walks, rams, strict=True):
                got = attempt(walk, ram, cpu, va, kind)
                if got == expected and ram[:TABLES_END] == after:
                    continue
                what = "A or D bits differ" if got == expected else f"expected {expected}, got {got}"
                report.difference = f"{subject}, access {report.n}: {cpu}, va {va:#x}, kind {kind}: {what}"
                return report
    return report


def verify(report: Report, n_accesses: int, make: type[Oracle]) -> None:
    """Assert that `n_accesses` were equal, and that each of `wanted` was met once in 1000 of them."""
    assert report.difference == ""
    assert report.n == n_accesses
    counts = {name: report.seen[name] for name in sorted(wanted(make))}
    too_rare = {name: n for name, n in counts.items() if n < n_accesses // 1000}
    assert not too_rare


def names(ram: Any, cpu: Registers, va: int, seen: Seen) -> Iterator[str]:
    """What an access met: its outcome, the mode, the size of its page or why that was malformed."""
    yield f"{seen.name} at CPL {cpu.cpl}"
    flags = cpu.cr0 & x86.CR0_WP, cpu.efer & x86.EFER_NXE, cpu.cr4 & x86.CR4_SMEP, cpu.cr4 & x86.CR4_SMAP
    yield mode_name(dict(zip(MODES, (*flags, cpu.ac), strict=True)))
    if seen.fault is None:
        level, _ = last_entry(ram, cpu, va)
        yield f"page of {SIZES[level]}"
    elif isinstance(seen.fault, PageFault) and seen.fault.error_code & ErrorCode.RSVD:
        yield from malformed(cpu, *last_entry(ram, cpu, va))


def mode_name(flags: dict[str, Any]) -> str:
    return "mode " + " ".join(name for name, on in flags.items() if on)


def last_entry(ram: Any, cpu: Registers, va: int) -> tuple[int, int]:
    """The level and value of the entry at which a walk ends."""
    table = cpu.root
    for level in range(cpu.levels, 0, -1):
        entry = x86.read_entry(ram, x86.entry_address(table, va, level))
        if not entry & x86.P or entry & x86.PS or malformed(cpu, level, entry):
            break
        table = entry & x86.ADDRESS
    return level, entry


def malformed(cpu: Registers, level: int, entry: int) -> list[str]:
    """Which reserved bits are set in an entry."""
    too_wide = x86.ADDRESS >> cpu.maxphyaddr << cpu.maxphyaddr
    leaf = bool(entry & x86.PS and level > 1)
    rules = {
        "NX without NXE": entry & x86.NX and not cpu.efer & x86.EFER_NXE,
        "address too wide": entry & too_wide,
        f"PS at level {level}": leaf and level > 3,
        "misaligned 2M": leaf and level == 2 and entry & 0x1F_E000,
        "misaligned 1G": leaf and level == 3 and entry & 0x3FFF_E000,
    }
    return [rule for rule, broken in rules.items() if broken]
