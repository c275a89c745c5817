"""``results.json``: the form that Gradescope reads, and ours in its ``extra_data``.

Equal submissions, seeds and versions give equal bytes: there is no time and no path in it.
"""

from __future__ import annotations

import json
from typing import Any

from course.checks.feedback import explain
from course.checks.verdict import Outcome, Row
from course.checks.visible import visible
from course.grading.grade import Grade
from course.grading.record import judged_by

__all__ = ["results", "results_text", "row_output"]


def results(grade: Grade) -> dict[str, Any]:
    """Give a grade as plain data.

    Parameters
    ----------
    grade : Grade
        Of one submission.

    Returns
    -------
    dict
        ``score``, ``output``, ``visibility``, ``tests`` as Gradescope defines them; ``extra_data`` is ours.
        Without a grade (``extra_data.status`` is ``rejected``) the score is 0, since the form has no word
        for it.
    """
    import pyemu

    return {
        "score": grade.points or 0,
        "output": _output(grade),
        "visibility": "visible",
        "tests": [_test(number, row) for number, row in enumerate(grade.rows, 1)],
        "extra_data": {
            "faultlab": {
                "version": pyemu.__version__,
                "submission": grade.submission,
                "sha256": grade.digest,
                "exercise": grade.exercise,
                "exercise_sha256": judged_by(grade.exercise),
                "seed": grade.seed,
                "sandbox": grade.sandbox,
                "status": grade.status.value,
                "points": grade.points,
                "max_points": grade.max_points,
                "headline": visible(_headline(grade)),
                "findings": [
                    {"name": one.name, "severity": one.severity.name.lower(), "message": visible(one.message)}
                    for one in grade.findings
                ],
                "behaviours": [_behaviour(row) for row in grade.rows],
                "printed": grade.printed,
            }
        },
    }


def results_text(grade: Grade) -> str:
    """Give the text of ``results.json``."""
    return json.dumps(results(grade), indent=1, ensure_ascii=True) + "\n"


def row_output(row: Row) -> str:
    """Give what a learner reads about one behaviour."""
    return explain(row.feedback) if row.feedback is not None else row.reason


def _headline(grade: Grade) -> str:
    """Give the first sentence of the feedback, or of what was found; empty for a right answer."""
    said = [row.feedback.headline for row in grade.rows if row.feedback is not None]
    said += [one.message for one in grade.findings]
    return said[0] if said else ""


def _test(number: int, row: Row) -> dict[str, Any]:
    return {
        "number": str(number),
        "name": row.behaviour.title,
        "score": row.points,
        "max_score": row.behaviour.points,
        "status": "passed" if row.outcome is Outcome.PASSED else "failed",
        "output": row_output(row),
        "output_format": "text",
        "visibility": "visible",
    }


def _behaviour(row: Row) -> dict[str, Any]:
    return {
        "id": row.behaviour.id,
        "outcome": row.outcome.value,
        "points": row.points,
        "max_points": row.behaviour.points,
        "cause": row.feedback.cause if row.feedback is not None else "",
    }


def _output(grade: Grade) -> str:
    """Give what is to be said about the submission as a whole."""
    lines = [visible(one.message) for one in grade.findings]
    if grade.points is None:
        lines.append("It was not run and has no grade yet: a person has to look at it.")
    if grade.printed:
        lines += ["Your function printed (this costs no points):", grade.printed]
    return "\n".join(lines)
