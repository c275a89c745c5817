"""Whatever an answer's functions give back, and whatever its tables hold, there is a verdict."""

from __future__ import annotations

import pytest

from course.checks.answer import joined
from course.checks.judge import Judge
from course.checks.library import checks_of, exercise_ids, exercise_of
from tests.exercises.answers import COMPILED, master

VALUES = ("{1: [2]}", "[{}, {1: {2}}]", "float('nan')", "1 << 70", "'x' * 5000")


@pytest.mark.parametrize("name", [one for one in exercise_ids() if one not in COMPILED])
def test_a_strange_value_costs_points_and_nothing_else(name: str):
    exercise, checks = exercise_of(name), checks_of(name)
    judge, right = Judge(exercise, checks), master(exercise)
    for value in VALUES:
        for answer in checks.answers:
            plain, awaited = f"def {answer}(", f"async def {answer}("
            head = awaited if awaited in right else plain
            gives = f"{head}*args):\n    return {value}" if head in right else f"{answer} = {value}"
            verdict = judge.verdict(joined([right, gives]))
            assert verdict.points < exercise.points, (value, answer)
            assert all(row.feedback for row in verdict.rows if row.outcome.value == "failed")
