from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from course.grading.grade import Grade
from course.grading.record import Record
from course.grading.results import results
from course.grading.table import cell, table


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_like_a_formula(text: str):
    assert cell(text)[0] not in "=+-@\t\r"


def test_a_cell_is_one_line():
    assert cell("a\nb") == "a\\nb"


def test_commas_and_quotes_come_back_as_they_were(graded: tuple[dict[str, Grade], Path]):
    record = replace(Record.of(results(graded[0]["cut"])), submission='a,"b"')
    (row,) = csv.DictReader(io.StringIO(table(exercise_of("e04_loop"), [record])))
    assert row["submission"] == 'a,"b"'
