"""`faultlab run` and `faultlab scenarios`: one run, two runs, levels, JSON, strictness, mistakes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from course.run.library import told
from course.run.show import difference, outcomes
from course.views import stepper
from pyemu import Scenario, Trace, Tree, run

# A signal while the kernel waits, on a tree without patch 9: an endless loop in user mode.
SPINS = """
version = 1
name = "mine"
title = "A loop"
machine = { max_ticks = 50_000 }

[[areas]]
name = "V"
userfaultfd = true

[[tasks]]
name = "T"
signals = { SIGUSR1 = "handler" }
program = [{ do = "read", area = "V" }]

[[tasks]]
name = "M"
monitor = true
program = [
    { do = "wait_message" },
    { do = "signal", task = "T", signal = "SIGUSR1" },
    { do = "pause", ticks = 10_000 },
    { do = "copy", area = "V" },
]
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(SPINS, encoding="utf-8")
    return path


def test_one_run_tells_title_story_timeline_counts_and_outcomes(faultlab: Any) -> None:
    said = faultlab("run", "S13", "--tree", "upto12")
    scenario = Scenario.load("S13")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(f"S13: {scenario.title}\n\nT reads a missing page.")
    assert "Source: card P13" in said.out
    assert "S13 on tree upto12" in said.out
    assert "wakes up: the monitor woke it" in said.out
    assert "attempts (handle_mm_fault)                      2" in said.out
    assert "On tree upto12:\n  T: SIGBUS(code=2)\n  M: no access\n  end: done at 10002 us" in said.out
    assert said.out.endswith("  broken rules: none\n  as the scenario says\n")


def test_the_tree_is_after_unless_one_is_named(faultlab: Any) -> None:
    assert "S13 on tree after" in faultlab("run", "S13").out


def test_the_same_run_gives_the_same_text(faultlab: Any) -> None:
    words = ("run", "S10a", "--tree", "before", "--diff", "after")
    assert faultlab(*words).out == faultlab(*words).out


def test_two_runs_stand_side_by_side_with_both_counts_and_the_first_difference(faultlab: Any) -> None:
    said = faultlab("run", "S13", "--tree", "upto12", "--diff", "upto13")
    assert said.status == 0
    assert ">> PARTS" in said.out
    assert "On tree upto12:\n  T: SIGBUS(code=2)" in said.out
    assert "On tree upto13:\n  T: ret=5" in said.out
    table, found = said.out.split("First difference (times are not compared)\n")
    assert "tree upto12  tree upto13" in table
    lines = [line.strip() for line in found.splitlines()]
    assert [lines.index(head) for head in ("both runs:", "tree upto12:", "tree upto13:")] == [0, 3, 7]
    assert "attempt 2 flags 0x270" in lines[4]
    assert "attempt 2 flags 0x274" in lines[8]
    assert lines[4].startswith(">")
    assert len(lines) == 11


def test_events_of_the_kernel_stand_one_run_after_the_other(faultlab: Any) -> None:
    out = faultlab("run", "S13", "--tree", "before", "--diff", "after", "--level", "kernel").out
    assert out.index("S13 on tree before\n") < out.index("S13 on tree after\n") < out.index("Task T, S13")
    assert "do_user_addr_fault" in out
    assert "S13 on tree before\n       0 us  T  access " in out


def test_each_level_tells_more(faultlab: Any) -> None:
    story, kernel, hardware = (
        faultlab("run", "S13", "--level", level).out for level in ("story", "kernel", "hardware")
    )
    assert "table entries read" in hardware
    assert "table entries read" not in kernel
    assert "call          handle_mm_fault" in kernel
    assert "call          handle_mm_fault" not in story


def test_equal_runs_have_no_difference() -> None:
    one, other = run("S13", Tree.before), run("S13", Tree.upto(1))
    assert difference(one, other) == "First difference: none. The two runs tell the same story."


def test_a_run_that_ends_earlier_differs_where_it_ends() -> None:
    long, short = run("S13", Tree.after), run("S13", Tree.after)
    cut = Trace.from_jsonl("\n".join(long.trace.to_jsonl().splitlines()[:20]))
    object.__setattr__(short, "trace", cut)
    assert "> (has ended)" in difference(long, short)


def test_the_trace_is_written_as_json_lines(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert faultlab("run", "S10a", "--tree", "before", "--json", path).status == 0
    assert path.read_text(encoding="utf-8") == run("S10a", Tree.before).trace.to_jsonl()


def test_the_trace_is_written_for_chrome(faultlab: Any, tmp_path: Path) -> None:
    path, lines = tmp_path / "out.json", tmp_path / "out.jsonl"
    assert faultlab("run", "S10a", "--tree", "before", "--chrome", path, "--json", lines).status == 0
    trace = run("S10a", Tree.before).trace
    assert path.read_text(encoding="utf-8") == trace.to_chrome()
    assert lines.read_text(encoding="utf-8") == trace.to_jsonl()


def test_a_page_with_a_stepper_is_written_for_one_run_and_for_two(faultlab: Any, tmp_path: Path) -> None:
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    assert faultlab("run", "S10a", "--tree", "before", "--page", one).status == 0
    assert faultlab("run", "S10a", "--tree", "before", "--diff", "after", "--page", two).status == 0
    runs = run("S10a", Tree.before), run("S10a", Tree.after)
    assert one.read_text(encoding="utf-8") == stepper(runs[0]).page()
    assert two.read_text(encoding="utf-8") == stepper(*runs).page()


def test_a_scenario_may_come_from_a_file_and_need_not_say_what_to_expect(faultlab: Any, mine: Path) -> None:
    said = faultlab("run", mine, "--tree", "before")
    assert said.status == 0
    assert said.out.startswith("mine: A loop\n\nmine on tree before")
    assert said.out.endswith("  expected: the scenario says nothing of this tree\n")


def test_a_strict_run_that_breaks_a_rule_is_shown_and_has_status_1(faultlab: Any, mine: Path) -> None:
    words = ("run", mine, "--tree", "upto13-9")
    said = faultlab(*words, "--strict")
    assert said.status == 1
    assert said.err == "faultlab: mine on tree upto13-9: a task spun without a wait (I3).\n"
    assert "spins: 1" in said.out
    relaxed = faultlab(*words)
    assert (relaxed.status, relaxed.out, relaxed.err) == (0, said.out, "")


def test_a_strict_run_in_order_has_status_0(faultlab: Any) -> None:
    assert faultlab("run", "S13", "--tree", "before", "--strict").status == 0


def test_a_strict_difference_looks_at_both_runs(faultlab: Any, mine: Path) -> None:
    said = faultlab("run", mine, "--tree", "after", "--diff", "upto13-9", "--strict")
    assert (said.status, said.err.count("\n")) == (1, 1)


def test_what_is_not_as_the_scenario_says_is_told() -> None:
    text = Path(Scenario.load.__code__.co_filename).parents[1].joinpath("scenarios", "S13.toml").read_text()
    said = outcomes(run(Scenario.from_toml(text.replace("attempts = 2", "attempts = 9")), Tree.before))
    assert said.endswith("  not as the scenario says:\n    T: attempts should be 9, and is 2.")


def test_broken_rules_are_told_one_by_one() -> None:
    said = outcomes(run("S4", Tree.upto(4)))
    assert "broken rules: 3" in said
    assert "T: bad unlock balance: " in said
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize("words", [("scenarios",), ("run",)])
def test_the_library_is_listed_with_titles_and_expectations(faultlab: Any, words: tuple[str, ...]) -> None:
    said = faultlab(*words)
    assert said.status == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 100
    for name in Scenario.library():
        assert any(line.split()[:1] == [name] for line in lines), name
    assert "T SIGBUS(code=2)" in said.out


def test_an_expectation_reads_as_a_line_with_the_counts_that_differ() -> None:
    text = """
    [expect."before upto9"]
    T = { outcomes = ["ret=1", "ret=2"], attempts = 2, sleeps = 1, messages = 4 }
    violations = ["I3"]

    [expect.after]
    T = { outcomes = ["ret=1", "ret=3"], attempts = 3, sleeps = 1 }
    end = "hang"
    """
    assert told(Scenario.from_toml(SPINS + textwrap.dedent(text))) == [
        "before upto9: T ret=1, ret=2, attempts 2; breaks I3",
        "after: T ret=1, ret=3, attempts 3; hang",
    ]
    assert told(Scenario.from_toml(f"{SPINS}[expect.after]\n")) == ["after: in order"]
    assert told(Scenario.from_toml(SPINS)) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["S99"], "scenario 'S99' is not in the library: it has "),
        (["S13", "--tree", "nine"], "tree 'nine' is unknown: a tree is before, after, v5_7"),
        (["S13", "--tree", "upto17"], "upto(17) has no meaning: the series has patches 1 to 16"),
        (["S13", "--tree", "after-12"], "patch 16 without patch 12 has no meaning"),
        (["S13", "--tree", "before", "--diff", "after+99"], "patch 99 does not exist"),
        (["S13", "--level", "all"], "level 'all' is unknown: it must be one of story, kernel, hardware."),
        (["no/such/file.toml"], "does not exist: check the path"),
        (["S13", "--json", "no/such/folder/out.jsonl"], "no/such/folder/out.jsonl"),
        (["S13", "--diff", "before", "--json", "out.jsonl"], "--json writes one trace"),
        (["S13", "--diff", "before", "--chrome", "out.json"], "--chrome writes one trace"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = faultlab("run", *words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("faultlab: ")
    assert message in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_file_is_named(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SPINS.replace('area = "V" }', 'area = "W" }'), encoding="utf-8")
    said = faultlab("run", path)
    assert said.status == 2
    assert "bad.toml" in said.err
    assert "W" in said.err


def test_the_commands_are_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.run.command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('numpy', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['pyemu.errors']\n"
