"""The compiled MMU against hand-written C and against other tools, in one run.

``python -m tests.bench.bench_tlb`` compiles ``tlb_baseline.c`` with ``gcc -O3 -march=native``, makes
four traces, builds the same page table in a ram of ours, and runs each trace by turns through the
baseline and through ours: with each variant of the machine code, with all features on, and with events
recorded too. Physical addresses (by a checksum), A and D bits, and counts must be equal; then the speeds
are compared. All sides measure the CPU time of their thread, and the best of all rounds counts. The exit
status is 1 if anything differs, or if a ratio is below 0.8 of what `NOTED` says for this kind of machine.

With ``--growth FILE`` it also draws how the cost grows with the length of the trace, the number of
pages and the size of the TLB.
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
import timeit
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from pyemu.errors import FaultlabError
from pyemu.hw import (
    EventLog,
    Mmu,
    PageFault,
    Registers,
    TlbArray,
    TlbConfig,
    WalkCache,
    make_mmu,
    twins,
    x86,
)
from tests.bench import peers

HERE = Path(__file__).parent
TRACES = ("hotseq", "hotrnd", "zipf", "uniform")
N_DEFAULT = 10_000_000

# The machine of tlb_baseline.c.
RAM_BYTES = 16 << 20
PCID = 7
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
class Way:
    """One way to run a trace through ours."""

    name: str
    twin: str = "fast"
    variant: str = "auto"
    features: bool = False
    """Split arrays by access and page size, walk caches, PCID and global pages."""
    events: bool = False


@dataclass(frozen=True)
class Row:
    """One trace, one way; speeds in million accesses a second of CPU time."""

    trace: str
    way: str
    n: int
    baseline: float
    ours: float
    ratio: float
    """Best round of ours divided by best round of the baseline."""
    median_ratio: float
    """Median over the rounds of the ratio within a round."""
    equal: bool
    """Whether addresses, A and D bits and faults are those of the baseline, and, if the TLB is the same,
    its counts too."""
    outcome: Outcome
    baseline_outcome: Outcome


K4, M2, G1 = 1 << 12, 1 << 21, 1 << 30
FEATURES = TlbConfig(
    l1=(
        TlbArray(16, 4, serves="data"),
        TlbArray(8, 4, (M2,), serves="data"),
        TlbArray(1, 4, (G1,), serves="data"),
        TlbArray(8, 8, serves="fetch"),
        TlbArray(1, 8, (M2,), serves="fetch"),
    ),
    l2=(TlbArray(128, 12, (K4, M2)), TlbArray(4, 4, (G1,))),
    walk_caches=(WalkCache(2, 8, 4), WalkCache(3, 1, 4), WalkCache(4, 1, 2)),
)
"""The shape of a recent Intel core, with the baseline's numbers of entries for 4 KiB."""

NOTED: dict[str, dict[str, float]] = {
    "best": {"hotseq": 4.4, "hotrnd": 2.6, "zipf": 1.35, "uniform": 2.1},
    "all features": {"hotseq": 3.4, "hotrnd": 1.9, "zipf": 1.05, "uniform": 1.4},
    "all features, events": {"hotseq": 3.3, "hotrnd": 1.8, "zipf": 1.0, "uniform": 1.1},
}
"""Ratios to the baseline that were measured on a machine with AVX-512 (AMD EPYC, gcc 12), by way and
trace: a run far below them is a regression."""
WAYS = (
    Way("best"),
    Way("all features", features=True),
    Way("all features, events", features=True, events=True),
)


def registers(features: bool = False) -> Registers:
    """A CPU in user mode, as the baseline assumes; with features in an address space of its own."""
    return Registers(
        cr0=x86.CR0_PG | x86.CR0_PE | x86.CR0_WP,
        cr3=ROOT | (PCID if features else 0),
        cr4=x86.CR4_PAE | (x86.CR4_PCIDE | x86.CR4_PGE if features else 0),
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


def run_ours(pristine: U8, addresses: U64, kinds: U8, out: U64, way: Way) -> tuple[float, Outcome]:
    """One round of ours over a fresh copy of the ram: its speed and outcome."""
    ram = pristine.copy()
    mmu = make_mmu(ram, way.twin, FEATURES if way.features else None, variant=way.variant)
    mmu.load(registers(way.features))
    log = EventLog(1 << 16) if way.events else None
    out.fill(0)  # the baseline's output is in memory too before its clock starts
    start = time.thread_time()
    batch = mmu.access_many(addresses, kinds, out, events=log)
    while log is not None and not batch.done:  # a full log: a user would read it here
        log.clear()
        batch.resume()
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


def make_traces(folder: Path, n: int) -> None:
    """Write the four traces of `n` accesses."""
    subprocess.run([sys.executable, HERE / "gen_traces.py", folder, str(n)], check=True)


def read_trace(path: Path) -> tuple[U64, U8]:
    """Addresses and kinds of a trace."""
    trace = np.fromfile(path, dtype=np.uint64)
    return trace & ~np.uint64(1), (trace & np.uint64(1)).astype(np.uint8)


def compare(folder: Path, n: int, rounds: int, ways: Sequence[Way] = WAYS) -> list[Row]:
    """Run all traces of `n` accesses `rounds` times by turns; files go to `folder`."""
    program = compile_baseline(folder)
    make_traces(folder, n)
    pristine = build_ram()
    rows = []
    for name in TRACES:
        path = folder / f"{name}.u64"
        addresses, kinds = read_trace(path)
        out = np.zeros(len(addresses), dtype=np.uint64)
        theirs: list[tuple[float, Outcome]] = []
        ours: list[list[tuple[float, Outcome]]] = [[] for _ in ways]
        for _ in range(rounds):
            theirs.append(run_baseline(program, path))
            for i, way in enumerate(ways):
                ours[i].append(run_ours(pristine, addresses, kinds, out, way))
        best_theirs = max(speed for speed, _ in theirs)
        for way, mine in zip(ways, ours, strict=True):
            best = max(speed for speed, _ in mine)
            rows.append(
                Row(
                    trace=name,
                    way=way.name,
                    n=len(addresses),
                    baseline=best_theirs,
                    ours=best,
                    ratio=best / best_theirs,
                    median_ratio=median(a / b for (a, _), (b, _) in zip(mine, theirs, strict=True)),
                    equal=len({outcome for _, outcome in theirs + mine}) == 1,
                    outcome=mine[-1][1],
                    baseline_outcome=theirs[-1][1],
                )
            )
    return rows


def peers_of(folder: Path, n: int) -> dict[str, dict[str, float]]:
    """Million accesses a second of other tools on the first `n` accesses of each trace; 0 for absent ones."""
    speeds: dict[str, dict[str, float]] = {}
    for name in TRACES:
        addresses, kinds = read_trace(folder / f"{name}.u64")
        addresses, kinds = addresses[:n], kinds[:n]
        few = slice(max(n // 20, 1))
        out = np.zeros(len(addresses), dtype=np.uint64)
        speeds[name] = {
            "pycachesim": peers.pycachesim(addresses),
            "Unicorn": peers.unicorn(addresses, BASE, N_PAGES),
            "plain Python": run_ours(build_ram(), addresses[few], kinds[few], out[few], Way("ref", "ref"))[0],
        }
    return speeds


def growth() -> dict[str, list[tuple[int, float]]]:
    """Nanoseconds of an access, by the length of a trace, the pages it touches, and the entries of L2."""
    pristine, rng = build_ram(), np.random.default_rng(20200401)

    def cost(n: int, n_pages: int, tlb: TlbConfig | None = None) -> float:
        pages = rng.integers(0, n_pages, n, dtype=np.uint64) << np.uint64(12)
        addresses, best = pages + np.uint64(BASE), float("inf")
        for _ in range(3):
            mmu = make_mmu(pristine.copy(), tlb=tlb)
            mmu.load(registers())
            start = time.thread_time()
            mmu.access_many(addresses, 0)
            best = min(best, time.thread_time() - start)
        return best / n * 1e9

    lengths = (10_000, 100_000, 1_000_000, 10_000_000)
    tables = (16, 64, 256, 1024, 4096, 16384, 65536, N_PAGES)
    sets = (8, 32, 128, 512, 2048)
    return {
        "accesses": [(n, cost(n, 1024)) for n in lengths],
        "pages touched": [(n, cost(2_000_000, n)) for n in tables],
        "entries of the second level": [
            (12 * n, cost(2_000_000, 16384, TlbConfig.two_level(16, 4, n, 12))) for n in sets
        ],
    }


def draw(costs: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draw the growth as a picture: the same costs give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "faultlab"}):
        figure = Figure(figsize=(10, 3.2), layout="constrained")
        for axes, (what, points) in zip(figure.subplots(1, len(costs)), costs.items(), strict=True):
            axes.plot(*zip(*points, strict=True), marker="o")
            axes.set(xscale="log", xlabel=what, ylabel="ns an access", ylim=(0, None))
            axes.grid(alpha=0.3)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


class Empty:
    """What a call costs that does nothing."""

    def read(self, va: int, /) -> None:
        """Do nothing."""


def single_costs() -> dict[str, float]:
    """Nanoseconds of what happens one at a time: a call that hits, and a stop of a batch at a fault."""
    ram = bytearray(0x8000)
    x86.map_page(ram, ROOT, BASE, 0x9000, x86.P | x86.RW | x86.US, iter((0x2000, 0x3000, 0x4000)).__next__)
    costs = {"an empty method of Python": nanoseconds("empty.read(va)", empty=Empty(), va=BASE)}
    for twin in ("fast", "ref"):
        mmu: Mmu = make_mmu(ram, twin)
        mmu.load(registers())
        costs[f"mmu.read(va), {twin}"] = nanoseconds("mmu.read(va)", mmu=mmu, va=BASE)
        costs[f"mmu.access(va, kind), {twin}"] = nanoseconds("mmu.access(va, 'read')", mmu=mmu, va=BASE)
        batch = mmu.access_many([BASE + (1 << 30)], "read")
        if not isinstance(batch.fault, PageFault):
            raise TypeError(f"expected a page fault, got {batch.fault}")
        costs[f"one stop of a batch at a fault, {twin}"] = nanoseconds("batch.resume()", batch=batch)
    return costs


def nanoseconds(statement: str, **names: Any) -> float:
    """The best time of one run of a statement out of ten loops."""
    n = 20_000
    timer = timeit.Timer(statement, timer=time.thread_time, globals=names)
    return min(timer.repeat(repeat=10, number=n)) / n * 1e9


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


def too_slow(rows: list[Row], least: float, noted: Mapping[str, Mapping[str, float]] = NOTED) -> list[Row]:
    """Rows whose ratio is below `least` of what was noted."""
    return [row for row in rows if row.ratio < least * noted.get(row.way, {}).get(row.trace, 0.0)]


def show(rows: list[Row], speeds: dict[str, dict[str, float]], costs: dict[str, float]) -> None:
    """Print the tables."""
    console = Console()
    table = Table(title=f"{rows[0].n:,} accesses a trace, million a second")
    for heading in ("trace", "way", "L1 misses", "walks", "baseline", "ours", "ratio", "median", "same"):
        table.add_column(heading, justify="left" if heading in ("trace", "way") else "right")
    for row in rows:
        table.add_row(
            row.trace,
            row.way,
            f"{row.outcome.l1_misses:,}",
            f"{row.outcome.walks:,}",
            f"{row.baseline:.1f}",
            f"{row.ours:.1f}",
            f"{row.ratio:.2f}",
            f"{row.median_ratio:.2f}",
            "yes" if row.equal else "NO",
        )
    console.print(table)
    baselines = {row.trace: row.baseline for row in rows}
    for name, those in speeds.items():
        told = ", ".join(
            f"{peer} {speed:.2f} ({speed / baselines[name]:.3f})" for peer, speed in those.items()
        )
        console.print(f"{name}: million a second (ratio to the baseline): {told}")
    for what, cost in costs.items():
        console.print(f"{what}: {cost:,.0f} ns")


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; the exit status is 1 if results differ or a ratio is too low."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=N_DEFAULT, help="accesses of each trace")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each trace; the best one counts")
    parser.add_argument("--least", type=float, default=0.8, help="fail below this part of the noted ratios")
    parser.add_argument("--variants", action="store_true", help="run each variant of the machine code too")
    parser.add_argument("--growth", type=Path, help="draw how the cost grows to this file (.svg or .png)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    if shutil.which("gcc") is None:
        print(
            "bench_tlb: the baseline is compiled with gcc, and there is no gcc on the path", file=sys.stderr
        )
        return 2
    ways = list(WAYS)
    if options.variants:
        ways += [Way(name, variant=name) for name in twins.variants()]
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = compare(Path(folder), options.n, options.rounds, ways)
            speeds = peers_of(Path(folder), min(options.n, 1_000_000))
        costs = single_costs()
        grown = growth() if options.growth else {}
    except FaultlabError as error:
        print(f"bench_tlb: {error}", file=sys.stderr)
        return 2
    show(rows, speeds, costs)
    if options.growth:
        draw(grown, options.growth)
    if options.json is not None:
        figures = {
            "machine": machine(),
            "rows": [asdict(row) for row in rows],
            "peers": speeds,
            "nanoseconds": costs,
            "growth": grown,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    slow = too_slow(rows, options.least)
    for row in slow:
        noted = NOTED[row.way][row.trace]
        print(
            f"bench_tlb: {row.trace}, {row.way}: ratio {row.ratio:.2f}, and {noted} was noted",
            file=sys.stderr,
        )
    return int(bool(slow) or not all(row.equal for row in rows))


if __name__ == "__main__":
    sys.exit(main())
