"""The judge: runs every check of an exercise and gives points.

What a learner's function does is seen only in the results of runs. A judge of many answers makes the cases
once, and plays a case only for an answer that says what none has said before (`course.conversations`). Five
things end a verdict early:

- the source can't be loaded: no check gives points;
- the function does what no handler may (`FORFEITS`): no check gives points, also none of those before;
- it never comes to an end (`ENDLESS`): the checks after that are skipped, since each would cost seconds;
- this machine lacks what a check needs (`UNAVAILABLE`): the check is skipped, and the reason is said;
- a check failed: those that build on it are skipped, because they would repeat its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from course.checks.draw import Draw
from course.checks.specification import Case, Cause, Check, Checks, Finding, Run
from course.checks.verdict import Feedback, Outcome, Row, Verdict
from course.checks.visible import visible
from course.conversations import Conversations
from course.nursery import nursery

if TYPE_CHECKING:
    from course.material.exercise import Behaviour, Exercise

__all__ = ["UNAVAILABLE", "Judge", "judge"]

FORFEITS = frozenset({"delegates", "not on the list", "forbidden import", "protocol", "limit"})
ENDLESS = "endless"
UNAVAILABLE = "not on this machine"
ONE_CELL = (
    "Only the cells of your answer are taken: put what they use into them, and what tries them into others."
)
AWAITED_VALUE = re.compile(r"can't be (used in 'await' expression|awaited)")
NO_AWAIT = "What you await there is a value already: leave out its `await`."


def judge(exercise: Exercise, checks: Checks, source: str, seed: str | None = None) -> Verdict:
    """Judge one answer; see `Judge`."""
    return Judge(exercise, checks, seed).verdict(source)


class Judge:
    """Judges answers to an exercise, all with the same cases.

    Parameters
    ----------
    exercise : Exercise
        Behaviours, points, messages.
    checks : Checks
        The checks of that exercise.
    seed : str, optional
        Draws the numbers of the scenarios; None takes the plain ones.
    """

    def __init__(self, exercise: Exercise, checks: Checks, seed: str | None = None) -> None:
        self.exercise = exercise
        self.checks = checks
        self.seed = seed
        self._cases: dict[str, list[tuple[Case, Conversations[_Seen]]]] = {}

    def verdict(self, source: str) -> Verdict:
        """Judge an answer.

        Parameters
        ----------
        source : str
            Its source; it is executed in child processes only.

        Returns
        -------
        Verdict
            A row for each behaviour; it depends on no answer that was judged before. Nothing is raised for
            what the source does.
        """
        try:
            return _Sitting(self, source).verdict()
        finally:
            nursery().sweep()

    def cases(self, behaviour: str) -> list[tuple[Case, Conversations[_Seen]]]:
        """Give the cases of a behaviour, each with what answers have said in it."""
        from course.handlers import start_process

        if behaviour not in self._cases:
            draw = Draw(self.seed, f"{self.exercise.id}/{behaviour}")
            made = self.checks.checks[behaviour].cases(draw)
            self._cases[behaviour] = [(case, Conversations(start_process)) for case in made]
        return self._cases[behaviour]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came of one case: what was printed, what stopped the answer, and what is wrong, if anything."""

    said: str
    findings: tuple[Finding, ...]
    feedback: Feedback | None


class _Forfeit(Exception):
    """No behaviour gives points, whatever else was seen."""

    def __init__(self, rule: str, feedback: Feedback) -> None:
        super().__init__(feedback.headline)
        self.rule = rule
        self.feedback = feedback


class _Skipped(Exception):
    """A check can't be made on this machine; the text is the reason."""


@dataclass(slots=True)
class _Sitting:
    """One answer before the judge."""

    judge: Judge
    source: str
    printed: list[str] = field(default_factory=list)
    endless: str = ""  # the behaviour whose check never came to an end

    @property
    def exercise(self) -> Exercise:
        """What the answer is to."""
        return self.judge.exercise

    @property
    def checks(self) -> Checks:
        """What is checked."""
        return self.judge.checks

    def verdict(self) -> Verdict:
        """Run all checks."""
        stopped = ""
        try:
            rows = tuple(self._rows())
        except _Forfeit as forfeit:
            stopped = forfeit.rule
            behaviours = self.exercise.behaviours
            rows = tuple(Row(one, Outcome.FAILED, feedback=forfeit.feedback) for one in behaviours)
        return Verdict(self.exercise.id, self.judge.seed, rows, "\n".join(self.printed), stopped)

    def _rows(self) -> Iterator[Row]:
        passed: set[str] = set()
        titles = {one.id: one.title for one in self.exercise.behaviours}
        for behaviour in self.exercise.behaviours:
            if behaviour.parent is not None and behaviour.parent not in passed:
                reason = f"It builds on {behaviour.parent!r}, which did not pass: {titles[behaviour.parent]}."
                yield Row(behaviour, Outcome.SKIPPED, reason)
            elif self.endless:
                reason = f"It was not run: in {self.endless!r} your function never came to an end."
                yield Row(behaviour, Outcome.SKIPPED, reason)
            else:
                yield self._judged(behaviour, passed)

    def _judged(self, behaviour: Behaviour, passed: set[str]) -> Row:
        try:
            feedback = self._failure(behaviour)
        except _Skipped as skipped:
            return Row(behaviour, Outcome.SKIPPED, str(skipped))
        if feedback:
            return Row(behaviour, Outcome.FAILED, feedback=feedback)
        passed.add(behaviour.id)
        return Row(behaviour, Outcome.PASSED, self.checks.checks[behaviour.id].why)

    def _failure(self, behaviour: Behaviour) -> Feedback | None:
        """Run the cases of a behaviour until one fails."""
        from pyemu.handler import HandlerFault

        check = self.checks.checks[behaviour.id]
        for case, conversations in self.judge.cases(behaviour.id):
            try:
                seen = conversations.result(self.source, partial(self._played, check, case))
            except HandlerFault as fault:
                raise _Forfeit(
                    fault.rule, Feedback(visible(_advised(fault.rule, str(fault))), read=self.checks.read)
                ) from None
            if seen.said and seen.said not in self.printed:
                self.printed.append(seen.said)
            for finding in seen.findings:
                if finding.rule == UNAVAILABLE:
                    raise _Skipped(finding.text)
            if seen.feedback is None:
                continue
            rules = {finding.rule for finding in seen.findings}
            if rules & FORFEITS:
                raise _Forfeit(min(rules & FORFEITS), seen.feedback)
            if ENDLESS in rules:
                self.endless = behaviour.id
            return seen.feedback
        return None

    def _played(self, check: Check, case: Case) -> tuple[_Seen, bool]:
        """Play a case; say as well whether nothing stopped the answer: a fault's text names a line of it."""
        run = case.play(self.source, self.checks.answers)
        said = visible(run.printed.strip(), lines=True)
        problem = _stopped(run) or run.problem(check.equal)
        feedback = replace(self._explained(check, run, problem), printed=said) if problem else None
        return _Seen(said, tuple(run.findings), feedback), not run.findings

    def _explained(self, check: Check, run: Run, problem: str) -> Feedback:
        """Find the likely cause of a problem and put the feedback together."""
        mine, right = run.told(check.equal)
        feedback = Feedback(
            headline=visible(problem),
            happens=run.happens,
            mine=mine,
            right=right,
            whose=self.checks.whose,
            difference=run.difference,
            read=self.checks.read,
        )
        if run.findings:  # it stopped half way: what a cause looks for may have been still to come
            return feedback
        for cause in self.checks.causes:
            numbers = cause.shows(run)
            if numbers is not None:
                return self._named(feedback, cause, numbers)
        return feedback

    def _named(self, feedback: Feedback, cause: Cause, numbers: Mapping[str, int | str]) -> Feedback:
        """Put a cause's own words into the feedback."""
        message = next(one.message for one in self.exercise.wrong if one.name == cause.name)
        headline = message.format_map(numbers)
        return replace(feedback, headline=headline, because=cause.because, read=cause.read, cause=cause.name)


def _stopped(run: Run) -> str:
    """Say what stopped a learner's code, in a sentence; empty when nothing did."""
    for finding in run.findings:
        if finding.rule == "unwritten":
            return f"Your answer is not written yet: {finding.text}"
        if finding.rule == "crash" and "NotImplementedError" in finding.text:
            function = finding.text.split(" raised ")[0]
            return f"Your answer is not written yet: {function} ends with NotImplementedError."
        if finding.rule == "crash" and "RecursionError" in finding.text:
            return (
                "Your function calls itself without end: the name that you replace leads to your own "
                "function, never to the kernel's."
            )
        return _advised(finding.rule, finding.text)
    return ""


def _advised(rule: str, text: str) -> str:
    """Add a word to what stopped an answer: where a name is missing (first), and where a value is awaited."""
    if rule == "crash" and " raised NameError" in text:
        return f"{ONE_CELL} {text}"
    if rule == "crash" and " raised TypeError" in text and AWAITED_VALUE.search(text):
        return f"{text} {NO_AWAIT}"
    return text
