"""The page of comparisons says what the stored runs say."""

from __future__ import annotations

import pytest

from tests.peers import compared
from tests.peers.venvs import PACKAGES, version_of

FINE = {"points": 11.0, "neighbour": 11.0, "ended": "", "left": 0, "files": [], "traceback": False}


def test_the_page_is_made_of_the_stored_runs():
    assert compared.PAGE.read_text(encoding="utf-8") == compared.page(*compared.read())


def test_all_attacks_were_run_under_all_tools_of_the_pinned_versions():
    cpu, attacked = compared.read()
    assert len(attacked["wanted"]) == 53
    for name in attacked["wanted"]:
        assert attacked["attacks"][name].keys() == {"faultlab", *PACKAGES}, name
    pinned = {tool: version_of(package, tool) for tool, package in PACKAGES.items()}
    for stored in filter(None, (cpu, attacked)):
        assert {tool: stored["versions"][tool] for tool in PACKAGES} == pinned


def test_nothing_went_wrong_under_our_own_grader():
    _, attacked = compared.read()
    wrong = {
        name: compared.findings(attacked["attacks"][name]["faultlab"], wanted, attacked["points"])
        for name, wanted in attacked["wanted"].items()
    }
    assert {name: said for name, said in wrong.items() if said} == {}


def test_an_honest_notebook_has_its_points_under_every_tool():
    _, attacked = compared.read()
    points = attacked["points"]
    honest = attacked["attacks"]["honest"]
    assert {tool: (one["points"], one["neighbour"]) for tool, one in honest.items()} == dict.fromkeys(
        ("faultlab", *PACKAGES), (points, points)
    )


@pytest.mark.parametrize(
    ("facts", "outcome", "max_score", "said"),
    [
        ({}, "graded", 1.0, []),
        ({"points": 0.0}, "failed", 0.0, []),
        ({"points": 2.0}, "failed", 0.0, [compared.UNDESERVED]),
        ({"points": None}, "graded", 1.0, [compared.LESS]),
        ({"points": 0.0}, "rejected", 0.0, [compared.GUESSED]),
        ({"points": None}, "rejected", 0.0, []),
        ({}, "killed", 0.0, [compared.NO_LIMIT]),
        ({"neighbour": None}, "graded", 1.0, [compared.STOPPED]),
        ({"neighbour": 10.0}, "graded", 1.0, [compared.CHANGED]),
        ({"points": None, "neighbour": None, "ended": "time"}, "killed", 0.0, ["did not end in time"]),
        ({"traceback": True, "left": 1}, "graded", 1.0, [compared.TRACEBACK, compared.LEFT]),
    ],
)
def test_facts_are_judged(facts, outcome, max_score, said):
    wanted = {"outcome": outcome, "max_score": max_score}
    assert compared.findings(FINE | facts, wanted, 11) == said
