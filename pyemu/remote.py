"""Remote frames: a learner's function in another process, behind the interface of a frame.

The machine, its state and its trace stay here; the other side sends what it awaits and gets plain results. So
a handler can't forge a trace that it does not own. This module starts no process: it talks over a `Channel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pyemu import wire
from pyemu.effects import Effect
from pyemu.errors import WireError
from pyemu.handler import Done, HandlerFault, PageLedger, check_effect, check_result


class Channel(Protocol):
    """A way to and from the process that runs the learner's function."""

    def exchange(self, message: bytes) -> bytes:
        """Send a message and give the answer, a line; raise `HandlerFault` when none will come."""


def ask(channel: Channel, *message: Any) -> list[Any]:
    """Send a message and give the decoded answer; a ``fault`` answer is raised."""
    try:
        answer = wire.decode(channel.exchange(wire.encode(*message)))
    except WireError as error:
        raise HandlerFault("protocol", str(error)) from None
    if answer[0] == "fault":
        rule, text = (*answer[2:], "", "")[:2]
        raise HandlerFault(str(rule), str(text))
    return answer


class RemoteFrame:
    """One running function on the other side."""

    def __init__(self, channel: Channel, number: int, name: str, args: tuple[Any, ...]) -> None:
        self.channel = channel
        self.number = number
        self.name = name
        self.override = True
        self.args: tuple[Any, ...] | None = args
        self.where = ""
        self.pages = PageLedger(name)

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect; what comes back is checked as a stranger's."""
        if self.args is not None:
            return self.run(())
        self.pages.note(value)
        return self._answer("go", self.number, wire.pack(value))

    def run(self, results: Sequence[Any]) -> Effect[Any] | Done:
        """Begin, and go on with these results of effects, in one exchange; give what comes last."""
        args, self.args = wire.pack(self.args), None
        for value in results:
            self.pages.note(value)
        return self._answer("start", self.number, self.name, args, wire.pack(tuple(results)))

    def _answer(self, *message: Any) -> Effect[Any] | Done:
        answer = ask(self.channel, *message)
        try:
            match answer:
                case ["effect", self.number, str(op), args, str(where)]:
                    self.where = where[:40]
                    values = wire.unpack(args)
                    effect: Effect[Any] = Effect(op, values if isinstance(values, tuple) else (values,))
                    effect.awaited = True
                    check_effect(self.name, effect, self.where)
                    return effect
                case ["done", self.number, result]:
                    return Done(self.pages.check(check_result(self.name, wire.unpack(result))))
        except WireError as error:
            raise HandlerFault("protocol", str(error)) from None
        raise HandlerFault("protocol", f"{str(answer)[:80]} is no answer that a frame may give.")

    def close(self) -> None:
        """End early."""
        if self.args is None:
            ask(self.channel, "close", self.number)


class RemoteSource:
    """Starts frames of a learner's function on the other side of a channel.

    Parameters
    ----------
    channel : Channel
        To a fresh child.
    source : str
        Python source that defines the function.
    function : str
        Name of the kernel function that it replaces.
    name : str
        Its name in the source.

    Raises
    ------
    HandlerFault
        When the source can't be used; `rule` says why in one or two words.
    """

    def __init__(self, channel: Channel, source: str, function: str, name: str) -> None:
        self.channel = channel
        self.n_frames = 0
        answer = ask(channel, "load", source, function, name)
        if answer != ["ready"]:
            raise HandlerFault("protocol", f"{str(answer)[:80]} is no answer to a load.")

    def start(self, name: str, args: tuple[Any, ...]) -> RemoteFrame:
        """Start the function."""
        self.n_frames += 1
        return RemoteFrame(self.channel, self.n_frames, name, args)

    def modules(self) -> list[str]:
        """Give the modules of faultlab that the other side says it holds."""
        return [str(name) for name in ask(self.channel, "modules")[1]]
