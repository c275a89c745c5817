"""What an exercise's checks are made of.

`Checks` belongs to one exercise and names what the learner writes. Each `Check` belongs to a behaviour of
``exercise.toml`` and makes its cases from a `Draw`. A `Case` is played with the learner's answer and gives a
`Run`: what the answer did, what is right, and the sentence that says how they differ. There are three kinds
of case: `course.checks.kernel_case` puts the learner's functions into the kernel and runs a scenario,
`course.checks.explore_case` runs it in every order of moves, `course.checks.call_case` calls the functions.
Named `Cause` functions recognise a misconception by what a run shows. Their first sentences stand in
``exercise.toml``, beside the wrong answers that show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from course.checks.draw import Draw

if TYPE_CHECKING:
    from course.checks.difference import Difference

__all__ = ["Case", "Cause", "Check", "Checks", "Commit", "Finding", "Run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a learner's code could not go on.

    Attributes
    ----------
    rule : str
        In one or two words, as `pyemu.handler.HandlerFault` names it: ``crash``, ``endless``, ...
    text : str
        What happened, in a sentence.
    """

    rule: str
    text: str


class Run(Protocol):
    """One case, played with the learner's answer."""

    @property
    def happens(self) -> str:
        """What happened, in a sentence or two, with the numbers of this case."""

    @property
    def printed(self) -> str:
        """What the learner's code printed."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What stopped the learner's code half way; empty when it came to its end."""

    @property
    def difference(self) -> Difference | None:
        """The first event that differs, for runs that have events."""

    def problem(self, equal: Sequence[Any]) -> str:
        """Say what is wrong, in a sentence; empty when nothing is."""

    def told(self, equal: Sequence[Any]) -> tuple[str, str]:
        """Give what the learner's answer came to, and what is right, in words."""


class Case(Protocol):
    """One thing that a check tries."""

    def play(self, source: str, answers: Sequence[str]) -> Run:
        """Play it with an answer.

        Parameters
        ----------
        source : str
            The learner's source; it is executed in child processes only.
        answers : sequence of str
            The names that it must define.

        Returns
        -------
        Run
            What came of it. What made it impossible to go on stands in ``findings``.

        Raises
        ------
        HandlerFault
            The source can't be loaded: nothing was played.
        """


@dataclass(frozen=True, slots=True)
class Check:
    """How one behaviour is checked.

    Attributes
    ----------
    cases : callable
        Gives the cases for a draw; all must pass.
    equal : tuple
        What must be as it is right, the most telling first: for a kernel case names of
        `course.checks.facts.FACTS` or own facts, for a call case names of what ``look`` gives; empty there
        means all of them.
    why : str
        The reason of the kernel or the processor, in a sentence; shown after success.
    """

    cases: Callable[[Draw], tuple[Case, ...]]
    equal: tuple[Any, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A misconception, as a run shows it.

    Attributes
    ----------
    name : str
        The wrong answer of ``exercise.toml`` that shows it.
    shows : callable
        Gives the numbers for its message when a run shows it, else None. It gets the run of the exercise's
        own kind of case.
    because : str
        What the learner probably did, and why it is wrong.
    read : str
        Where the kernel does it, or where the processor's manual says it.
    """

    name: str
    shows: Callable[[Any], Mapping[str, int | str] | None]
    because: str
    read: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The real change that an exercise is about; the id is empty where it is not known."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one exercise.

    Attributes
    ----------
    answers : tuple of str
        The names that the learner's cells define: functions, or tables of answers.
    checks : mapping of str to Check
        By the id of the behaviour.
    causes : tuple of Cause
        The most special first: the first one that a failed run shows is named.
    read : str
        Where to read when no cause is known.
    commit : Commit or None
        Shown after success; None for an exercise about no change.
    whose : str
        Whose way is the right one, as a label: ``The kernel's``, ``The processor's``.
    """

    answers: tuple[str, ...]
    checks: Mapping[str, Check]
    causes: tuple[Cause, ...]
    read: str
    commit: Commit | None = None
    whose: str = "The kernel's"
