"""Conversations: what answers have said in one case, and what came of it.

What comes of a case depends on what a learner's processes say alone. All right answers say the same in it,
and so do most of those with the same mistake. So what was said is kept as a tree, with what came of it at its
ends::

    open -- load -- start --+-- asks for down_read -- its result --+-- asks for find_vma ... passed
                            |                                      +-- returns ............. failed
                            +-- asks for find_vma ... failed

An answer's code always runs, and is asked everything. As long as it says what another answer has said, the
tree knows what the judge says next; where it comes to an end of the tree, the case need not be played again.
When it says something new, the case is played from its beginning, and what is known already is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from course.tape import Spoken
from pyemu import wire
from pyemu.handler import HandlerFault

__all__ = ["Conversations", "Talk", "talk_in_use"]

T = TypeVar("T")

MOST_STEPS = 5_000  # kept of one case; a hundred different answers of the usual length

# The line on which a function asks for an effect is told in messages about faults only (`pyemu.remote`), and
# what ends with a fault is not kept. So it is left out; what stands before it is compared byte for byte. It
# has to be a text of characters that mean themselves in JSON: what is no message looks like none.
_EFFECT = re.compile(rb'(\["effect",.*),"[ !#-\[\]-~]{0,40}"\]\n', re.DOTALL)
_GIVES_SOURCE = (b'["load",', b'["define",')


class _Step(NamedTuple):
    """What the judge does next: ``open`` a process, ``ask`` it, read what it ``printed``, ``close`` it.

    Processes are numbered as they are opened. A message with the answer's source is kept as its two parts
    before and after that.
    """

    do: str
    process: int
    message: bytes | tuple[bytes, bytes] = b""


@dataclass(slots=True)
class _Node(Generic[T]):
    """A step, and what follows it, by what came of it."""

    step: _Step
    follow: dict[str | bytes | None, _Node[T] | _End[T]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """What came of the case."""

    result: T


class Conversations(Generic[T]):
    """What answers have said in one case.

    Parameters
    ----------
    start : callable
        Starts a process for a learner's code.
    """

    def __init__(self, start: Callable[[], Spoken]) -> None:
        self.start = start
        self.n_steps = 0
        self.first: dict[str | bytes | None, _Node[T] | _End[T]] = {}  # by None

    def result(self, source: str, play: Callable[[], tuple[T, bool]]) -> T:
        """Give what comes of an answer.

        Parameters
        ----------
        source : str
            The learner's source.
        play : callable
            Plays the case with it. Gives what came of it, and whether that may be kept: only what depends on
            nothing but the words of processes that `course.handlers.open_process` gives, and tells no line of
            the source.

        Returns
        -------
        object
            What ``play`` gives, now or before, for an answer that said the same.

        Raises
        ------
        HandlerFault
            What ``play`` raises is not kept.
        """
        talk = Talk(source, self.start)
        end = self._followed(talk)
        if end is not None:
            return end.result
        talk.begin_again()
        token = _USED.set(talk)
        try:
            result, keep = play()
        finally:
            _USED.reset(token)
        if keep and talk.tells_all:
            self._learn(talk.said, result)
        return result

    def _followed(self, talk: Talk) -> _End[T] | None:
        """Talk as to the answers before; give the end, or None where this one says something new."""
        found = self.first.get(None)
        try:
            while isinstance(found, _Node):
                found = found.follow.get(_key(talk.step(found.step)))
        except HandlerFault:
            return None
        except BaseException:
            talk.close()
            raise
        return found

    def _learn(self, said: list[tuple[_Step, str | bytes | None]], result: T) -> None:
        """Keep a conversation."""
        if self.n_steps + len(said) > MOST_STEPS:
            return
        follow, key = self.first, None
        for step, outcome in said:
            if key not in follow:
                follow[key] = _Node(step)
                self.n_steps += 1
            node = follow[key]
            if not isinstance(node, _Node) or node.step != step:
                raise AssertionError(f"the judge said {node} to answers that said the same, and now {step}")
            follow, key = node.follow, _key(outcome)
        follow[key] = _End(result)


class Talk:
    """The conversation with one answer.

    Parameters
    ----------
    source : str
        The learner's source.
    start : callable
        Starts a process for it.

    Attributes
    ----------
    said : list of tuple
        Each step with what came of it.
    """

    def __init__(self, source: str, start: Callable[[], Spoken]) -> None:
        self.source = wire.encode(source)[1:-2]  # as a message holds it
        self.start = start
        self.said: list[tuple[_Step, Any]] = []
        self._gave_source = self._leaves_out = False
        self._known: Iterator[tuple[_Step, Any]] = iter(())
        self._processes: dict[int, Spoken] = {}
        self._n_opened = 0

    @property
    def tells_all(self) -> bool:
        """Whether the talk says all on which the result depends, and came to its end without a fault."""
        faults = any(isinstance(outcome, HandlerFault) for _, outcome in self.said)
        return self._gave_source and not self._leaves_out and not faults

    def leaves_out(self) -> None:
        """Say that the case depends on something else as well."""
        self._leaves_out = True

    def begin_again(self) -> None:
        """Take the steps once more, from the first: what came of one is known then."""
        self._known, self.said, self._n_opened = iter(self.said), [], 0

    def step(self, step: _Step) -> Any:
        """Take a step; give what came of it, or raise it when that was a fault."""
        known = next(self._known, None)
        try:
            outcome = self._taken(step) if known is None else known[1]
        except HandlerFault as fault:
            outcome = fault
        self.said.append((step, outcome))
        if isinstance(outcome, HandlerFault):
            raise outcome
        return outcome

    def _taken(self, step: _Step) -> str | bytes | None:
        if step.do == "open":
            self._processes[step.process] = self.start()
        elif step.do == "close":
            self._processes.pop(step.process).close()
        elif step.do == "printed":
            return self._processes[step.process].printed()
        else:
            words = step.message
            message = words if isinstance(words, bytes) else self.source.join(words)
            return self._processes[step.process].exchange(message)
        return None

    def process(self) -> Spoken:
        """Give the next process of the case."""
        self._n_opened += 1
        self.step(_Step("open", self._n_opened))
        return _Heard(self, self._n_opened)

    def exchange(self, process: int, message: bytes) -> bytes:
        """Ask a process."""
        words: bytes | tuple[bytes, bytes] = message
        for head in _GIVES_SOURCE:
            if message.startswith(head + self.source):
                words = head, message[len(head) + len(self.source) :]
                self._gave_source = True
        answer: bytes = self.step(_Step("ask", process, words))
        return answer

    def close(self) -> None:
        """End all processes."""
        while self._processes:
            self._processes.popitem()[1].close()


class _Heard:
    """A process of a talk, as the judge sees it."""

    def __init__(self, talk: Talk, number: int) -> None:
        self.talk = talk
        self.number = number

    def exchange(self, message: bytes) -> bytes:
        return self.talk.exchange(self.number, message)

    def printed(self) -> str:
        return str(self.talk.step(_Step("printed", self.number)))

    def close(self) -> None:
        self.talk.step(_Step("close", self.number))


def _key(outcome: str | bytes | None) -> str | bytes | None:
    """Give what of an outcome matters to the judge."""
    if isinstance(outcome, bytes) and len(outcome) <= wire.LONGEST:
        effect = _EFFECT.fullmatch(outcome)
        return effect[1] if effect else outcome
    return outcome


_USED: ContextVar[Talk | None] = ContextVar("talk", default=None)


def talk_in_use() -> Talk | None:
    """Give the talk that is going on, if any."""
    return _USED.get()
