"""Call cases: the learner's functions are called, and tables of answers read, in a child process.

::

    def look(answers: Answers) -> dict[str, object]:
        return answers.calls({"RETRY and SIGKILL": ("decide", VM_FAULT_RETRY, "user", "SIGKILL")})

    CallCase("the table", "A fault came back with RETRY.", look, wanted={"RETRY and SIGKILL": True})

What ``look`` gives is compared, name by name, with what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course.checks.difference import Difference
from course.checks.specification import Finding
from course.checks.visible import visible
from course.child_functions import Answers
from pyemu.handler import HandlerFault

__all__ = ["CallCase", "CallRun", "Unwritten"]

LONGEST = 120  # characters of a value that a sentence shows


class Unwritten(Exception):
    """Raised by a ``look``: the answer still is what the stub gave; the text names what is missing."""


@dataclass(frozen=True, slots=True)
class CallCase:
    """One thing that the learner's functions or tables are asked.

    Attributes
    ----------
    name : str
        A short name.
    happens : str
        What is asked, in a sentence or two, with the numbers of this case.
    look : callable
        Asks the answers (`course.child_functions.Answers`) and gives what they said, by short names that can
        stand in a sentence.
    wanted : mapping of str to object
        What is right, by the same names.
    numbers : mapping of str to object
        What causes need to know of it.
    said : callable
        Says a value of a name in words: ``said(name, value)``.
    """

    name: str
    happens: str
    look: Callable[[Answers], Mapping[str, Any]]
    wanted: Mapping[str, Any]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    said: Callable[[str, Any], str] = lambda name, value: f"{name}: {value!r}"

    def play(self, source: str, answers: Sequence[str]) -> CallRun:
        """Ask the learner's functions; see `course.checks.specification.Case`."""
        given: Mapping[str, Any] = {}
        findings: tuple[Finding, ...] = ()
        asked = Answers(source, answers)
        try:
            with asked:
                given, findings = self._asked(asked)
        except HandlerFault as fault:
            if fault.rule != "missing":
                raise
            findings = (Finding(fault.rule, str(fault)),)  # other answers may be there, and right
        return CallRun(self, given, findings, asked.printed)

    def _asked(self, answers: Answers) -> tuple[Mapping[str, Any], tuple[Finding, ...]]:
        """Give what the answers said, and what stopped them."""
        try:
            return self.look(answers), ()
        except HandlerFault as fault:
            return {}, (Finding(fault.rule, str(fault)),)
        except Unwritten as unwritten:
            return {}, (Finding("unwritten", str(unwritten)),)


@dataclass(frozen=True, slots=True)
class CallRun:
    """One case, asked.

    Attributes
    ----------
    case : CallCase
        What was asked.
    mine : mapping of str to object
        What the learner's answers said; empty when they were stopped half way.
    findings : tuple of Finding
        What stopped them.
    printed : str
        What they printed.
    """

    case: CallCase
    mine: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    printed: str = ""

    @property
    def wanted(self) -> Mapping[str, Any]:
        """What is right."""
        return self.case.wanted

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of which the answer is wrong."""
        return tuple(name for name in self.wanted if self.mine.get(name) != self.wanted[name])

    @property
    def happens(self) -> str:
        """What was asked."""
        return f"{self.case.name}: {self.case.happens}"

    @property
    def difference(self) -> Difference | None:
        """There are no events."""
        return None

    def problem(self, equal: Sequence[str]) -> str:
        """Say which answer is wrong, in a sentence; empty when none is."""
        wrong = frozenset(self.wrong)
        for name in equal or self.wanted:
            if name in wrong:
                return f"Yours gives {self._said(name, self.mine)}; right is {self._said(name, self.wanted)}."
        return ""

    def told(self, equal: Sequence[str]) -> tuple[str, str]:
        """Give the answers that are wrong, or all when none is, beside the right ones; nothing if stopped."""
        if self.findings:
            return "", ""
        wrong = frozenset(self.wrong)
        names = [name for name in equal or self.wanted if name in wrong] or list(equal or self.wanted)
        shown = names[:3]
        more = f"; and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        mine = "; ".join(self._said(name, self.mine) for name in shown if name in self.mine)
        return mine + more if mine else "", "; ".join(self._said(name, self.wanted) for name in shown) + more

    def _said(self, name: str, values: Mapping[str, Any]) -> str:
        text = visible(self.case.said(name, values.get(name)))
        return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
