"""`faultlab explore`: one tree, two trees, exit statuses, schedules, JSON, mistakes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course.explore.processes import explored
from pyemu import Scenario, Tree
from pyemu.explore import explore, replay


def test_what_the_scenario_permits_is_told_and_has_status_0(faultlab: Any) -> None:
    said = faultlab("explore", "S13", "--tree", "before")
    found = explore("S13", Tree.before)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(
        "S13: A wake without a page\n"
        f"On tree before: every interleaving explored ({found.n_states} states, {found.n_moves} moves): only "
        "what the scenario permits.\n"
    )
    assert re.search(r"SIGBUS +T +yes +T accesses memory and gets SIGBUS\. +38 +T\*13 M\*7 T\*18", said.out)
    assert re.search(r"T: SIGBUS\(code=2\) +43 ", said.out)
    assert "Replay the shortest one that is permitted:\n" in said.out
    assert said.out.endswith(" --schedule 'T*13 M*7 T*18'\n")
    assert max(map(len, said.out.splitlines())) <= 100


def test_nothing_found_has_status_0(faultlab: Any) -> None:
    said = faultlab("explore", "S13")
    assert said.status == 0
    assert "On tree after: every interleaving explored" in said.out
    assert "no rule is broken." in said.out
    assert "What was found" not in said.out
    assert "faultlab explore" not in said.out


def test_a_violation_has_status_1_and_the_command_that_replays_it(faultlab: Any) -> None:
    said = faultlab("explore", "S10a", "--tree", "after-9")
    assert said.status == 1
    assert re.search(r"spin +T +NO ", said.out)
    assert "Replay the shortest violation:" in said.out
    *_, command = said.out.splitlines()
    program, *words = shlex.split(command)
    assert program == "faultlab"
    assert words[:5] == ["explore", "S10a", "--tree", "after-9", "--schedule"]
    assert faultlab(*words).status == 0


def test_a_budget_that_ends_first_proves_nothing_and_has_status_3(faultlab: Any) -> None:
    said = faultlab("explore", "S13", "--max-states", "100")
    assert said.status == 3
    assert re.search(
        r"explored \d+ states, not finished: no violation so far, and nothing is proven\.", said.out
    )
    assert "every interleaving" not in said.out


def test_a_violation_counts_even_if_the_budget_ends_first(faultlab: Any) -> None:
    said = faultlab("explore", "S10a", "--tree", "after-9", "--max-states", "2000")
    assert said.status == 1
    assert "not finished" in said.out


@pytest.mark.parametrize("method", ["local", "full"])
def test_each_method_finds_the_same_endings(faultlab: Any, method: str) -> None:
    said = faultlab("explore", "S10c", "--tree", "upto10-9", "--method", method)
    assert said.status == 0
    assert "T: SIGBUS(code=2)" in said.out
    assert "T: ret=5" in said.out


def test_two_trees_are_compared_by_their_endings(faultlab: Any) -> None:
    said = faultlab("explore", "S10c", "--tree", "upto10-9", "--against", "upto10")
    assert said.status == 0
    assert said.out.count("every interleaving explored") == 2
    assert re.search(r"upto10-9 +SIGBUS +T +yes", said.out)
    assert re.search(r"T: ret=5 +both", said.out)
    assert re.search(r"T: SIGBUS\(code=2\) +only upto10-9", said.out)
    assert said.out.endswith("Endings: 1 of both trees, 1 of upto10-9 only, 0 of upto10 only.\n")


def test_two_trees_that_end_alike_are_said_to(faultlab: Any) -> None:
    said = faultlab("explore", "S13", "--tree", "before", "--against", "upto1")
    assert said.out.endswith("Endings: both trees have the same 1 one.\n")


def test_of_two_trees_one_that_is_not_finished_may_have_more_endings(faultlab: Any) -> None:
    said = faultlab("explore", "S13", "--tree", "before", "--against", "after", "--max-states", "500")
    assert said.status == 3
    assert "Not finished on after: an ending that was not seen there may exist all the same." in said.out


def test_a_violation_on_the_second_tree_has_status_1(faultlab: Any) -> None:
    assert faultlab("explore", "S10a", "--against", "after-9").status == 1


def test_a_written_trace_is_that_of_the_schedule_byte_for_byte(faultlab: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    said = faultlab("explore", "S10a", "--tree", "after-9", "--trace", first)
    words = shlex.split(said.out.splitlines()[-1])[1:]
    again = faultlab(*words, "--trace", second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text("utf-8") == replay("S10a", Tree.after - 9, words[-1]).trace.to_jsonl()
    assert again.out.startswith("S10a on tree after-9 by a schedule; times count moves\n")
    assert "starts attempt 5" in again.out
    assert "end: stopped after 73 moves" in again.out


def test_a_trace_of_nothing_is_not_written(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    said = faultlab("explore", "S13", "--trace", path)
    assert said.status == 0
    assert said.err == f"faultlab: nothing was found, so {path} is not written.\n"
    assert not path.exists()


def test_a_replayed_schedule_tells_how_it_ended_and_what_broke_on_the_way(faultlab: Any) -> None:
    finding = explore("B2", Tree.after).finding("page never got")
    assert finding is not None
    said = faultlab("explore", "B2", "--schedule", " ".join(finding.schedule))
    assert "rules broken on the way: 1\n    T: page never got: " in said.out
    assert "end: done after 37 moves" in said.out


def test_all_that_was_found_is_written_as_json(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    faultlab("explore", "S10c", "--tree", "upto10-9", "--json", path)
    (one,) = json.loads(path.read_text("utf-8"))["explorations"]
    found = explore("S10c", Tree.upto(10) - 9)
    assert (one["tree"], one["finished"], one["n_states"]) == ("upto10-9", True, found.n_states)
    assert [finding["rule"] for finding in one["findings"]] == ["SIGBUS"]
    assert one["findings"][0]["permitted"] is True
    assert [ending["tasks"] for ending in one["endings"]] == [{"T": ["SIGBUS(code=2)"]}, {"T": ["ret=5"]}]
    for ending in one["endings"]:
        told = replay("S10c", Tree.upto(10) - 9, ending["schedule"]).tasks["T"].outcomes
        assert list(told) == ending["tasks"]["T"]


def test_json_of_two_trees_says_which_endings_are_whose(faultlab: Any, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    faultlab("explore", "S10c", "--tree", "upto10", "--against", "upto10-9", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    assert [one["tree"] for one in data["explorations"]] == ["upto10", "upto10-9"]
    assert data["endings"] == {
        "both": [{"T": ["ret=5"]}],
        "only": [
            {"tree": "upto10", "endings": []},
            {"tree": "upto10-9", "endings": [{"T": ["SIGBUS(code=2)"]}]},
        ],
    }


def test_a_scenario_may_come_from_a_file(faultlab: Any, tmp_path: Path) -> None:
    source = Path(Scenario.load.__code__.co_filename).parents[1] / "scenarios" / "S13.toml"
    path = tmp_path / "my own.toml"
    path.write_text(source.read_text("utf-8").replace('permits = ["SIGBUS"]', ""), encoding="utf-8")
    said = faultlab("explore", path, "--tree", "before")
    assert said.status == 1
    words = shlex.split(said.out.splitlines()[-1])
    assert words[2] == str(path)


def test_a_violation_is_replayed_before_something_shorter_that_is_permitted(
    faultlab: Any, tmp_path: Path
) -> None:
    source = Path(Scenario.load.__code__.co_filename).parents[1] / "scenarios" / "S10a.toml"
    path = tmp_path / "patient.toml"
    path.write_text(
        source.read_text("utf-8").replace("[[areas]]", 'permits = ["spin"]\n[[areas]]', 1), "utf-8"
    )
    said = faultlab("explore", path, "--tree", "after-9", "--json", tmp_path / "found.json")
    assert said.status == 1
    data = json.loads((tmp_path / "found.json").read_text("utf-8"))
    spin, livelock = data["explorations"][0]["findings"]
    assert [(one["rule"], one["permitted"]) for one in (spin, livelock)] == [
        ("spin", True),
        ("livelock", False),
    ]
    assert shlex.split(said.out.splitlines()[-1])[-1] == livelock["replay"]


def test_progress_is_shown_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = Scenario.load("S13")
    explored(scenario, Tree.after, "sleep", 1000)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    explored(scenario, Tree.after, "sleep", 1000)
    assert "after:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["S99"], "scenario 'S99' is not in the library: it has "),
        (["S13", "--tree", "nine"], "tree 'nine' is unknown: a tree is before, after, v5_7"),
        (["S13", "--tree", "after-12"], "patch 16 without patch 12 has no meaning"),
        (["S13", "--against", "upto17"], "upto(17) has no meaning: the series has patches 1 to 16"),
        (["S13", "--method", "quick"], "method 'quick' is unknown: it must be one of sleep, local, full."),
        (["S13", "--max-states", "0"], "--max-states is 0: a search needs a budget of at least 1 state."),
        (["S13", "--max-states", "many"], "Invalid value for '--max-states'"),
        (["S13", "--schedule", "T*x"], "'T*x' in a schedule: after * stands how often the task moves"),
        (
            ["S13", "--schedule", "M T*9999999999999"],
            "'T*9999999999999' in a schedule: after * stands how often the task moves, from 1",
        ),
        (["S13", "--schedule", "Q"], "move 1 of the schedule is Q's, who is no task of it."),
        (["S13", "--schedule", "M*50"], "move 4 of the schedule is M's, who can't move then"),
        (["S13", "--schedule", "T", "--against", "before"], "--against has no meaning beside it"),
        (["S13", "--schedule", "T", "--json", "out.json"], "--json has no meaning beside it"),
        (["S13", "--schedule", "T", "--max-states", "9"], "--max-states has no meaning beside it"),
        (["S13", "--schedule", "T", "--method", "full"], "--method has no meaning beside it"),
        (["S13", "--against", "before", "--trace", "t.jsonl"], "--trace has no meaning beside it"),
        (["S13", "--trace", "no/such/t.jsonl"], "no/such/t.jsonl can't be written"),
        (["S13", "--json", "."], "it must be a file in a folder that exists"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = faultlab("explore", *words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.explore.command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('rich', 'tqdm')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['pyemu.errors']\n"
