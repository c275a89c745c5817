"""`faultlab trace`: record, show, run, curve; what they print, write and refuse."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyemu.hw import TlbArray, TlbConfig, make_mmu
from pyemu.hw.costs import ledger
from pyemu.hw.presets import PRESETS
from pyemu.memtrace import CHUNK, Header, Memtrace, MemtraceWriter
from pyemu.memtrace.pages import mapped, touched
from pyemu.memtrace.reuse import Reuse
from pyemu.memtrace.sample import SAMPLE

NEEDS_VALGRIND = pytest.mark.skipif(shutil.which("valgrind") is None, reason="there is no valgrind here")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A trace of six accesses."""
    path = tmp_path / "small.memtrace"
    with (
        path.open("wb") as file,
        MemtraceWriter(file, Header(("cp", "a b", "$h{"), "2025-01-01", "lackey")) as writer,
    ):
        addresses = [0x40_0000, 0x7FFF_F000, 0x40_0004, 0x40_1000, 0x7FFF_F008, 0x40_0008]
        writer.append(np.array(addresses, np.uint64), np.array([2, 1, 2, 2, 0, 2], np.uint8))
        writer.ended = "the command ended with status 0"
    return path


@pytest.fixture
def front(tmp_path: Path) -> Path:
    """The first chunk of the sample."""
    path = tmp_path / "front.memtrace"
    with path.open("wb") as file, MemtraceWriter(file, Header()) as writer:
        writer.append(*next(Memtrace(SAMPLE).chunks()))
    return path


@NEEDS_VALGRIND
def test_a_real_command_is_recorded_and_shown(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "true.memtrace"
    said = faultlab("trace", "record", "-o", path, "--", "true", "--help")
    assert (said.status, list(tmp_path.iterdir())) == (0, [path])
    assert re.search(r"true\.memtrace: [\d,]+ accesses: .*; the command ended with status 0\.\n$", said.err)
    trace = Memtrace(path)
    assert trace.header.command == ("true", "--help")
    assert re.fullmatch(r"valgrind-3\.\d+.* lackey", trace.header.tool)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", trace.header.date)
    totals = trace.totals
    assert 10_000 < totals.n_fetches < 10_000_000
    assert totals.n_writes < totals.n_reads < totals.n_fetches
    # Two runs of the same program fetch nearly the same instructions.
    assert faultlab("trace", "record", "-o", path, "true", "--help").status == 0
    assert Memtrace(path).totals.n_fetches == pytest.approx(totals.n_fetches, rel=0.1)


@NEEDS_VALGRIND
def test_a_limit_ends_the_command_after_exactly_so_many_accesses(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "some.memtrace"
    said = faultlab("trace", "record", "-o", path, "--limit", "12345", "sleep", "1000")
    assert said.status == 0
    assert (Memtrace(path).totals.n, Memtrace(path).totals.ended) == (
        12345,
        "ended after 12345 accesses, as asked",
    )


@NEEDS_VALGRIND
def test_a_command_that_fails_is_recorded_and_its_status_told(
    faultlab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = faultlab("trace", "record", "false")
    assert said.status == 0
    assert said.err.endswith("; the command ended with status 1.\n")
    assert Memtrace("false.memtrace").totals.ended == "the command ended with status 1"


def test_without_valgrind_the_package_is_named(
    faultlab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    said = faultlab("trace", "record", "true")
    assert (said.status, list(tmp_path.iterdir())) == (2, [])
    assert "apt-get install valgrind" in said.err


def test_the_sample_is_what_its_note_says() -> None:
    trace = Memtrace(SAMPLE)
    assert SAMPLE.stat().st_size <= 2_000_000
    assert trace.header.command[:2] == ("perl", "-e")
    assert trace.header.tool == "valgrind-3.19.0 lackey"
    assert sum(len(chunk.kinds) for chunk in trace.chunks()) == trace.totals.n > 11 * CHUNK


def test_show_gives_header_regions_and_top_pages(faultlab: Any, small: Path) -> None:
    said = faultlab("trace", "show", small)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(
        "small.memtrace: cp 'a b' '$h{'\n"
        "  recorded 2025-01-01 by lackey; the command ended with status 0\n"
        "  6 accesses: 4 fetches, 1 reads, 1 writes\n"
    )
    assert "3 pages of 4 KiB, by region" in said.out
    assert re.search(r"0x400000 +0x402000 +2 +4 +0 +0 *\n", said.out)
    assert re.search(r"0x7ffff000 +0x80000000 +1 +0 +1 +1 *\n", said.out)
    assert re.search(r"0x400000 +50\.0% +3 +0 +0 *\n", said.out)


def test_show_writes_every_page_as_json(faultlab: Any, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    faultlab("trace", "show", small, "--pages", "2M", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    assert data["header"]["command"] == ["cp", "a b", "$h{"]
    assert data["pages"] == [
        {"va": 0x40_0000, "n_reads": 0, "n_writes": 0, "n_fetches": 4},
        {"va": 0x7FE0_0000, "n_reads": 1, "n_writes": 1, "n_fetches": 0},
    ]


def ran(faultlab: Any, path: Path, out: Path, *words: str) -> tuple[str, list[dict[str, Any]]]:
    """Run a trace; give what was printed, and the runs as data."""
    said = faultlab("trace", "run", path, *words, "--json", out)
    assert (said.status, said.err) == (0, "")
    return said.out, json.loads(out.read_text("utf-8"))["runs"]


def test_run_counts_as_the_mmu_does(faultlab: Any, front: Path, tmp_path: Path) -> None:
    tlbs = {
        "8x2,32x3": TlbConfig.two_level(8, 2, 32, 3),
        "1x64": TlbConfig((TlbArray(1, 64),)),
        "skylake": PRESETS["skylake"].config,
    }
    words = [word for name in tlbs for word in ("--tlb", name)]
    text, runs = ran(faultlab, front, tmp_path / "out.json", *words)
    trace = Memtrace(front)
    for one, (name, tlb) in zip(runs, tlbs.items(), strict=True):
        machine = mapped(touched(trace.chunks()))
        mmu = make_mmu(machine.ram, tlb=tlb)
        mmu.load(machine.cpu)
        for chunk in trace.chunks():
            mmu.access_many(chunk.addresses, chunk.kinds)
        stats = mmu.stats
        assert (one["name"], one["stats"]) == (name, json.loads(json.dumps(asdict(stats))))
        assert (one["n_refs"], one["cycles"]) == (sum(stats.walk_refs), ledger(stats).total)
        for number in (f"{stats.l1_misses:,} (", f"{stats.walks:,} (", f"{ledger(stats).total:,} "):
            assert number in text


def test_large_pages_have_more_reach_and_shorter_walks(faultlab: Any, front: Path, tmp_path: Path) -> None:
    (small,), (large,) = (
        ran(faultlab, front, tmp_path / "out.json", "--tlb", "1x16", "--pages", pages)[1]
        for pages in ("4K", "2M")
    )
    assert large["n_tables"] < small["n_tables"]
    assert large["stats"]["walks"] == large["n_pages"] < 16 < small["stats"]["walks"]
    for one, n_levels in ((small, 4), (large, 3)):
        assert one["n_refs"] == (one["stats"]["walks"] + one["stats"]["d_walks"]) * n_levels


def test_curve_gives_every_curve_as_text_and_as_data(faultlab: Any, front: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    said = faultlab("trace", "curve", front, "--json", path)
    assert (said.status, said.err) == (0, "")
    data = json.loads(path.read_text("utf-8"))
    chunk = next(Memtrace(front).chunks())
    reuse = Reuse(data["window"])
    reuse.add((chunk.addresses >> np.uint64(12)).astype(np.int64))
    assert data["misses"]["all"] == [int(reuse.misses(n)[n]) for n in data["entries"]]
    assert data["misses"]["all"][-1] == reuse.n_pages
    assert data["windows"] == reuse.windows.tolist()
    assert data["accesses"]["fetches"] + data["accesses"]["reads and writes"] == reuse.n
    assert len(data["first"]) == reuse.n_pages
    assert f"{data['misses']['all'][3]:,} (" in said.out
    assert re.search(r"\n +8 +32 KiB ", said.out)
    assert re.search(r"\n  \|[▁▂▃▄▅▆▇█ ]{72}\|\n", said.out)
    rows = re.findall(r"^ +0x[0-9a-f]+ \|([ ░▒▓█]{72})\| (\d+)$", said.out, re.MULTILINE)
    assert sum(int(n) for _, n in rows) == reuse.n_pages
    assert max(map(len, said.out.splitlines())) <= 100


def test_the_same_curves_give_the_same_picture(faultlab: Any, small: Path, tmp_path: Path) -> None:
    for suffix in ("svg", "png"):
        sums = set()
        for name in ("one", "two"):
            path = tmp_path / f"{name}.{suffix}"
            assert faultlab("trace", "curve", small, "--plot", path).status == 0
            sums.add(hashlib.sha256(path.read_bytes()).hexdigest())
        assert len(sums) == 1
    text = (tmp_path / "one.svg").read_text("utf-8")
    assert text.startswith("<?xml")
    assert "<dc:date>" not in text


def test_a_trace_of_nothing_can_be_shown_and_run_but_has_no_curves(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.memtrace"
    with path.open("wb") as file, MemtraceWriter(file, Header()):
        pass
    assert "an unknown command" in faultlab("trace", "show", path).out
    assert faultlab("trace", "run", path).status == 0
    said = faultlab("trace", "curve", path)
    assert (said.status, said.err) == (2, f"faultlab: {path} holds no access, so it has no curves.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "none.memtrace"], "none.memtrace: No such file or directory"),
        (["show", "notes.txt"], "notes.txt: at byte 0: it doesn't begin as a trace of accesses does"),
        (["run", "notes.txt"], "notes.txt: at byte 0"),
        (["curve", "notes.txt"], "notes.txt: at byte 0"),
        (["curve", "high.memtrace"], ""),
        (["run", "high.memtrace"], "va 0x800000000000 is not canonical"),
        (
            ["run", "--tlb", "16"],
            "--tlb 16: give sets and ways of one level or two, as 1x64 or 16x4,128x12, or a",
        ),
        (["run", "--tlb", "16x4,axb"], "--tlb 16x4,axb: give sets and ways"),
        (["run", "--tlb", "0x4,1x1"], "sets is 0x0; it must lie in"),
        (["run", "--pages", "8K"], "--pages 8K: it must be 4K or 2M."),
        (["curve", "--pages", "1"], "--pages 1: it must be 4K or 2M."),
        (["curve", "--plot", "x.pdf"], "--plot x.pdf: the name must end in .svg or .png."),
        (["curve", "--plot", "no/x.svg"], "no/x.svg can't be written"),
        (["show", "--json", "no/x.json"], "no/x.json can't be written"),
        (["record", "-o", "no/x.memtrace", "true"], "no/x.memtrace can't be written"),
        (["record", "--limit", "0", "true"], "Invalid value for '--limit'"),
        (["record"], "Missing argument 'COMMAND'"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("notes", "utf-8")
    with Path("high.memtrace").open("wb") as file, MemtraceWriter(file, Header()) as writer:
        writer.append(np.array([1 << 47], np.uint64), np.array([0], np.uint8))
    before = set(tmp_path.iterdir())
    said = faultlab("trace", *words)
    assert said.status == (2 if message else 0)
    assert message in said.err
    assert set(tmp_path.iterdir()) == before


@NEEDS_VALGRIND
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no command './made'"),
        ("#!/no/such/interpreter\n", "./made made no access that valgrind saw; it says: "),
    ],
)
def test_what_can_t_be_recorded_leaves_no_file(
    faultlab: Any, content: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = Path("made")
    if content is not None:
        made.write_text(content, "utf-8")
        made.chmod(0o755)
    said = faultlab("trace", "record", "./made")
    assert said.status == 2
    assert message in said.err
    assert list(tmp_path.glob("*.memtrace*")) == []


def test_a_picture_without_matplotlib_is_refused_before_the_work(
    faultlab: Any, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = faultlab("trace", "curve", small, "--plot", tmp_path / "x.svg")
    assert (said.status, said.out) == (2, "")
    assert "pip install matplotlib" in said.err


def test_the_commands_are_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.trace.command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('numpy', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
