"""The compiled MMU against hand-written C, in one run.

``python tests/bench/bench_tlb.py`` compiles ``tlb_baseline.c`` with ``gcc -O3 -march=native``, makes
four traces, builds the same page table in a ram of ours, and runs each trace by turns through both.
Physical addresses (by a checksum), A and D bits, and counts must be equal; then the speeds are
compared. Both sides measure the CPU time of their thread, and the best of all rounds counts.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pyemu.errors import FaultlabError
from pyemu.hw import Mmu, PageFault, Registers, make_mmu, x86

HERE = Path(__file__).parent
TRACES = ("hotseq", "hotrnd", "zipf", "uniform")
N_DEFAULT = 10_000_000

# The machine of tlb_baseline.c.
RAM_BYTES = 16 << 20
ROOT = 0x1000
BASE = 0x7F00_0000_0000
N_PAGES = 1 << 18
MASK = (1 << 64) - 1

U64 = npt.NDArray[np.uint64]
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Outcome:
    """What one pass over a trace left behind: equal for equal machines."""

    l1_misses: int
    walks: int
    d_walks: int
    faults: int
    checksum: str
    """All physical addresses as digits of a number to the base 31, modulo 2**64."""
    accessed_dirty: str
    """Number of A bits times 2**32, plus number of D bits, in all tables."""


@dataclass(frozen=True)
class Row:
    """One trace; speeds in million accesses a second of CPU time."""

    trace: str
    n: int
    baseline: float
    ours: float
    ratio: float
    """Best round of ours divided by best round of the baseline."""
    median_ratio: float
    """Median over the rounds of the ratio within a round."""
    equal: bool
    outcome: Outcome
    baseline_outcome: Outcome


def registers() -> Registers:
    """A CPU in user mode, as the baseline assumes."""
    return Registers(
        cr0=x86.CR0_PG | x86.CR0_PE | x86.CR0_WP,
        cr3=ROOT,
        cr4=x86.CR4_PAE,
        efer=x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE,
        cpl=3,
    )


def build_ram() -> U8:
    """The ram of tlb_baseline.c: 1 GiB of pages, frames drawn by the same xorshift."""
    ram = np.zeros(RAM_BYTES, dtype=np.uint8)
    tables = iter(range(ROOT + 0x1000, RAM_BYTES, 0x1000))
    x = 88172645463325252
    for i in range(N_PAGES):
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        frame = (x & 0xFFFFFF) << 12 | 1 << 36
        x86.map_page(ram, ROOT, BASE + (i << 12), frame, x86.P | x86.RW | x86.US, tables.__next__)
    return ram


def compile_baseline(folder: Path) -> Path:
    """Compile the baseline for this very machine, as its speed is the measure."""
    program = folder / "tlb_baseline"
    subprocess.run(
        ["gcc", "-O3", "-march=native", str(HERE / "tlb_baseline.c"), "-o", str(program)],
        check=True,
        capture_output=True,  # its printf formats warn on some platforms
    )
    return program


def run_baseline(program: Path, trace: Path) -> tuple[float, Outcome]:
    """One round of the baseline: its speed and outcome."""
    text = subprocess.run([program, trace, "1"], check=True, capture_output=True, text=True).stdout
    line = next(line for line in text.splitlines() if line.startswith("base "))
    found = re.fullmatch(
        r"base +([\d.]+) M/s +L1miss +(\d+) +walks +(\d+) +dwalks +(\d+) +faults (\d+) +sum (\w+) +ad (\w+)",
        line,
    )
    if found is None:
        raise ValueError(f"unexpected output of the baseline: {line!r}")
    l1_misses, walks, d_walks, faults = (int(found[i]) for i in range(2, 6))
    return float(found[1]), Outcome(l1_misses, walks, d_walks, faults, found[6], found[7])


def run_ours(pristine: U8, addresses: U64, kinds: U8, out: U64, twin: str) -> tuple[float, Outcome]:
    """One round of ours over a fresh copy of the ram: its speed and outcome."""
    ram = pristine.copy()
    mmu = make_mmu(ram, twin)
    mmu.load(registers())
    out.fill(0)  # the baseline's output is in memory too before its clock starts
    start = time.thread_time()
    batch = mmu.access_many(addresses, kinds, out)
    seconds = time.thread_time() - start
    if not batch.done:
        raise RuntimeError(f"the trace faulted: {batch.fault}")
    stats = mmu.stats
    outcome = Outcome(
        l1_misses=stats.l1_misses,
        walks=stats.walks,
        d_walks=stats.d_walks,
        faults=stats.faults,
        checksum=checksum(out),
        accessed_dirty=accessed_dirty(ram),
    )
    return len(addresses) / max(seconds, 1e-9) / 1e6, outcome


def checksum(addresses: U64) -> str:
    """The baseline's checksum: s = s * 31 + address, over all addresses."""
    powers = np.full(len(addresses), 31, dtype=np.uint64)
    powers[:1] = 1
    return f"{int((addresses * np.cumprod(powers, dtype=np.uint64)[::-1]).sum(dtype=np.uint64)):016x}"


def accessed_dirty(ram: U8) -> str:
    """The baseline's count of A and D bits in the tables."""
    entries = ram[ROOT:].view(np.uint64)
    n_accessed = int(np.count_nonzero(entries & np.uint64(x86.A)))
    n_dirty = int(np.count_nonzero(entries & np.uint64(x86.D)))
    return f"{n_accessed << 32 | n_dirty:016x}"


def compare(folder: Path, n: int, rounds: int, twin: str = "fast") -> list[Row]:
    """Run all traces of `n` accesses `rounds` times by turns; files go to `folder`."""
    program = compile_baseline(folder)
    subprocess.run([sys.executable, HERE / "gen_traces.py", folder, str(n)], check=True)
    pristine = build_ram()
    rows = []
    for name in TRACES:
        path = folder / f"{name}.u64"
        trace = np.fromfile(path, dtype=np.uint64)
        addresses, kinds = trace & ~np.uint64(1), (trace & np.uint64(1)).astype(np.uint8)
        out = np.zeros(len(trace), dtype=np.uint64)
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(run_baseline(program, path))
            ours.append(run_ours(pristine, addresses, kinds, out, twin))
        best_theirs, best_ours = max(speed for speed, _ in theirs), max(speed for speed, _ in ours)
        rows.append(
            Row(
                trace=name,
                n=len(trace),
                baseline=best_theirs,
                ours=best_ours,
                ratio=best_ours / best_theirs,
                median_ratio=median(a / b for (a, _), (b, _) in zip(ours, theirs, strict=True)),
                equal=len({outcome for _, outcome in theirs + ours}) == 1,
                outcome=ours[-1][1],
                baseline_outcome=theirs[-1][1],
            )
        )
    return rows


def single_costs() -> dict[str, float]:
    """Nanoseconds of what happens one at a time: a call that hits, and a stop of a batch at a fault."""
    ram = bytearray(0x8000)
    x86.map_page(ram, ROOT, BASE, 0x9000, x86.P | x86.RW | x86.US, iter((0x2000, 0x3000, 0x4000)).__next__)
    costs = {}
    for twin in ("fast", "ref"):
        mmu: Mmu = make_mmu(ram, twin)
        mmu.load(registers())
        costs[f"one access by a call, {twin}"] = nanoseconds(lambda mmu=mmu: mmu.access(BASE, "read"))
        batch = mmu.access_many([BASE + (1 << 30)], "read")
        if not isinstance(batch.fault, PageFault):
            raise TypeError(f"expected a page fault, got {batch.fault}")
        costs[f"one stop of a batch at a fault, {twin}"] = nanoseconds(batch.resume)
    return costs


def nanoseconds(call: Any, n: int = 20_000) -> float:
    """The best time of one call out of five loops."""
    best = float("inf")
    for _ in range(5):
        start = time.thread_time_ns()
        for _ in range(n):
            call()
        best = min(best, (time.thread_time_ns() - start) / n)
    return best


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.*)", info.read_text(encoding="utf-8"))
        model = found[1] if found else model
    gcc = subprocess.run(
        ["gcc", "--version"], check=True, capture_output=True, text=True
    ).stdout.splitlines()[0]
    return {
        "cpu": model,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gcc": gcc,
    }


def show(rows: list[Row], costs: dict[str, float]) -> None:
    """Print the tables."""
    console = Console()
    table = Table(title=f"{rows[0].n:,} accesses a trace, million a second")
    for heading in ("trace", "L1 misses", "walks", "baseline", "ours", "ratio", "median", "same"):
        table.add_column(heading, justify="left" if heading == "trace" else "right")
    for row in rows:
        table.add_row(
            row.trace,
            f"{row.outcome.l1_misses:,}",
            f"{row.outcome.walks:,}",
            f"{row.baseline:.1f}",
            f"{row.ours:.1f}",
            f"{row.ratio:.2f}",
            f"{row.median_ratio:.2f}",
            "yes" if row.equal else "NO",
        )
    console.print(table)
    for what, cost in costs.items():
        console.print(f"{what}: {cost:,.0f} ns")


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; the exit status is 1 if results differ or a ratio is below ``--min-ratio``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=N_DEFAULT, help="accesses of each trace")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each trace; the best one counts")
    parser.add_argument("--min-ratio", type=float, default=0.0, help="fail below this ratio")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    if shutil.which("gcc") is None:
        print(
            "bench_tlb: the baseline is compiled with gcc, and there is no gcc on the path", file=sys.stderr
        )
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = compare(Path(folder), options.n, options.rounds)
        costs = single_costs()
    except FaultlabError as error:
        print(f"bench_tlb: {error}", file=sys.stderr)
        return 2
    show(rows, costs)
    if options.json is not None:
        figures = {"machine": machine(), "rows": [asdict(row) for row in rows], "nanoseconds": costs}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(not all(row.equal and row.ratio >= options.min_ratio for row in rows))


if __name__ == "__main__":
    sys.exit(main())
