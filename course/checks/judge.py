"""The judge: runs every check of an exercise and gives points.

What a learner's function does is seen only in the results of runs. Four things end a verdict early:

- the source can't be loaded: no check gives points;
- the function does what no handler may (`FORFEITS`): no check gives points, also those before;
- it never comes to an end (`ENDLESS`): the checks after that are skipped, since each would cost seconds;
- a check failed: those that build on it are skipped, because they would repeat its message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from course.checks.difference import Difference, first_difference
from course.checks.draw import Draw
from course.checks.facts import FACTS
from course.checks.runs import run_case
from course.checks.specification import OVERLOOKED, Cause, Check, Checks, Run
from course.checks.visible import visible

if TYPE_CHECKING:
    from course.material.exercise import Behaviour, Exercise

__all__ = ["Feedback", "Outcome", "Verdict", "VerdictRow", "judge"]

FORFEITS = frozenset({"delegates", "not on the list", "forbidden import", "protocol"})
ENDLESS = "endless"


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Why a check failed, for its author.

    Attributes
    ----------
    headline : str
        The first sentence.
    happens : str
        The scenario; empty when none was run.
    mine, kernel : str
        What became of it with the learner's function, and with the kernel's.
    difference : Difference or None
        The first event that differs.
    because, read : str
        The likely cause, and where to read.
    cause : str
        Name of the wrong answer that shows the same; empty when none fits.
    printed : str
        What the function printed in this run.
    """

    headline: str
    happens: str = ""
    mine: str = ""
    kernel: str = ""
    difference: Difference | None = None
    because: str = ""
    read: str = ""
    cause: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """The verdict on one behaviour.

    Attributes
    ----------
    behaviour : Behaviour
        From ``exercise.toml``.
    outcome : Outcome
        What became of it.
    reason : str
        Why it was skipped, or the kernel's reason after success.
    feedback : Feedback or None
        For a failed check.
    """

    behaviour: Behaviour
    outcome: Outcome
    reason: str = ""
    feedback: Feedback | None = None

    @property
    def points(self) -> int:
        """All of the behaviour's points, or none."""
        return self.behaviour.points if self.outcome is Outcome.PASSED else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one answer.

    Attributes
    ----------
    exercise : str
        Its id.
    seed : str or None
        What the scenarios' numbers were drawn with; None for the plain ones.
    rows : tuple of VerdictRow
        One a behaviour, in the order of ``exercise.toml``.
    printed : str
        What the function printed, each text once.
    """

    exercise: str
    seed: str | None
    rows: tuple[VerdictRow, ...]
    printed: str = ""

    @property
    def points(self) -> int:
        """The points of all behaviours."""
        return sum(row.points for row in self.rows)

    @property
    def max_points(self) -> int:
        """The points of a right answer."""
        return sum(row.behaviour.points for row in self.rows)

    @property
    def full(self) -> bool:
        """Whether the answer is right."""
        return self.points == self.max_points


def judge(
    exercise: Exercise, checks: Checks, source: str, seed: str | None = None, run: RunCase = run_case
) -> Verdict:
    """Judge an answer.

    Parameters
    ----------
    exercise : Exercise
        Behaviours, points, messages.
    checks : Checks
        The checks of that exercise.
    source : str
        The answer's source.
    seed : str, optional
        Draws the numbers of the scenarios; None takes the plain ones.
    run : callable
        `runs.run_case`, or one that keeps what it has run.

    Returns
    -------
    Verdict
        A row for each behaviour. Nothing is raised for what the source does.
    """
    from pyemu.handler import HandlerFault

    rows: list[VerdictRow] = []
    passed: dict[str, bool] = {}
    printed: list[str] = []
    endless = ""
    for behaviour in exercise.behaviours:
        parent = next((one for one in exercise.behaviours if one.id == behaviour.parent), None)
        if parent is not None and not passed[parent.id]:
            row = VerdictRow(behaviour, Outcome.SKIPPED, f"It builds on {parent.id!r}: {parent.title}.")
        elif endless:
            row = VerdictRow(behaviour, Outcome.SKIPPED, f"It was not run: {endless!r} found a loop without an end.")
        else:
            check = checks.checks[behaviour.id]
            try:
                failed = _first_failure(exercise, checks, behaviour, source, seed, run, printed)
            except HandlerFault as fault:
                return _nothing(exercise, seed, Feedback(visible(str(fault)), read=checks.read), printed)
            if failed is None:
                row = VerdictRow(behaviour, Outcome.PASSED, check.why)
            else:
                feedback, rule = failed
                if rule in FORFEITS:
                    return _nothing(exercise, seed, feedback, printed)
                endless = behaviour.id if rule == ENDLESS else ""
                row = VerdictRow(behaviour, Outcome.FAILED, feedback=feedback)
        passed[behaviour.id] = row.outcome is Outcome.PASSED
        rows.append(row)
    return Verdict(exercise.id, seed, tuple(rows), "\n".join(printed))


RunCase = Callable[..., Run]


def _nothing(exercise: Exercise, seed: str | None, feedback: Feedback, printed: list[str]) -> Verdict:
    """Give a verdict without points, with the same feedback for every behaviour."""
    rows = tuple(VerdictRow(one, Outcome.FAILED, feedback=feedback) for one in exercise.behaviours)
    return Verdict(exercise.id, seed, rows, "\n".join(printed))


def _first_failure(
    exercise: Exercise,
    checks: Checks,
    behaviour: Behaviour,
    source: str,
    seed: str | None,
    run: RunCase,
    printed: list[str],
) -> tuple[Feedback, str] | None:
    """Run the cases of a behaviour until one fails; give feedback and the rule of a finding, or None."""
    check = checks.checks[behaviour.id]
    for case in check.cases(Draw(seed, f"{exercise.id}/{behaviour.id}")):
        done = run(case, source, checks.function)
        said = visible(done.printed.strip(), lines=True)
        if said and said not in printed:
            printed.append(said)
        problem = _problem(check, done, checks.function)
        if problem:
            feedback = replace(_explained(exercise, checks, check, done, problem), printed=said)
            return feedback, done.mine.findings[0].rule if done.mine.findings else ""
    return None


def _problem(check: Check, run: Run, function: str) -> str:
    """Say what is wrong with a run, in a sentence; empty when nothing is."""
    for finding in run.mine.findings:
        if finding.rule == "crash" and "NotImplementedError" in finding.text:
            return f"Your answer is not written yet: {function} ends with NotImplementedError."
        return finding.text
    for violation in run.mine.violations:
        if violation.rule not in OVERLOOKED:
            return f"{violation.rule[:1].upper()}{violation.rule[1:]}: {violation.text}"
    if run.mine.end != run.kernel.end:
        return f"The run did not come to an end: {run.mine.end_text}."
    for name in check.equal:
        if getattr(run.facts, name) != getattr(run.wanted, name):
            mine, kernel = FACTS[name](run.facts), FACTS[name](run.wanted)
            return f"{run.case.task} {'' if name == 'outcome' else 'shows '}{mine}; with the kernel's own function: {kernel}."
    return ""


def _explained(exercise: Exercise, checks: Checks, check: Check, run: Run, problem: str) -> Feedback:
    """Find the likely cause of a problem and put the feedback together."""
    found = None if run.mine.findings else _cause(checks, run)
    names = [name for name in check.equal if name != "outcome"]
    feedback = Feedback(
        headline=visible(problem),
        happens=run.case.happens,
        mine=", ".join(FACTS[name](run.facts) for name in ("outcome", *names)),
        kernel=", ".join(FACTS[name](run.wanted) for name in ("outcome", *names)),
        difference=first_difference(run.mine.trace, run.kernel.trace),
        read=checks.read,
    )
    if found is None:
        return feedback
    cause, numbers = found
    message = next(one.message for one in exercise.wrong if one.name == cause.name)
    return replace(
        feedback,
        headline=message.format_map(numbers),
        because=cause.because,
        read=cause.read,
        cause=cause.name,
    )


def _cause(checks: Checks, run: Run) -> tuple[Cause, dict[str, int | str]] | None:
    """Find the first cause that a run shows, and the numbers of its message."""
    for cause in checks.causes:
        numbers = cause.shows(run)
        if numbers is not None:
            return cause, dict(numbers)
    return None
