"""Plain functions and tables of a learner, in a process of their own.

::

    with Answers(source, ["decide"]) as answers:
        answers.call("decide", VM_FAULT_RETRY, "user", "SIGKILL")

The learner's source runs there, the judge stays here: only plain values cross (`pyemu.wire`). A function that
is handed over as an argument, alone or in a namespace, is called here when the learner's code calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar

from course.handlers import open_process
from course.inline import Inline
from course.tape import Spoken
from pyemu import wire
from pyemu.errors import WireError
from pyemu.handler import HandlerFault
from pyemu.remote import ask

__all__ = ["Answers"]

TOLD = ("crash", "wrong result", "endless")
"""Faults of which the call is told that led there, when it is short."""
LONGEST = 120

K = TypeVar("K")


class Answers:
    """What a learner's source defines.

    Parameters
    ----------
    source : str
        Python source; the names of `pyemu.stubs` are known in it.
    names : sequence of str
        What it must define.

    Raises
    ------
    HandlerFault
        On entering, when the source can't be used; later, when a function can't go on.
    """

    def __init__(self, source: str, names: Sequence[str]) -> None:
        self.source = source
        self.names = tuple(names)
        self.printed = ""
        self._process: Spoken | None = None

    def __enter__(self) -> Answers:
        """Start the process and run the source."""
        self._process = open_process()
        try:
            answer = ask(self._process, "define", self.source, list(self.names))
            if answer != ["ready"]:
                raise HandlerFault("protocol", f"{str(answer)[:80]} is no answer to a definition.")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; `printed` keeps what the code printed."""
        if self._process is not None:
            self.printed = self._process.printed()
            self._process.close()
            self._process = None

    def call(self, name: str, *args: Any) -> Any:
        """Call one of the functions.

        Parameters
        ----------
        name : str
            The function.
        *args : object
            Numbers, texts, bytes, None, tuples and dicts of them; or functions of ours, which the learner's
            code may call with such values, by position or by name; or a `types.SimpleNamespace` of such
            functions, which it sees as ``machine.read(...)``. A `ValueError` that such a function raises
            reaches the learner's code as one, and so does a call that does not fit it.

        Returns
        -------
        object
            Such a value; lists come back as tuples.

        Raises
        ------
        HandlerFault
            The function raised, never ended, is no plain function, or gave something else.
        """
        ours: dict[str, Callable[..., Any]] = {}
        packed: list[Any] = []
        for n, arg in enumerate(args):
            if callable(arg):
                ours[f"{n}"] = arg
                packed.append({"ask": f"{n}"})
            elif isinstance(arg, SimpleNamespace):
                ours |= {f"{n}.{one}": function for one, function in vars(arg).items()}
                packed.append({"ask each": {one: f"{n}.{one}" for one in vars(arg)}})
            else:
                packed.append(wire.pack_plain(arg))
        if isinstance(self._process, Inline):  # it asks while it answers
            self._process.reply = lambda question: wire.encode(*_asked(wire.decode(question), ours))
        try:
            return self._result(self._send("call", name, packed), ours)
        except HandlerFault as fault:
            if ours:
                raise
            raise _told(fault, name, args) from None

    def calls(self, asked: Mapping[K, tuple[Any, ...]]) -> dict[K, Any]:
        """Call functions one after the other, in one exchange.

        Parameters
        ----------
        asked : mapping of object to tuple
            A function's name and its arguments, which are plain values, by whatever the caller calls that.

        Returns
        -------
        dict
            What each of them gave.

        Raises
        ------
        HandlerFault
            As for `call`; those before were called, and the ones after were not.
        """
        rows = list(asked.values())
        message = [[name, [wire.pack_plain(arg) for arg in args]] for name, *args in rows]
        match self._result(self._send("calls", message), {}):
            case (tuple(results), None) if len(results) == len(rows):
                return dict(zip(asked, results, strict=True))
            case (tuple(results), (str(rule), str(text))) if len(results) < len(rows):
                name, *args = rows[len(results)]
                raise _told(HandlerFault(rule, text), name, args)
            case other:
                raise HandlerFault("protocol", f"{str(other)[:80]} is no answer to {len(rows)} calls.")

    def value(self, name: str) -> Any:
        """Give the value of a name, such as a table of answers; lists come back as tuples."""
        return self._result(self._send("value", name), {})

    def _send(self, *message: Any) -> list[Any]:
        if self._process is None:
            raise HandlerFault("protocol", "an answer is asked for outside its `with` block.")
        return ask(self._process, *message)

    def _result(self, answer: list[Any], ours: dict[str, Callable[..., Any]]) -> Any:
        """Answer what the learner's code asks, until its result comes."""
        try:
            while True:
                match answer:
                    case ["result", value]:
                        return wire.unpack_plain(value)
                    case _:
                        answer = self._send(*_asked(answer, ours))
        except WireError as error:
            raise HandlerFault("protocol", str(error)) from None


def _told(fault: HandlerFault, name: str, args: Sequence[Any]) -> HandlerFault:
    """Name the call that led to a fault, when it is short."""
    text = f"{name}({', '.join(map(repr, args))})"
    if fault.rule not in TOLD or len(text) > LONGEST:
        return fault
    return HandlerFault(fault.rule, f"{fault} The call was {text}.")


def _asked(question: list[Any], ours: Mapping[str, Callable[..., Any]]) -> tuple[str, Any]:
    """Answer what the learner's code asks."""
    match question:
        case ["ask", str(name), list(args), dict(named)] if name in ours:
            values = [wire.unpack_plain(arg) for arg in args]
            return _reply(
                name, ours[name], values, {one: wire.unpack_plain(arg) for one, arg in named.items()}
            )
        case _:
            raise HandlerFault("protocol", f"{str(question)[:80]} is no answer to a call.")


def _reply(
    name: str, function: Callable[..., Any], args: list[Any], named: dict[str, Any]
) -> tuple[str, Any]:
    takes = signature(function)
    try:
        takes.bind(*args, **named)
    except TypeError as error:
        called = name.partition(".")[2] or "the function that you were given"
        return "refuse", f"{called}: {error}; it takes ({', '.join(takes.parameters)})"
    try:
        return "reply", wire.pack_plain(function(*args, **named))
    except (TypeError, ValueError) as error:
        return "refuse", str(error)
