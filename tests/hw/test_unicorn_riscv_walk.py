"""Random accesses through RISC-V tables, on Unicorn and on ours: results, causes and every A and D bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pyemu.hw import Access, Kind, riscv
from tests.hw.mutants import NONE, OTHER_WALK_MUTANTS, Mutant
from tests.hw.oracle import TWINS, Subject
from tests.hw.random_tables import RAM_BYTES, TABLES_END, RiscvTables, chance
from tests.hw.single_accesses import EDITS_PERCENT, N_PER_MACHINE, Report

pytest.importorskip("unicorn", reason="Unicorn, the oracle, is not installed")

from tests.hw.unicorn_riscv import Outcome, UnicornHart

LEVELS = {"sv39": 3, "sv48": 4}
SIZES = {1 << 12: "4K", 1 << 21: "2M", 1 << 30: "1G"}
WANTED = {
    f"{mode} {how}" for mode in ("U", "S", "S SUM", "U MXR", "S MXR", "S SUM MXR") for how in (12, 13, 15)
}
WANTED |= {f"page of {size}" for size in SIZES.values()}
UNSEEN = {  # Unicorn has no Svade, no reserved bits, pages of 512 GiB, and shows no TLB
    "riscv-reserved-bits-ignored",
    "riscv-pointer-bits-ignored",
    "riscv-page-of-512-gib",
    "riscv-svade-ignored",
    "riscv-global-of-leaf-only",
    "riscv-walk-caches-forget-g",
}
MUTANTS = [one for one in OTHER_WALK_MUTANTS if one.name.startswith("riscv") and one.name not in UNSEEN]


class ComparableTables(RiscvTables):
    """Without what Unicorn doesn't look at (see `tests.hw.unicorn_riscv`), or ours doesn't model."""

    POINTER = 0

    def entry(self, level: int) -> int:
        """A random entry for a table of `level`."""
        while True:
            entry = super().entry(level) & ~riscv.RESERVED
            if level < 4 or not entry & riscv.V or not entry & (riscv.R | riscv.W | riscv.X):
                return entry


def access_of(subject: Subject) -> Callable[..., Access]:
    """The raw access of a twin or of a mutant."""
    if isinstance(subject, str):
        return lambda *arguments: riscv.access(*arguments, twin=subject)
    package = subject.build()

    def access(ram: bytearray, cpu: riscv.Registers, va: int, kind: int) -> Access:
        paging = package.paging.Paging(cpu, per_level=False)
        if not paging.is_canonical(va):
            raise paging.not_canonical(va, kind)
        page, _ = package.riscv.walk(memoryview(ram), cpu, va, kind)
        return Access(package.physical(page, va), page.page_size)

    return access


def attempt(
    access: Callable[..., Access], ram: Any, cpu: riscv.Registers, va: int, kind: int
) -> tuple[Outcome, str]:
    """What an access of ours did, and the size of its page."""
    try:
        done = access(ram, cpu, va, kind)
        return Outcome(done.pa), SIZES[done.page_size]
    except riscv.PageFault as fault:
        if fault.stval != va:
            pytest.fail(f"stval is {fault.stval:#x} after an access to {va:#x}")
        return Outcome(cause=fault.cause), "none"


def compare(seed: int, n_accesses: int, levels: int, subjects: Sequence[Subject]) -> Report:
    """Make random accesses until ours and Unicorn's differ."""
    rng = random.Random(seed)
    accesses = [access_of(subject) for subject in subjects]
    report = Report()
    while report.n < n_accesses:
        tables = ComparableTables(rng, levels=levels)
        image = bytearray(RAM_BYTES)
        tables.fill(image)
        hart = UnicornHart(image, TABLES_END)
        rams = [bytearray(hart.ram) for _ in subjects]
        for _ in range(min(N_PER_MACHINE, n_accesses - report.n)):
            if chance(rng, EDITS_PERCENT):
                where, entry = tables.edit()
                for ram in (hart.ram, *rams):
                    riscv.write_entry(ram, where, entry)
            cpu, kind = replace(tables.hart(), svade=False), tables.kind()
            va = tables.address() & (-2 if kind == Kind.FETCH else -1)
            expected = hart.access(cpu.satp, cpu.priv, cpu.sum, cpu.mxr, va, kind)
            report.n += 1
            mode = "U" * cpu.user or "S" + " SUM" * cpu.sum
            report.seen[f"{mode}{' MXR' * cpu.mxr} {expected.cause}"] += 1
            for subject, access, ram in zip(subjects, accesses, rams, strict=True):
                got, size = attempt(access, ram, cpu, va, kind)
                report.seen[f"page of {size}"] += 1
                if got != expected or ram[:TABLES_END] != hart.ram[:TABLES_END]:
                    what = "A or D bits differ" if got == expected else f"expected {expected}, got {got}"
                    report.difference = (
                        f"{subject}, access {report.n}: {cpu}, va {va:#x}, kind {kind}: {what}"
                    )
                    return report
    return report


@pytest.mark.parametrize("mode", LEVELS)
@pytest.mark.parametrize(("seed", "n"), [(0, 10_000), pytest.param(100, 100_000, marks=pytest.mark.long)])
def test_random_accesses_end_as_on_unicorn(mode: str, seed: int, n: int) -> None:
    report = compare(seed, n, LEVELS[mode], TWINS)
    assert (report.n, report.difference) == (n, "")
    too_rare = {name: report.seen[name] for name in sorted(WANTED) if report.seen[name] < n // 500}
    assert not too_rare


def test_the_unchanged_copy_agrees() -> None:
    assert compare(7, 2000, 3, (NONE,)).difference == ""


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    report = compare(7, 10_000, 3, (mutant,))
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"
