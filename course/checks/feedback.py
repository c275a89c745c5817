"""A verdict in words.

The first line of a failed check is the one sentence that its author needs most; scenario, both outcomes,
the first event that differs, the likely cause and a place to read follow. What a passed check says
depends on the exercise alone, so that a notebook's stored output fits every right answer; the kernel's
reasons come in the overview, when all is done.
"""

from __future__ import annotations

import textwrap

from course.checks.facts import plural
from course.checks.specification import Checks
from course.checks.verdict import Feedback, Outcome, Row, Verdict

__all__ = ["explain", "overview", "printed_text", "row_text", "summary", "title_line"]

WIDTH = 100
PRINTED_LINES = 20
_MARKS = {Outcome.PASSED: "PASS", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "SKIP"}


def title_line(row: Row) -> str:
    """Give mark, points and title of one check in a line."""
    points = plural(row.behaviour.points, "point")
    return f"{_MARKS[row.outcome]}  {row.points} of {points}  {row.behaviour.title}"


def row_text(row: Row) -> str:
    """Give the verdict on one behaviour.

    Parameters
    ----------
    row : Row
        The verdict.

    Returns
    -------
    str
        Lines without a newline at the end; one line when it passed.
    """
    if row.feedback is not None:
        return f"{title_line(row)}\n\n{explain(row.feedback)}"
    if row.outcome is Outcome.SKIPPED:
        return f"{title_line(row)}\n\n{row.reason}"
    return title_line(row)


def overview(verdict: Verdict, checks: Checks) -> str:
    """Give the verdict on an answer in a few lines.

    Parameters
    ----------
    verdict : Verdict
        On all behaviours.
    checks : Checks
        The exercise's checks.

    Returns
    -------
    str
        A line for each behaviour and the sum. When all passed, the kernel's reasons and the real change.
    """
    lines = [*map(title_line, verdict.rows), "", summary(verdict)]
    if verdict.full:
        who = checks.whose.removesuffix("'s").lower()
        lines += ["", f"Why {who} does it so"]
        for row in verdict.rows:
            lines += _wrapped(row.behaviour.id, row.reason)
        if checks.commit is not None:
            commit = f"commit {checks.commit.id}, " if checks.commit.id else ""
            lines += _wrapped("in Linux", commit + checks.commit.title)
    return "\n".join(lines)


def one_mistake(verdict: Verdict) -> str:
    """Give the headline of several failed checks that all have the same; empty when they don't."""
    headlines = [row.feedback.headline for row in verdict.rows if row.feedback is not None]
    return textwrap.fill(headlines[0], WIDTH) if len(headlines) > len(set(headlines)) == 1 else ""


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
        ("Yours", feedback.mine),
        (feedback.whose, feedback.right),
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
    width = 16
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {label:<{width}}", subsequent_indent=" " * (width + 2)
    )
