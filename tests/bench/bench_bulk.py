"""Faults of anonymous memory in bulk against hand-written C, in one run.

``python -m tests.bench.bench_bulk`` compiles ``bulk_baseline.c`` with ``gcc -O3 -march=native`` and runs
each trace by turns through it and through `pyemu.hw.bulk.run_bulk`, whose RAM is of the same kind and
written before. Physical addresses, all of RAM (each by a sum) and counts must be equal; then the speeds are
compared. Both sides measure the CPU time of their thread. The table also has the readable twin, and the
kernel of coroutines (`bench_kernel`) where it has the same path.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from mmap import mmap
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pyemu import Machine, Tree
from pyemu.errors import FaultlabError
from pyemu.hw import Registers, make_mmu, make_ram, x86
from pyemu.hw.bulk import AnonArea, Frames, run_bulk
from tests.bench import bench_kernel
from tests.bench.bench_tlb import machine

HERE = Path(__file__).parent
U64 = npt.NDArray[np.uint64]

# The machine of bulk_baseline.c.
PAGE = 4096
BASE = 0x7F00_0000_0000
ROOT = 0x2000
FIRST_PFN = 3
N_DEFAULT = 32_768
N_REF = 1_000  # pages for the readable twin: its cost grows as their number
N_KERNEL = 400

# Trace -> whether the pages are shared at the start; path of bench_kernel.
TRACES = {
    "demand zero, write": (False, "demand zero, write"),
    "demand zero, random order": (False, None),
    "demand zero, 16 accesses a page": (False, None),
    "zero page, then write": (False, "zero page, then write"),
    "copy on write": (True, None),
}


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: equal for equal machines. The fields are what the baseline prints."""

    n_faults: int
    n_zero_maps: int
    n_zero_fills: int
    n_zero_copies: int
    n_copies: int
    n_reuses: int
    n_tables: int
    l1_misses: int
    walks: int
    d_walks: int
    sum_of_addresses: int
    """Of all physical addresses, each times 2 i + 1, modulo 2**64."""
    sum_of_ram: int
    """The same of all words of RAM."""


@dataclass(frozen=True)
class Row:
    """One trace; speeds in thousand faults a second of CPU time."""

    trace: str
    n: int
    n_faults: int
    baseline: float
    ours: float
    ratio: float
    """Median over the rounds of the ratio within a round."""
    best_ratio: float
    """Best round of ours divided by best round of the baseline."""
    ref: float
    kernel: float | None
    equal: bool
    outcome: Outcome
    baseline_outcome: Outcome


def trace_of(name: str, n_pages: int) -> U64:
    """Addresses whose bit 0 says that they are written."""
    pages = np.arange(n_pages, dtype=np.uint64)
    order = np.random.default_rng(20200525).permutation(pages)
    one, base, size = np.uint64(1), np.uint64(BASE), np.uint64(PAGE)
    reads = base + pages * size
    writes = reads | one
    match name:
        case "demand zero, random order":
            return (base + order * size) | one
        case "demand zero, 16 accesses a page":
            return np.repeat(writes, 16) + np.tile(np.arange(0, PAGE, 256, dtype=np.uint64), n_pages)
        case "zero page, then write":
            return np.concatenate([reads, writes])
        case _:
            return writes


def frames_for(n_pages: int) -> int:
    """Frames of RAM: a page may have two, tables come on top."""
    return 2 * n_pages + n_pages // 512 + 64


def compile_baseline(folder: Path) -> Path:
    """Compile the baseline for this very machine, as its speed is the measure."""
    program = folder / "bulk_baseline"
    source = str(HERE / "bulk_baseline.c")
    subprocess.run(["gcc", "-O3", "-march=native", "-Wall", "-Werror", source, "-o", program], check=True)
    return program


def run_baseline(program: Path, trace: Path, n_pages: int, shared: bool) -> tuple[float, Outcome]:
    """One round of the baseline: its seconds and outcome."""
    command = [str(program), str(trace), str(n_pages), str(frames_for(n_pages)), str(int(shared))]
    seconds, *numbers = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), Outcome(*map(int, numbers))


def run_ours(trace: U64, n_pages: int, shared: bool, twin: str = "fast") -> tuple[float, Outcome]:
    """One round of ours: its seconds and outcome."""
    n_frames = frames_for(n_pages)
    ram = make_ram(n_frames * PAGE)
    words = np.frombuffer(ram, dtype=np.uint64)
    words[:] = 0  # all of it is there before the clock starts
    frames, areas = Frames(FIRST_PFN, n_frames), [AnonArea(BASE, BASE + n_pages * PAGE)]
    np.frombuffer(frames.refcount, dtype=np.uint32)[:] = 0
    np.frombuffer(frames.mapcount, dtype=np.uint32)[:] = 0
    registers = Registers(cr0=x86.CR0_WP, cr3=ROOT, cr4=0, efer=x86.EFER_NXE, cpl=3)
    if shared:
        share(ram, words, frames, areas, registers, n_pages)
    mmu = make_mmu(ram, twin)
    mmu.load(registers)
    addresses, kinds = trace & ~np.uint64(1), (trace & np.uint64(1)).astype(np.uint8)
    out = np.full(len(trace), 1, dtype=np.uint64)
    start = time.thread_time()
    done = run_bulk(mmu, addresses, kinds, areas=areas, frames=frames, out=out)
    seconds = time.thread_time() - start
    if not done.done:
        raise RuntimeError(f"the trace stopped: {done.stop.name} at access {done.n_done}")
    stats = mmu.stats
    return seconds, Outcome(
        done.n_faults,
        done.n_zero_maps,
        done.n_zero_fills,
        done.n_zero_copies,
        done.n_copies,
        done.n_reuses,
        done.n_tables,
        stats.l1_misses,
        stats.walks,
        stats.d_walks,
        weighted_sum(out),
        weighted_sum(words),
    )


def share(
    ram: mmap, words: U64, frames: Frames, areas: list[AnonArea], registers: Registers, n_pages: int
) -> None:
    """What is there after a fork: each page read-only, with two entries that name it."""
    mmu = make_mmu(ram, "auto")
    mmu.load(registers)
    pages = np.arange(n_pages, dtype=np.uint64)
    done = run_bulk(mmu, BASE + pages * np.uint64(PAGE), "write", areas=areas, frames=frames)
    for page, pa in enumerate(done.pa.tolist()):
        place = x86.leaf_address(ram, ROOT, BASE + page * PAGE)
        if place is None:
            raise RuntimeError(f"page {page} isn't mapped")
        words[place // 8] &= np.uint64(~x86.RW & (1 << 64) - 1)
        frames.refcount[pa // PAGE] = frames.mapcount[pa // PAGE] = 2
        words[pa // 8 : (pa + PAGE) // 8] = page % 251 * 0x0101_0101_0101_0101


def weighted_sum(words: U64) -> int:
    """Sum words, each times 2 i + 1, modulo 2**64."""
    return int((words * np.arange(1, 2 * len(words), 2, dtype=np.uint64)).sum(dtype=np.uint64))


def kernel_speed(path: str) -> float:
    """Faults a second of the kernel of coroutines."""
    one = Machine(bench_kernel.scenario(path, bench_kernel.paths(N_KERNEL)[path]), Tree.v5_7)
    start = time.thread_time()
    result = one.run(strict=True)
    return result.tasks["T"].stats["attempts"] / (time.thread_time() - start)


def compare(folder: Path, n_pages: int, rounds: int, n_ref: int = N_REF) -> list[Row]:
    """Run all traces over `n_pages` pages `rounds` times by turns; files go to `folder`."""
    program = compile_baseline(folder)
    rows = []
    for name, (shared, path) in TRACES.items():
        trace, file = trace_of(name, n_pages), folder / "trace.u64"
        trace.tofile(file)
        theirs, ours, refs, kernels = [], [], [], []
        small = trace_of(name, n_ref)
        for _ in range(rounds):
            theirs.append(run_baseline(program, file, n_pages, shared))
            ours.append(run_ours(trace, n_pages, shared))
            seconds, outcome = run_ours(small, n_ref, shared, "ref")
            refs.append(outcome.n_faults / seconds)
            if path is not None:
                kernels.append(kernel_speed(path))
        n_faults = ours[0][1].n_faults
        best_theirs, best_ours = min(seconds for seconds, _ in theirs), min(seconds for seconds, _ in ours)
        rows.append(
            Row(
                trace=name,
                n=len(trace),
                n_faults=n_faults,
                baseline=n_faults / median(seconds for seconds, _ in theirs) / 1e3,
                ours=n_faults / median(seconds for seconds, _ in ours) / 1e3,
                ratio=median(a / b for (a, _), (b, _) in zip(theirs, ours, strict=True)),
                best_ratio=best_theirs / best_ours,
                ref=median(refs) / 1e3,
                kernel=median(kernels) / 1e3 if kernels else None,
                equal=len({outcome for _, outcome in theirs + ours}) == 1,
                outcome=ours[-1][1],
                baseline_outcome=theirs[-1][1],
            )
        )
    return rows


def show(rows: list[Row], n_pages: int) -> None:
    """Print the table."""
    table = Table(title=f"{n_pages:,} pages, thousand faults a second")
    headings = ("trace", "faults", "C", "compiled", "ratio", "of bests", "same", "ref", "kernel")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "trace" else "right")
    for row in rows:
        table.add_row(
            row.trace,
            f"{row.n_faults:,}",
            f"{row.baseline:,.0f}",
            f"{row.ours:,.0f}",
            f"{row.ratio:.2f}",
            f"{row.best_ratio:.2f}",
            "yes" if row.equal else "NO",
            f"{row.ref:,.1f}",
            "" if row.kernel is None else f"{row.kernel:,.1f}",
        )
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; the exit status is 1 if results differ or a ratio is below ``--min-ratio``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=N_DEFAULT, help="pages of each trace")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each trace; the median counts")
    parser.add_argument("--min-ratio", type=float, default=0.8, help="fail below this ratio")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    if shutil.which("gcc") is None:
        print("bench_bulk: the baseline is compiled with gcc, and there is none on the path", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = compare(Path(folder), options.pages, options.rounds)
    except FaultlabError as error:
        print(f"bench_bulk: {error}", file=sys.stderr)
        return 2
    show(rows, options.pages)
    if options.json is not None:
        figures = {"machine": machine(), "pages": options.pages, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return int(not all(row.equal and row.ratio >= options.min_ratio for row in rows))


if __name__ == "__main__":
    sys.exit(main())
