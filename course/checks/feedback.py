"""A verdict in words.

The first line of a failed check is the one sentence that its author needs most; scenario, both outcomes, the first
event that differs, the likely cause and a place to read follow. A passed check gives the kernel's reason. What a
passed check says depends on the exercise alone, so that a notebook's stored output fits every right answer.
"""

from __future__ import annotations

import textwrap

from course.checks.facts import plural
from course.checks.judge import Feedback, Outcome, Verdict, VerdictRow
from course.checks.specification import Checks

__all__ = ["explain", "printed_text", "row_text", "summary", "title_line"]

WIDTH = 100
PRINTED_LINES = 20
_MARKS = {Outcome.PASSED: "PASS", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "SKIP"}


def title_line(row: VerdictRow) -> str:
    """Give mark, points and title of one check in a line."""
    points = plural(row.behaviour.points, "point")
    return f"{_MARKS[row.outcome]}  {row.points} of {points}  {row.behaviour.title}"


def row_text(row: VerdictRow, checks: Checks) -> str:
    """Give the verdict on one behaviour.

    Parameters
    ----------
    row : VerdictRow
        The verdict.
    checks : Checks
        The exercise's checks.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    lines = [title_line(row), ""]
    if row.feedback is not None:
        lines.append(explain(row.feedback))
    else:
        lines += _wrapped("Why", row.reason)
    if row.outcome is Outcome.PASSED:
        lines += _wrapped("Linux", f"commit {checks.commit.id}, {checks.commit.title}")
    return "\n".join(lines)


def explain(feedback: Feedback) -> str:
    """Give the feedback on a failed check; its first line is the headline.

    Parameters
    ----------
    feedback : Feedback
        Of the check.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    lines = textwrap.wrap(feedback.headline, WIDTH)
    for label, text in (
        ("Scenario", feedback.happens),
        ("Your function", feedback.mine),
        ("The kernel's", feedback.kernel),
    ):
        lines += _wrapped(label, text)
    if feedback.difference is not None:
        found = feedback.difference
        lines.append("  First event that differs (= both, - yours, + the kernel's)")
        for mark, events in (("=", found.before), ("-", found.mine), ("+", found.kernel)):
            lines += [f"    {mark} {event}" for event in events or ("   (the trace ends)",)]
    lines += _wrapped("Likely cause", feedback.because)
    lines += _wrapped("Where to read", feedback.read)
    if feedback.printed:
        lines += ["  Your function printed", *printed_text(feedback.printed)]
    return "\n".join(lines)


def printed_text(printed: str) -> list[str]:
    """Give what a function printed, indented and cut to its first lines."""
    lines = printed.splitlines()
    shown = [f"    | {line[:WIDTH]}" for line in lines[:PRINTED_LINES]]
    if len(lines) > PRINTED_LINES:
        shown.append(f"    | ... {plural(len(lines) - PRINTED_LINES, 'line')} more")
    return shown


def summary(verdict: Verdict) -> str:
    """Give the sum of a verdict in a line."""
    return f"{verdict.points} of {plural(verdict.max_points, 'point')}"


def _wrapped(label: str, text: str) -> list[str]:
    """Give a labelled paragraph; nothing for an empty one."""
    if not text:
        return []
    width = 15
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {label:<{width}}", subsequent_indent=" " * (width + 2)
    )
