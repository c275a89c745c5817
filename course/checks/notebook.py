"""``check()`` and ``hint()``, as a notebook uses them.

Both print text and give nothing back. The text of a passed check is the same for every right answer, so that
``pytest --nbval`` on a filled-in notebook is green for each check that passes, and red for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from course.checks.answer import notebook_names, source_of
from course.checks.feedback import row_text, summary, title_line
from course.checks.judge import Verdict, judge
from course.checks.library import checks_of, exercise_of
from pyemu.errors import FaultlabError, MaterialError

__all__ = ["check", "hint"]


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
        Your function or its source. Left out, it is the function of this notebook that has the right name.
    seed : str, optional
        Draws other numbers for the scenarios: pages, times, how many wakes.
    """
    try:
        for line in _check(exercise, behaviour, answer, seed):
            print(line)
    except FaultlabError as error:
        print(f"faultlab: {error}")


def hint(exercise: str, step: int = 1) -> None:
    """Print a hint; 1 is a nudge, 3 is nearly the answer.

    Parameters
    ----------
    exercise : str
        For example ``"e04_loop"``.
    step : int
        1 to 3.
    """
    try:
        hints = exercise_of(exercise).hints
        if step not in range(1, len(hints) + 1):
            raise MaterialError(f"hint {step!r} of {exercise} does not exist: there are 1 to {len(hints)}.")
        print(f"Hint {step} of {len(hints)}: {hints[step - 1]}")
    except FaultlabError as error:
        print(f"faultlab: {error}")


def _check(
    name: str, behaviour: str | None, answer: Callable[..., Any] | str | None, seed: str | None
) -> list[str]:
    """Give the lines of a verdict."""
    exercise, checks = exercise_of(name), checks_of(name)
    known = [one.id for one in exercise.behaviours]
    if behaviour is not None and behaviour not in known:
        raise MaterialError(f"{name} has no check {behaviour!r}; it has: {', '.join(known)}.")
    if answer is None:
        names = notebook_names()
        if names is None:
            raise MaterialError(
                f"outside a notebook, say what is to be checked: check({name!r}, answer={checks.function})."
            )
        answer = names.get(checks.function)
        if answer is None:
            raise MaterialError(
                f"{checks.function} is not defined yet: run the cell that defines it, then this one again."
            )
    verdict = _verdict(name, exercise.folder, source_of(answer), seed)
    if behaviour is not None:
        return [row_text(row, checks) for row in verdict.rows if row.behaviour.id == behaviour]
    return [*map(title_line, verdict.rows), summary(verdict)]


@lru_cache(maxsize=8)
def _verdict(name: str, folder: Path, source: str, seed: str | None) -> Verdict:
    """Judge an answer once, though each check cell of a notebook asks for its own part of the verdict."""
    return judge(exercise_of(name), checks_of(name), source, seed)
