"""What the judge says, as data: a row for each behaviour, and the feedback on those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course.checks.difference import Difference
    from course.material.exercise import Behaviour

__all__ = ["Feedback", "Outcome", "Row", "Verdict"]


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
    mine, right : str
        What became of it with the learner's answer, and what is right.
    whose : str
        Whose way is the right one, as a label.
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
    right: str = ""
    whose: str = "The kernel's"
    difference: Difference | None = None
    because: str = ""
    read: str = ""
    cause: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Row:
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
    rows : tuple of Row
        One a behaviour, in the order of ``exercise.toml``.
    printed : str
        What the function printed, each text once.
    stopped : str
        The rule that ended all checks at once (`pyemu.handler.HandlerFault`), such as ``limit``; else empty.
    """

    exercise: str
    seed: str | None
    rows: tuple[Row, ...]
    printed: str = ""
    stopped: str = ""

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
