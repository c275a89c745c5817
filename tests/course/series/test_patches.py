"""The sixteen rows."""

from __future__ import annotations

import re

import pytest

from course.linuxfacts import load
from course.series.pairs import PAIRS
from course.series.patches import N_PATCHES, PATCHES, Kind, Patch, patch_of
from course.series.showings import SHOWINGS
from course.series.synthetic import SYNTHETIC
from pyemu import Scenario
from pyemu.errors import FaultlabError
from pyemu.tree import N_PATCHES as TREE_PATCHES

ROWS = ("S2", "S8a", "S8b")  # rows of decision tables, which have the names of cards as well


def test_there_are_sixteen_in_order() -> None:
    assert [patch.number for patch in PATCHES] == list(range(1, N_PATCHES + 1))
    assert N_PATCHES == TREE_PATCHES == 16


def test_what_each_is() -> None:
    kinds = {kind: [patch.number for patch in PATCHES if patch.kind is kind] for kind in Kind}
    assert kinds == {
        Kind.RENAME: [1],
        Kind.REFACTOR: [2, 3, 4, 5, 6, 7, 11, 16],
        Kind.BEHAVIOUR: [9, 10, 13, 14, 15],
        Kind.ACCIDENT: [8, 12],
    }


def test_six_commit_ids_are_known() -> None:
    assert {patch.number: patch.commit for patch in PATCHES if patch.commit} == {
        3: "4ef873226ceb",
        11: "dde160724832",
        12: "c270a7eedcf2",
        13: "4064b9827063",
        14: "4426e945df58",
        15: "71335f37c5e8",
    }


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"P{patch.number}")
def test_each_row_is_complete_and_tells_what_changes_or_why_nothing_does(patch: Patch) -> None:
    assert patch.title
    assert patch.function
    assert re.fullmatch(r"[\w/.*]+(, [\w/.*]+)*", patch.file)
    assert patch.what.endswith(".")
    assert patch.note.endswith(".")
    assert bool(patch.rows) is (patch.number in (9, 10, 12, 13, 14, 15))
    if patch.rows:
        assert any(before != after for _, before, after in patch.rows)
        assert len({situation for situation, _, _ in patch.rows}) == len(patch.rows)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"P{patch.number}")
def test_what_shows_it_exists(patch: Patch) -> None:
    words = set(re.findall(r"[\w'-]+", patch.shown))
    proven = words & {"proof", "names"}
    assert bool(proven) is (patch.number in PAIRS)
    scenarios = {one.scenario for one in SHOWINGS.get(patch.number, ())}
    assert words - {"proof", "names", "only", *ROWS} <= scenarios
    assert scenarios <= {*Scenario.library(), *SYNTHETIC}
    assert words & {*scenarios, *ROWS} or proven


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"P{patch.number}")
def test_each_row_rests_on_facts_that_exist_its_own_first(patch: Patch) -> None:
    facts = load()
    assert patch.facts[0].startswith(f"p{patch.number:02}-")
    assert [one for one in patch.facts if one not in facts] == []


@pytest.mark.parametrize("number", [0, 17, -1])
def test_another_number_is_refused(number: int) -> None:
    with pytest.raises(FaultlabError, match=rf"patch {number} does not exist: .* 1 to 16"):
        patch_of(number)
