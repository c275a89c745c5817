"""Tapes: what a learner's processes said, so that it can be judged again without running them.

A judge speaks to processes in a fixed order, and each answer depends on what was said before alone. So a tape
of all that was said plays the part of the learner's code, as long as the judge says the same; when it says
something else, for example because a scenario has changed, `Diverged` says that the code has to be run again.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyemu.errors import MaterialError
from pyemu.handler import HandlerFault

__all__ = ["Diverged", "Spoken", "Tape", "played", "recorded", "tape_in_use"]

VERSION = 1


class Diverged(Exception):
    """The judge said something that the tape does not know; not a fault of the learner's."""


class Spoken(Protocol):
    """A process that runs a learner's code, or what stands for one."""

    def exchange(self, message: bytes) -> bytes:
        """Send a message and give the answer; raise `HandlerFault` when none will come."""

    def printed(self) -> str:
        """Give what the code printed."""

    def close(self) -> None:
        """End it."""


@dataclass(slots=True)
class Tape:
    """What all processes of one judgement said.

    Attributes
    ----------
    talks : list
        One a process, in the order of their start: pairs of a message's digest and the answer, or the rule
        and text of the fault that came instead; and what it printed.
    """

    talks: list[dict[str, Any]] = field(default_factory=list)
    playing: bool = False
    n_played: int = 0

    def to_bytes(self) -> bytes:
        """Give the tape as a file's bytes; equal tapes give equal bytes."""
        text = json.dumps({"version": VERSION, "talks": self.talks}, separators=(",", ":"))
        return gzip.compress(text.encode(), mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Tape:
        """Read a tape.

        Raises
        ------
        MaterialError
            It is damaged, or of another version.
        """
        try:
            stored = json.loads(gzip.decompress(data))
            if stored["version"] == VERSION:
                return cls(list(stored["talks"]), playing=True)
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            pass
        raise MaterialError("the tape of this submission can't be read; grade it again.")

    def process(self, start: Spoken | None) -> Spoken:
        """Give the next process: one that records what ``start`` says, or one that plays."""
        if self.playing:
            if self.n_played == len(self.talks):
                raise Diverged("a process more than on the tape")
            self.n_played += 1
            return _Played(self.talks[self.n_played - 1])
        assert start is not None
        self.talks.append({"said": [], "printed": ""})
        return _Recorded(start, self.talks[-1])


class _Recorded:
    """A real process, whose words are written down."""

    def __init__(self, process: Spoken, talk: dict[str, Any]) -> None:
        self.process = process
        self.talk = talk

    def exchange(self, message: bytes) -> bytes:
        try:
            answer = self.process.exchange(message)
        except HandlerFault as fault:
            self.talk["said"].append([_digest(message), [fault.rule, str(fault)]])
            raise
        self.talk["said"].append([_digest(message), answer.decode("utf-8", "surrogateescape")])
        return answer

    def printed(self) -> str:
        self.talk["printed"] = self.process.printed()
        return str(self.talk["printed"])

    def close(self) -> None:
        self.process.close()


class _Played:
    """A process that is not there: the tape speaks."""

    def __init__(self, talk: dict[str, Any]) -> None:
        self.talk = talk
        self.n_said = 0

    def exchange(self, message: bytes) -> bytes:
        said = self.talk["said"]
        if self.n_said == len(said) or said[self.n_said][0] != _digest(message):
            raise Diverged(f"message {self.n_said + 1} is another one than on the tape")
        answer = said[self.n_said][1]
        self.n_said += 1
        if isinstance(answer, list):
            raise HandlerFault(*answer)
        return str(answer).encode("utf-8", "surrogateescape")

    def printed(self) -> str:
        return str(self.talk["printed"])

    def close(self) -> None:
        pass


def _digest(message: bytes) -> str:
    return hashlib.sha256(message).hexdigest()[:24]


_USED: ContextVar[Tape | None] = ContextVar("tape", default=None)


def tape_in_use() -> Tape | None:
    """Give the tape that records or plays now, if any."""
    return _USED.get()


@contextlib.contextmanager
def recorded() -> Iterator[Tape]:
    """Record all processes that start within."""
    with _using(Tape()) as tape:
        yield tape


@contextlib.contextmanager
def played(tape: Tape) -> Iterator[Tape]:
    """Let a tape speak for all processes that start within: none is started."""
    with _using(Tape(tape.talks, playing=True)) as one:
        yield one


@contextlib.contextmanager
def _using(tape: Tape) -> Iterator[Tape]:
    token = _USED.set(tape)
    try:
        yield tape
    finally:
        _USED.reset(token)
