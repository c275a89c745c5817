"""The roles of cells are written as nbgrader 0.9.6 writes and reads them."""

from __future__ import annotations

from typing import Any

import pytest

from course.material.nbgrader import Role, cells_of_role, checksum, grade_id, role_of, with_role
from course.material.source import Notebook


def cell(source: str, cell_id: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": cell_id, "metadata": {}, "source": source}


# Computed by nbgrader 0.9.6 (`nbgrader.utils.compute_checksum`) for these cells.
@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (with_role(cell("START = 3", "setup"), Role.GIVEN), "f053c76b1060f064b11d598a82645b85"),
        (
            with_role(cell('print("double(3) =", double(START))', "positive"), Role.CHECK, 2),
            "d50f37517254c2afdbf2294530450c08",
        ),
        (
            with_role(
                cell(
                    'def double(number):\n    """Return twice the number."""\n'
                    "    # your line here\n    return None",
                    "answer",
                ),
                Role.ANSWER,
            ),
            "cda3ac68c2ba551ea220b25f3ee6c032",
        ),
    ],
)
def test_the_checksum_is_nbgraders(marked, expected):
    assert marked["metadata"]["nbgrader"]["checksum"] == expected
    assert checksum(marked | {"source": marked["source"] + " "}) != expected


def test_the_checksum_of_a_cell_that_people_grade_is_nbgraders():
    meta = {"grade": True, "solution": True, "locked": False, "grade_id": "essay", "points": 3}
    essay = cell("x = 1", "essay") | {"metadata": {"nbgrader": meta}}
    assert checksum(essay) == "0fe284bf6b796ffa6e6d5c4bfe1d01bf"  # by nbgrader 0.9.6


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_read_as_it_was_written(role):
    assert role_of(with_role(cell("x", "a"), role, 1)) is role


def test_only_the_learners_cells_can_be_edited():
    locks = {role: with_role(cell("x", "a"), role, 1)["metadata"].get("editable", True) for role in Role}
    assert locks == {Role.ANSWER: True, Role.CHECK: False, Role.GIVEN: False}


@pytest.mark.parametrize(
    "metadata", [None, {}, {"nbgrader": 3}, {"nbgrader": {"grade_id": 3}}, {"nbgrader": {}}]
)
def test_damaged_metadata_has_no_grade_id(metadata):
    assert grade_id({"metadata": metadata}) is None
    assert role_of({"metadata": metadata}) is None


def test_cells_are_found_by_role_in_order(learner: Notebook):
    assert list(cells_of_role(learner, Role.CHECK)) == ["positive", "negative"]
    assert list(cells_of_role(learner, Role.ANSWER)) == ["answer"]
    assert list(cells_of_role(learner, Role.GIVEN)) == ["setup"]
