"""`faultlab bisect`: the trees that were asked, the patches that were found, exit statuses, mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course.explore.processes import asking
from pyemu import Scenario


def asked(out: str) -> dict[str, int]:
    """Give the trees of the table, each with its place in the order of asking."""
    rows = re.findall(r"^ (before|after|upto\d+) +(\d+)  ", out, re.MULTILINE)
    return {tree: int(place) for tree, place in rows}


def test_a_symptom_that_stays_takes_six_trees_and_has_status_0(faultlab: Any) -> None:
    said = faultlab("bisect", "S13", "--symptom", "SIGBUS")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("S13: A wake without a page\nSymptom: SIGBUS, in any interleaving\n\n")
    assert asked(said.out) == {"before": 1, "upto8": 3, "upto12": 4, "upto13": 6, "upto14": 5, "after": 2}
    assert re.search(r"^ upto12 +4  SIGBUS", said.out, re.MULTILINE)
    assert re.search(r"^ upto13 +6  no sign of it", said.out, re.MULTILINE)
    assert "Patch 13 (mm: allow VM_FAULT_RETRY for multiple times):\n  vanishes: SIGBUS\n" in said.out
    assert "Asked: 6 of 17 trees. Plain bisection asks 6, and finds patch 13.\n" in said.out
    assert "--all asks every tree." in " ".join(said.out.split())
    assert max(map(len, said.out.splitlines())) <= 100


def test_what_exists_on_one_tree_only_defeats_plain_bisection_and_is_found(faultlab: Any) -> None:
    said = faultlab("bisect", "S12", "--symptom", "T=EFAULT", "--timed")
    assert said.status == 0
    assert "Symptom: T=EFAULT, in a timed run\n" in said.out
    assert len(asked(said.out)) == 17
    assert "Patch 12 (mm: introduce FAULT_FLAG_INTERRUPTIBLE):\n  appears: T: EFAULT\n" in said.out
    assert "Patch 13 (mm: allow VM_FAULT_RETRY for multiple times):\n  vanishes: T: EFAULT\nPlain" in said.out
    assert (
        "Plain bisection fails here: before and after look alike, so it asks 2 trees and finds nothing. What "
        "comes and goes in between took all 17."
    ) in " ".join(said.out.split())


def test_everything_is_looked_for_unless_a_symptom_is_named(faultlab: Any) -> None:
    said = faultlab("bisect", "S4")
    assert said.status == 0
    assert "Symptom: everything, in any interleaving" in said.out
    assert len(asked(said.out)) == 9
    assert "Asked: 9 of 17 trees. Plain bisection asks 6, and finds patch 4.\n" in said.out
    assert "It misses what changes at patch 13.\n" in said.out


def test_all_asks_every_tree(faultlab: Any) -> None:
    said = faultlab("bisect", "S4", "--symptom", "I2", "--all", "--timed")
    assert said.status == 0
    assert len(asked(said.out)) == 17
    assert said.out.endswith("Asked: 17 of 17 trees. Plain bisection asks 6, and finds patch 13.\n")


def test_a_stretch_is_bisected(faultlab: Any) -> None:
    said = faultlab("bisect", "S4", "--timed", "--symptom", "bad unlock balance", "--to", "upto8")
    assert said.status == 0
    assert asked(said.out) == {"before": 1, "upto2": 4, "upto3": 5, "upto4": 3, "upto8": 2}
    assert "Asked: 5 of 9 trees. Plain bisection asks 5, and finds patch 4.\n" in said.out
    between = faultlab("bisect", "S4", "--timed", "--from", "upto4", "--to", "upto(5)")
    assert (between.status, asked(between.out)) == (1, {"upto4": 1, "upto5": 2})


def test_when_nothing_changes_the_status_is_1(faultlab: Any) -> None:
    said = faultlab("bisect", "S9", "--timed")
    assert said.status == 1
    assert said.out.endswith("No patch changes it: all 17 trees show the same.\n")


def test_an_outcome_that_is_never_seen_is_told_with_those_that_are(faultlab: Any) -> None:
    said = faultlab("bisect", "S12", "--symptom", "T=EFAUL", "--timed")
    assert said.status == 1
    assert said.out.endswith(
        "No patch changes it: all 17 trees show no sign of it.\n"
        "Outcomes of T that were seen: EFAULT, ret=4096.\n"
    )


def test_a_budget_that_ends_first_leaves_trees_undecided_and_has_status_3(faultlab: Any) -> None:
    said = faultlab("bisect", "S13", "--symptom", "SIGBUS", "--max-states", "50")
    assert said.status == 3
    assert re.search(r"^ before +1  not finished: not known", said.out, re.MULTILINE)
    assert "Undecided: before, after. The search was not finished there" in said.out
    assert "Patch" not in said.out
    assert "Plain" not in said.out


def test_a_run_that_comes_to_its_time_limit_is_undecided(faultlab: Any, tmp_path: Path) -> None:
    source = Path(Scenario.load.__code__.co_filename).parents[1] / "scenarios" / "S13.toml"
    text = source.read_text("utf-8").replace('permits = ["SIGBUS"]', "machine = { max_ticks = 1000 }")
    path = tmp_path / "short.toml"
    path.write_text(text, encoding="utf-8")
    said = faultlab("bisect", path, "--timed")
    assert said.status == 3
    assert "Raise max_ticks in the scenario's machine." in " ".join(said.out.split())


def test_what_was_asked_and_found_is_written_as_json(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    faultlab("bisect", "S12", "--symptom", "spin", "--timed", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    assert [one["tree"] for one in data["asked"]] == [
        *("before", "after", "upto8", "upto12", "upto14", "upto13")
    ]
    assert [one["shows"] for one in data["asked"]] == [[], ["spin"], [], [], ["spin"], ["spin"]]
    assert data["changes"] == [{"patch": 13, "appears": ["spin"], "vanishes": []}]
    assert data["plain"]["patch"] == 13
    assert (data["scenario"], data["symptom"], data["timed"]) == ("S12", "spin", True)
    assert (data["undecided"], data["complete"]) == ([], False)


def test_trees_are_explored_as_one_is(faultlab: Any) -> None:
    with asking(Scenario.load("S13"), ("local", 1000)) as ask:
        before, after = ask((0, 16))
    assert (before.finished, after.finished) == (True, True)
    assert (before.rules, after.rules) == (frozenset({"SIGBUS"}), frozenset())
    with asking(Scenario.load("S13"), ("sleep", 50)) as ask:
        (before,) = ask((0,))
    assert not before.finished


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["S99"], "scenario 'S99' is not in the library: it has "),
        (["S13", "--symptom", "spins"], "symptom 'spins' is unknown: it must be endings, everything"),
        (["S13", "--symptom", "U=EFAULT"], "TASK=OUTCOME with a task of S13 (T, M)"),
        (["S13", "--from", "nine"], "tree 'nine' is unknown"),
        (["S13", "--to", "upto17"], "upto(17) has no meaning"),
        (["S13", "--to", "after-12"], "patch 16 without patch 12 has no meaning"),
        (["S13", "--to", "after-9"], "--to after-9 is no tree along the series"),
        (["S13", "--to", "v5_7"], "--to v5_7 is no tree along the series"),
        (["S13", "--from", "after", "--to", "before"], "the stretch from tree 16 to tree 0 is none"),
        (["S13", "--method", "quick"], "method 'quick' is unknown"),
        (["S13", "--max-states", "0"], "--max-states is 0"),
        (["S13", "--timed", "--max-states", "9"], "--timed explores nothing: --max-states has no meaning"),
        (["S13", "--timed", "--method", "full"], "--timed explores nothing: --method has no meaning"),
        (["S13", "--timed", "--symptom", "livelock"], "'livelock' can't be seen in a timed run"),
        (["S13", "--json", "no/such/found.json"], "no/such/found.json can't be written"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = faultlab("bisect", *words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert "Traceback" not in said.err


def test_the_command_is_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.explore.bisect_command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('rich', 'tqdm')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['pyemu.errors']\n"
