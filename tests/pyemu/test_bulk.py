"""Bulk runs against the kernel: the same accesses leave the same RAM, TLB, counts of frames and counters.

A parent makes accesses, forks, waits while its child makes some, and goes on when the child's memory is gone.
Each of the three runs of accesses is made once by the kernel's coroutines, a step at a time, and once by
`run_bulk` from a copy of what was there before.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyemu import Scenario, Tree
from pyemu.hw import COMPILED, Mmu, Registers, TlbSnapshot, TlbStats, make_mmu, twins, x86
from pyemu.hw.bulk import AnonArea, BulkResult, Frames, copy_page_range, run_bulk
from pyemu.hw.ref import bulk as ref_bulk
from pyemu.pages import named_frame
from pyemu.state import ZERO_PFN, FrameState, State, VmaState
from tests.hw import compiled
from tests.pyemu.scenes import PAGE, Lab, Step, drive, task

CATCH = {"SIGSEGV": "escape"}
# Neighbours with different rights; a far one, that needs tables of its own; one whose middle is unmapped.
AREAS: list[dict[str, Any]] = [
    {"name": "V", "address": 0x7F00_0000_0000, "pages": 12},
    {"name": "R", "address": 0x7F00_0000_C000, "pages": 3, "prot": "r"},
    {"name": "N", "address": 0x1_0000_0000, "pages": 6, "populated": [0, 4]},
    {"name": "W", "address": 0x60_0000, "pages": 3},
    {"name": "G", "address": 0x7F00_0010_0000, "pages": 5},
]
FORK, WAIT, POST = {"do": "fork", "child": "C"}, {"do": "wait_post"}, {"do": "post", "task": "T"}
# Before all: frames that hold something are given back, and an area gets a hole.
USED: list[Step] = [{"do": "write", "area": "G", "page": page, "byte": 255} for page in range(5)]
FREED: Step = {"do": "madvise_dontneed", "area": "G", "page": 0, "pages": 5}
HOLE: Step = {"do": "munmap", "area": "W", "page": 1, "pages": 1}
SEED = 20_200_525


def accesses(dice: random.Random, n: int) -> list[Step]:
    """Reads and writes of all areas, most of them of the large one."""
    steps = []
    for _ in range(n):
        area = dice.choice([AREAS[0], AREAS[0], *AREAS])
        step = {
            "do": dice.choice(["read", "write"]),
            "area": area["name"],
            "page": dice.randrange(area["pages"]),
        }
        step["offset"] = dice.choice([0, 8, 4095])
        steps.append(step | ({"byte": dice.randrange(1, 256)} if step["do"] == "write" else {}))
    return steps


def family(traces: list[list[Step]], ram_pages: int = 256) -> Scenario:
    parent = [*USED, FREED, HOLE, *traces[0], FORK, WAIT, *traces[2], POST]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "bulk",
            "title": "bulk",
            "machine": {"n_cpus": 1, "ram_pages": ram_pages},
            "areas": AREAS,
            "tasks": [
                task("T", *parent, signals=CATCH),
                task("C", *traces[1], POST, forked=True, signals=CATCH),
            ],
        }
    )


def address(step: Step) -> int:
    base = next(area["address"] for area in AREAS if area["name"] == step["area"])
    return int(base + step["page"] * PAGE + step["offset"])


@dataclass
class Moment:
    """What there is at a moment, for one task."""

    ram: bytearray
    root: int
    entries: dict[int, int]
    """By address: the entries of all areas that aren't 0."""
    frames: dict[int, tuple[int, int]]
    """By frame number: references and entries."""
    free: list[int]
    next: int
    areas: list[AnonArea]
    counters: dict[str, int]
    rss: int
    tlb: TlbSnapshot
    stats: TlbStats


COUNTERS = ("min_flt", "maj_flt", "page-faults", "minor-faults", "major-faults")


def moment(lab: Lab, name: str) -> Moment:
    state, one = lab.world.state, lab.task(name)
    areas = [area(state.data["vma", vma]) for vma in state.data["vmas", one.mm]]
    entries = {
        va: entry
        for part in areas
        for va in range(part.start, part.end, PAGE)
        if (entry := state.get_pte(one.mm, va))
    }
    return Moment(
        bytearray(state.ram),
        state.roots[one.mm],
        entries,
        counted(state),
        list(state.data["free_frames", 0]),
        state.data["arena", 0][0],
        areas,
        {key: state.data.get(("counter", one.id, key), 0) for key in COUNTERS}
        | {"pgfault": state.data.get(("vmstat", "pgfault"), 0)}
        | {"pgmajfault": state.data.get(("vmstat", "pgmajfault"), 0)},
        sum(named_frame(state, entry) is not None for entry in entries.values()),
        state.mmus[0].tlb_entries(),
        state.mmus[0].stats,
    )


def area(vma: VmaState) -> AnonArea:
    return AnonArea(vma.start, vma.end, "rw" if vma.flags & 2 else "r")


def counted(state: State) -> dict[int, tuple[int, int]]:
    return {
        place[1]: (frame.refcount, frame.mapcount)
        for place, frame in state.data.items()
        if place[0] == "frame" and isinstance(frame, FrameState)
    }


@dataclass
class Part:
    """One run of accesses as the kernel made it."""

    steps: list[Step]
    before: Moment
    after: Moment
    outcomes: list[str]


def until_left(lab: Lab, name: str, n: int) -> None:
    """Step a task until it has `n` steps of its program before it."""
    while True:
        lab.until(name, "begin_step")
        pending = lab.task(name).pending
        if pending is not None and pending.args == (n,):
            return
        lab.turn(name)


def by_kernel(traces: list[list[Step]], tree: Tree = Tree.v5_7, ram_pages: int = 256) -> list[Part]:
    """Step the kernel through all three runs, and stop at the ends of each."""
    lab = drive(family(traces, ram_pages), tree)
    parts = []
    # How many steps a task still has to make when a run of accesses is over.
    for name, steps, left in zip(("T", "C", "T"), traces, (len(traces[2]) + 3, 1, 1), strict=True):
        until_left(lab, name, left + len(steps))
        before, n_reports = moment(lab, name), len(lab.world.reports)
        until_left(lab, name, left)
        outcomes = [value for _, _, what, value in lab.world.reports[n_reports:] if what == "outcome"]
        parts.append(Part(steps, before, moment(lab, name), outcomes))
        lab.settle(name)
    lab.close()
    return parts


def frames_of(was: Moment) -> Frames:
    frames = Frames(was.next, len(was.ram) // PAGE, ZERO_PFN)
    frames.free = list(was.free)
    for pfn, (n_references, n_entries) in was.frames.items():
        frames.refcount[pfn], frames.mapcount[pfn] = n_references, n_entries
    return frames


def users(frames: Frames) -> dict[int, tuple[int, int]]:
    found = {pfn: (frames.refcount[pfn], frames.mapcount[pfn]) for pfn in range(frames.end)}
    return {pfn: counts for pfn, counts in found.items() if any(counts)}


Run = Callable[..., BulkResult]


def in_bulk(part: Part, twin: str, run: Run = run_bulk) -> tuple[Moment, list[str]]:
    """Make the same accesses in bulk: what there is then, and the outcomes of what stopped the run."""
    was = part.before
    ram = bytearray(was.ram)
    frames = frames_of(was)
    mmu: Mmu = make_mmu(ram, twin)
    cpu = Registers(cr0=x86.CR0_WP, cr3=was.root, cr4=0, efer=x86.EFER_NXE, cpl=3)
    mmu.load(cpu)
    counters, rss, stops = dict(was.counters), was.rss, []
    first = 0
    while first <= len(part.steps):
        steps = part.steps[first:]
        done = run(
            mmu,
            [address(step) for step in steps],
            [step["do"] for step in steps],
            areas=was.areas,
            frames=frames,
            values=[step.get("byte", 0) for step in steps],
        )
        for key in ("min_flt", "minor-faults", "pgfault"):
            counters[key] += done.min_flt
        counters["page-faults"] += done.n_faults
        rss += done.rss
        if done.stop:
            stops.append(f"SIGSEGV(code={int(done.stop)})")
        first += done.n_done + 1
    places = {
        va: x86.leaf_address(ram, was.root, va)
        for part in was.areas
        for va in range(part.start, part.end, PAGE)
    }
    entries = {
        va: entry
        for va, place in places.items()
        if place is not None and (entry := x86.read_entry(ram, place))
    }
    after = Moment(
        ram,
        was.root,
        entries,
        users(frames),
        frames.free,
        frames.next,
        was.areas,
        counters,
        rss,
        mmu.tlb_entries(),
        mmu.stats,
    )
    return after, stops


def minus(after: Any, before: Any) -> Any:
    """The growth of counters."""
    if isinstance(after, tuple):
        return tuple(minus(*pair) for pair in zip(after, before, strict=True))
    return after - before


def differences(part: Part, twin: str = "ref", run: Run = run_bulk) -> list[str]:
    """In what the two differ."""
    found, stops = in_bulk(part, twin, run)
    wrong = [key for key in vars(found) if key != "stats" and getattr(found, key) != getattr(part.after, key)]
    after, before = asdict(part.after.stats), asdict(part.before.stats)
    grown = {key: minus(after[key], before[key]) for key in after}
    # The bulk run starts with registers loaded; the kernel loads them when another task ran before.
    if asdict(found.stats) | {"flushes": grown["flushes"]} != grown:
        wrong.append("stats")
    if stops != [one for one in part.outcomes if not one.startswith("ret=")]:
        wrong.append("stops")
    return wrong


@cache
def random_parts(seed: int, n: int = 40) -> list[Part]:
    dice = random.Random(seed)
    return by_kernel([accesses(dice, n) for _ in range(3)])


COMPILED_TOO = pytest.param(
    "fast", marks=pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("twin", ["ref", COMPILED_TOO])
def test_a_bulk_run_ends_as_the_kernel_does(seed: int, twin: str) -> None:
    for part in random_parts(SEED + seed):
        assert differences(part, twin) == []


@pytest.mark.parametrize("seed", range(6))
def test_pages_are_shared_with_a_child_as_the_kernel_does(seed: int) -> None:
    first, second, _ = random_parts(SEED + seed)
    was, then = first.after, second.before
    ram, frames = bytearray(was.ram), frames_of(was)
    n_copied = copy_page_range(ram, was.root, then.root, was.areas, frames)
    assert n_copied == len(then.entries) > 0
    assert ram == then.ram
    assert (users(frames), frames.free, frames.next) == (then.frames, then.free, then.next)


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7 + "B5"], ids=str)
def test_trees_that_wait_differently_serve_such_faults_alike(tree: Tree) -> None:
    dice = random.Random(SEED)
    for part in by_kernel([accesses(dice, 40) for _ in range(3)], tree):
        assert differences(part) == []


def test_these_runs_meet_every_way_to_serve_a_fault() -> None:
    met: dict[str, int] = {"taken again": 0}

    def noted(*args: Any, **keys: Any) -> BulkResult:
        n_free = len(keys["frames"].free)
        done = run_bulk(*args, **keys)
        met["taken again"] += n_free - len(keys["frames"].free)
        for key in ("n_zero_maps", "n_zero_fills", "n_zero_copies", "n_copies", "n_reuses", "n_tables"):
            met[key] = met.get(key, 0) + getattr(done, key)
        met[done.stop.name] = met.get(done.stop.name, 0) + 1
        return done

    for seed in range(6):
        for part in random_parts(SEED + seed):
            in_bulk(part, "ref", noted)
    assert set(met) > {"NONE", "SEGV_MAPERR", "SEGV_ACCERR"}
    assert min(met.values()) > 0, met


# One rule of the handler wrong. Not in the list: entries that lack A or D. The access that is made again sets
# them, so no handler can be told from another by that when the run is over.
MUTANTS = {
    "zero-page-writable": ("pfn << PAGE_SHIFT | P | US)", "pfn << PAGE_SHIFT | P | US | RW)"),
    "zero-page-dirty": ("pfn << PAGE_SHIFT | P | US)", "pfn << PAGE_SHIFT | P | US | D)"),
    "zero-page-counted": ("self.n_zero_maps += 1", "self.n_zero_maps += 1; self.frames.mapcount[pfn] += 1"),
    "zero-page-never-used": ("if write else self.frames.zero_pfn", ""),
    "fresh-page-read-only": ("| P | US | RW | D)", "| P | US | D)"),
    "fresh-page-uncounted": ("self.frames.mapcount[pfn] += 1", "pass"),
    "table-without-user": ("TABLE = P | RW | US | A", "TABLE = P | RW | A"),
    "tables-uncounted-as-taken": ("table = self.frames.take_frame(", "table = self.frames.alloc_page("),
    "reuse-instead-of-copy": ("if frames.mapcount[pfn] != 1:", "if False:"),
    "copy-instead-of-reuse": ("if frames.mapcount[pfn] != 1:", "if True:"),
    "copy-by-references": ("if frames.mapcount[pfn] != 1:", "if frames.refcount[pfn] == 1:"),
    "reused-page-read-only": ("entry | RW | A | D", "entry | A | D"),
    "copy-of-nothing": ("ram[page_bytes(source)]", "ram[page_bytes(pfn)]"),
    "reference-kept": ("frames.refcount[source] -= 1", "pass"),
    "entry-kept": ("frames.mapcount[source] -= 1", "pass"),
    "copy-uncounted": (
        "        frames.mapcount[pfn] += 1\n        write_entry(ram",
        "        write_entry(ram",
    ),
    "copy-not-flushed": ("self.mmu.invlpg(va)", "pass"),
    "zero-page-copied-as-another": ("return self.wp_page_copy(va, where, None)", "return Stop.FOREIGN"),
    "writes-everywhere": ("if not area.writable if write", "if not area.readable if write"),
    "area-with-its-end": ("bisect_right", "bisect_left"),
    "area-below-its-start": ("or self.areas[number].start > va", ""),
    "signals-uncounted": ("        self.n_faults += 1\n", "        self.n_faults += fault.cr2 % 4096 == 0\n"),
}


def mutant(old: str, new: str) -> Run:
    """`run_bulk` of the readable twin, with a replacement in the source of its handler."""
    source = Path(ref_bulk.__file__).read_text(encoding="utf-8")
    if old not in source:
        raise LookupError(f"{old!r} isn't in ref/bulk.py")
    module = ModuleType("mutant_bulk")
    exec(compile(source.replace(old, new), "<mutant of ref/bulk.py>", "exec"), module.__dict__)

    def run(*args: Any, **keys: Any) -> BulkResult:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ref_bulk, "run_bulk", module.run_bulk)
            return run_bulk(*args, **keys)

    return run


@pytest.mark.parametrize("name", MUTANTS)
def test_a_handler_with_a_wrong_rule_is_noticed(name: str) -> None:
    run = mutant(*MUTANTS[name])
    assert any(differences(part, "ref", run) for seed in range(6) for part in random_parts(SEED + seed))


MUTANTS_IN_C = {
    "zero-page-writable": ("X86_P | X86_US | rights)", "X86_P | X86_US | X86_RW | rights)"),
    "free-frames-last": ("return b->n_free ?", "return b->next == b->n_frames ?"),
    "fresh-page-as-it-was": (
        "        memset(page_of_frame(m, pfn), 0, PAGE);\n        rights",
        "        rights",
    ),
    "table-as-it-was": ("memset(m->ram + table, 0, PAGE);", ""),
    "reuse-instead-of-copy": ("if (b->mapcount[pfn] != 1)", "if (0)"),
    "copy-instead-of-reuse": ("if (b->mapcount[pfn] != 1)", "if (1)"),
    "copy-of-nothing": ("page_of_frame(m, source), PAGE", "page_of_frame(m, pfn), PAGE"),
    "reference-kept": ("b->refcount[source]--;", ""),
    "entry-kept": ("b->mapcount[source]--;", ""),
    "area-with-its-end": ("va < b->areas[middle].end", "va <= b->areas[middle].end"),
    "last-area-anywhere": ("- b->areas[b->last_area].start)\n", "- b->areas[b->last_area].start + 4096)\n"),
    "values-of-the-run-before": ("int64_t first = i;", "int64_t first = i + 1;"),
}


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> compiled.Workshop:
    return compiled.Workshop(tmp_path_factory.mktemp("bulk"))


@pytest.mark.long
@pytest.mark.skipif(not compiled.AVAILABLE, reason="there is no compiler, or no Cython")
@pytest.mark.parametrize("name", MUTANTS_IN_C)
def test_a_compiled_handler_with_a_wrong_rule_is_noticed(
    name: str, workshop: compiled.Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = MUTANTS_IN_C[name]

    def edit(file: str, text: str) -> str:
        if file != "bulk.c":
            return text
        assert text.count(old) == 1
        return text.replace(old, new)

    monkeypatch.setattr(twins, "_fast", compiled.load(workshop.build(name, edit, simd=False)))
    monkeypatch.setenv("FAULTLAB_VARIANT", "plain")
    parts = [part for seed in range(6) for part in random_parts(SEED + seed)]
    assert any(differences(part, "fast") for part in parts)
