"""What an exercise's checks are made of.

`Checks` belongs to one exercise and names the kernel function that the learner writes. Each `Check` belongs
to a behaviour of ``exercise.toml`` and makes its `Case` scenarios from a `Draw`. A case is run twice, with
the learner's function and with the kernel's own; `Run` holds both. Named `Cause` functions recognise a
misconception by what the learner's run shows. Their first sentences stand in ``exercise.toml``, beside the
wrong answers that show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from course.checks.draw import Draw
from course.checks.facts import Facts, facts_of

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.scenario import Scenario

__all__ = ["OVERLOOKED", "Case", "Cause", "Check", "Checks", "Commit", "Run"]

OVERLOOKED = frozenset({"I5"})
"""Rules that fail no check by themselves: the flag words are a behaviour of their own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario of a check.

    Attributes
    ----------
    scenario : Scenario
        What is run.
    happens : str
        What happens in it, in a sentence or two, with the numbers of this case.
    numbers : mapping of str to int
        What causes need to know of it.
    task : str
        The task whose faults are looked at.
    """

    scenario: Scenario
    happens: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    task: str = "T"


@dataclass(frozen=True, slots=True)
class Run:
    """One case, run with the learner's function and with the kernel's own.

    Attributes
    ----------
    case : Case
        What was run.
    mine, kernel : Result
        What came of it with the learner's function, and with the kernel's.
    printed : str
        What the learner's function printed.
    """

    case: Case
    mine: Result
    kernel: Result
    printed: str = ""

    @property
    def facts(self) -> Facts:
        """What the learner's run shows."""
        return facts_of(self.mine, self.case.task)

    @property
    def wanted(self) -> Facts:
        """What the kernel's run shows."""
        return facts_of(self.kernel, self.case.task)

    @property
    def rules(self) -> frozenset[str]:
        """Rules that the learner's run broke."""
        return frozenset(one.rule for one in self.mine.violations)


@dataclass(frozen=True, slots=True)
class Check:
    """How one behaviour is checked.

    Attributes
    ----------
    cases : callable
        Gives the cases for a draw; all must pass.
    equal : tuple of str
        Names of `Facts` that must be as in the kernel's run, the most telling first.
    why : str
        The kernel's reason, in a sentence; shown after success.
    """

    cases: Callable[[Draw], tuple[Case, ...]]
    equal: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A misconception, as a run shows it.

    Attributes
    ----------
    name : str
        The wrong answer of ``exercise.toml`` that shows it.
    shows : callable
        Gives the numbers for its message when a run shows it, else None.
    because : str
        What the learner probably did, and why it is wrong.
    read : str
        Where the kernel does it.
    """

    name: str
    shows: Callable[[Run], Mapping[str, int | str] | None]
    because: str
    read: str


@dataclass(frozen=True, slots=True)
class Commit:
    """The real change that an exercise is about."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of one exercise.

    Attributes
    ----------
    function : str
        The kernel function that the learner writes.
    checks : mapping of str to Check
        By the id of the behaviour.
    causes : tuple of Cause
        The most special first: the first one that a failed run shows is named.
    read : str
        Where to read when no cause is known.
    commit : Commit
        Shown after success.
    """

    function: str
    checks: Mapping[str, Check]
    causes: tuple[Cause, ...]
    read: str
    commit: Commit
