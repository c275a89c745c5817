"""``check()`` and ``hint()``, as a notebook uses them.

Both print text and give nothing back. The text of a passed check is the same for every right answer, so that
``pytest --nbval`` on a filled-in notebook is green for each check that passes, and red for the others.

Under nbgrader a check cell gives its points unless it raises. nbgrader says in `NBGRADER` that it runs the
notebook; then a check without points raises after it has printed its feedback.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course.checks.answer import newer_cell, notebook_names, notebook_source, source_of
from course.checks.failed_run import keep_run
from course.checks.feedback import one_mistake, overview, row_text
from course.checks.judge import judge
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome, Verdict
from course.inline import NOTE, PROCESSES
from course.progress import record
from pyemu.errors import FaultlabError, MaterialError

if TYPE_CHECKING:
    from course.material.exercise import Exercise

__all__ = ["NBGRADER", "check", "hint"]

NBGRADER = "NBGRADER_EXECUTION"
"""The variable that nbgrader 0.9.6 sets for a kernel (``utils.setenv``): ``autograde`` or ``validate``."""


def check(
    exercise: str,
    behaviour: str | None = None,
    *,
    answer: Callable[..., Any] | str | None = None,
    seed: str | None = None,
) -> None:
    """Check your answer to an exercise and print the verdict.

    Parameters
    ----------
    exercise : str
        For example ``"e04_loop"``.
    behaviour : str, optional
        One check of it, such as ``"s13"``; all of them when left out.
    answer : callable or str, optional
        Your function or its source. Left out, it is what this notebook defines by the right names.
    seed : str, optional
        Draws other numbers for the scenarios: pages, times, how many wakes.

    Raises
    ------
    AssertionError
        Under nbgrader alone: the behaviour that was asked for has no points.
    """
    try:
        text, passed = _check(exercise, behaviour, answer, seed)
    except FaultlabError as error:
        text, passed = f"faultlab: {error}", False
    print(text)
    if behaviour is not None and not passed and NBGRADER in os.environ:
        raise AssertionError(f"{exercise}, {behaviour}: no points; the text above says why.")


def hint(exercise: str, step: int | None = None) -> None:
    """Print a hint; 1 is a nudge, the last one nearly the answer.

    Parameters
    ----------
    exercise : str
        For example ``"e04_loop"``.
    step : int, optional
        1, 2, ...; left out, it says how many there are.
    """
    try:
        print(_hint(exercise, step))
    except FaultlabError as error:
        print(f"faultlab: {error}")


def _hint(exercise: str, step: int | None) -> str:
    hints = exercise_of(exercise).hints
    if step is None:
        return f'{len(hints)} hints, from a nudge to nearly the answer. The first: hint("{exercise}", 1)'
    if step not in range(1, len(hints) + 1):
        raise MaterialError(f"hint {step!r} of {exercise} does not exist: there are 1 to {len(hints)}.")
    return f"Hint {step} of {len(hints)}: {hints[step - 1]}"


def _check(
    name: str, behaviour: str | None, answer: Callable[..., Any] | str | None, seed: str | None
) -> tuple[str, bool]:
    """Give the text of a verdict, and whether all that was asked for passed."""
    exercise, checks = exercise_of(name), checks_of(name)
    known = [one.id for one in exercise.behaviours]
    if behaviour is not None and behaviour not in known:
        raise MaterialError(f"{name} has no check {behaviour!r}; it has: {', '.join(known)}.")
    stale = ""
    if answer is None:
        names = notebook_names()
        if names is None:
            raise MaterialError(
                f"outside a notebook, say what is to be checked: check({name!r}, answer={checks.answers[0]})."
            )
        source = notebook_source(names, checks.answers)
        stale = newer_cell(names, checks.answers)
    else:
        source = source_of(answer)
    verdict = _verdict(exercise, source, seed)
    with suppress(FaultlabError):  # `faultlab progress` names it; a check says nothing but its verdict
        record(verdict)
    if behaviour is not None:
        row = next(row for row in verdict.rows if row.behaviour.id == behaviour)
        text, passed = row_text(row), row.outcome is Outcome.PASSED
        if kept := keep_run(verdict, behaviour, source):
            text += f'\n\nTo step through this run: from course.views import stepper; stepper("{kept}")'
    else:
        text = _joined(overview(verdict, checks), one_mistake(verdict), _where(verdict))
        passed = verdict.points == exercise.points
    return _joined(stale, text, "" if PROCESSES else NOTE), passed


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def _where(verdict: Verdict) -> str:
    """Say where the reason of the first failed check is read."""
    failed = (row.behaviour.id for row in verdict.rows if row.outcome is Outcome.FAILED)
    first = next(failed, None)
    return f'To see why the first of them failed: check("{verdict.exercise}", "{first}")' if first else ""


@lru_cache(maxsize=8)
def _verdict(exercise: Exercise, source: str, seed: str | None) -> Verdict:
    """Judge an answer once, though each check cell of a notebook asks for its own part of the verdict."""
    return judge(exercise, checks_of(exercise.id), source, seed)
