"""Frames: one running kernel function, the kernel's own or a learner's.

A frame is resumed with the result of its last effect and gives its next one, or `Done`. The kernel's own functions run
here as coroutines; a learner's function runs here too, or in a child process behind the same interface
(`pyemu.remote`). Only a learner's frame is checked: what it awaits, what it may use, what it throws away.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from pyemu.calls import CALLS
from pyemu.effects import HANDLES, OPERATIONS, RECORDS, Effect, take_dropped
from pyemu.errors import ForgottenAwait, HandlerError
from pyemu.stubs import allowed


@dataclass(frozen=True, slots=True)
class Done:
    """What a function returned."""

    value: Any


class HandlerFault(HandlerError):
    """A learner's handler can't go on; `rule` names why in one or two words."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


class Frame(Protocol):
    """One running kernel function."""

    name: str
    override: bool

    def resume(self, value: Any) -> Effect | Done:
        """Go on with the result of the last effect (None at first)."""

    def close(self) -> None:
        """End early."""


class Source(Protocol):
    """Where the frames of a replaced function come from."""

    def start(self, name: str, args: tuple[Any, ...]) -> Frame:
        """Start the function with its arguments."""


class KernelFrame:
    """A frame of the kernel's own code."""

    __slots__ = ("_send", "coroutine", "name", "override")

    def __init__(self, name: str, coroutine: Coroutine[Effect, Any, Any]) -> None:
        self.name = name
        self.override = False
        self.coroutine = coroutine
        self._send = coroutine.send

    def resume(self, value: Any) -> Effect | Done:
        """Go on with the result of the last effect."""
        try:
            return self._send(value)
        except StopIteration as stop:
            return Done(stop.value)

    def close(self) -> None:
        """End early."""
        self.coroutine.close()


class LocalFrame:
    """A frame of a learner's function in this process."""

    __slots__ = ("coroutine", "name", "override")

    def __init__(self, name: str, coroutine: Coroutine[Effect, Any, Any]) -> None:
        self.name = name
        self.override = True
        self.coroutine = coroutine

    def line(self) -> str:
        """Say where the function is, as `` (line 12)``; empty when it isn't known."""
        frame = getattr(self.coroutine, "cr_frame", None)
        return f" (line {frame.f_lineno})" if frame is not None else ""

    def resume(self, value: Any) -> Effect | Done:
        """Go on with the result of the last effect; a mistake in the function is a `HandlerFault`."""
        try:
            answer: Effect | Done = self.coroutine.send(value)
        except StopIteration as stop:
            answer = Done(stop.value)
        except ForgottenAwait as error:
            raise HandlerFault("forgotten await", str(error)) from None
        except Exception as error:
            raise HandlerFault("crash", describe_crash(self.name, error)) from None
        where = self.line()
        dropped = take_dropped()
        if dropped:
            raise HandlerFault(
                "forgotten await",
                f"{self.name}{where} built {dropped[0]} and threw it away: nothing happened. An operation runs only "
                f"when you wait for it: put `await` before {dropped[0]}.",
            )
        if isinstance(answer, Done):
            return answer
        if not isinstance(answer, Effect):
            raise HandlerFault(
                "foreign await",
                f"{self.name}{where} awaited {type(answer).__name__}, which is none of the kernel's operations. A handler "
                "can wait only for what `pyemu.stubs` offers.",
            )
        check_effect(self.name, answer, where)
        return answer

    def close(self) -> None:
        """End early; a handler that awaits while it is closed is told so."""
        try:
            self.coroutine.close()
        except RuntimeError:
            raise HandlerFault(
                "await at the end", f"{self.name} awaited something in `finally` after its task had ended."
            ) from None
        except Exception as error:
            raise HandlerFault("crash", describe_crash(self.name, error)) from None
        finally:
            take_dropped()


class LocalSource:
    """Starts frames of a learner's coroutine function in this process."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        check_signature(name, function)
        self.function = function

    def start(self, name: str, args: tuple[Any, ...]) -> Frame:
        """Start the function."""
        take_dropped()
        return LocalFrame(name, self.function(*args))


def describe_crash(name: str, error: BaseException) -> str:
    """Say which exception a handler raised, and in which of its lines."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_name == name or not line:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{name} raised {type(error).__name__}: {error} (line {line}). A handler must not end by an exception."


def check_signature(name: str, function: Callable[..., Any]) -> None:
    """Check that a function can stand in for a kernel function.

    Parameters
    ----------
    name : str
        The kernel function it replaces.
    function : callable
        The learner's function.

    Raises
    ------
    HandlerError
        When the name is unknown, it is no ``async def``, or its parameters differ.
    """
    import inspect

    if name not in CALLS:
        raise HandlerError(
            f"there is no kernel function {name!r} to replace; there are: {', '.join(sorted(CALLS))}."
        )
    wanted = ", ".join(CALLS[name].parameters)
    if not callable(function):
        raise HandlerError(
            f"{name} is a {type(function).__name__}, not a function: define `async def {name}({wanted})`."
        )
    if not inspect.iscoroutinefunction(function):
        raise HandlerError(
            f"{name} is a plain function: write `async def {name}({wanted})`, so that it can wait."
        )
    own = tuple(inspect.signature(function).parameters)
    if len(own) != len(CALLS[name].parameters):
        raise HandlerError(
            f"{name} takes ({', '.join(own)}), the kernel calls it with ({wanted}): write `async def {name}({wanted})`."
        )


def check_effect(function: str, effect: Effect, where: str = "") -> None:
    """Check that an effect of a learner's function is on its list and has fitting arguments.

    Parameters
    ----------
    function : str
        The kernel function that is replaced.
    effect : Effect
        What it awaits.
    where : str
        Place in its code, for the message.

    Raises
    ------
    HandlerFault
        Naming the operation, the value and the rule.
    """
    title = effect.title.removesuffix("(...)")
    if title == function:
        raise HandlerFault(
            "delegates",
            f"{function}{where} calls {function}: the name you replace leads to your own function, never to the "
            "kernel's. Write out what it has to do.",
        )
    if title not in allowed(function):
        raise HandlerFault(
            "not on the list",
            f"{function}{where} asked for {title}, which this function may not use. It may use: "
            f"{', '.join(sorted(allowed(function)))}.",
        )
    if effect.op == "call":
        wanted = len(CALLS[title].parameters)
        if len(effect.args) - 1 != wanted:
            raise HandlerFault(
                "bad argument", f"{title}{where} takes {wanted} arguments, got {len(effect.args) - 1}."
            )
        parameters: tuple[tuple[str, str], ...] = tuple((one, "") for one in CALLS[title].parameters)
        values = effect.args[1:]
    else:
        parameters, values = OPERATIONS[effect.op].parameters, effect.args
        if len(values) != len(parameters):
            raise HandlerFault(
                "bad argument", f"{title}{where} takes {len(parameters)} arguments, got {len(values)}."
            )
    for (parameter, kind), value in zip(parameters, values, strict=True):
        if not fits(kind, value):
            raise HandlerFault(
                "bad argument",
                f"{title}{where} got {parameter} = {value!r}, a {type(value).__name__}; it needs {kind or 'plain data'}.",
            )


_KINDS: dict[str, tuple[type, ...]] = {
    **{cls.__name__: (cls,) for cls in HANDLES.values()},
    **{f"{cls.__name__} | None": (cls, type(None)) for cls in HANDLES.values()},
    **{name: (cls,) for name, cls in RECORDS.items()},
    "int": (int,),
    "bool": (bool,),
    "str": (str,),
}
_PLAIN = (int, str, type(None), *HANDLES.values(), *RECORDS.values())


def fits(kind: str, value: Any) -> bool:
    """Say whether a value fits the declared type of a parameter; a kind without a name takes any plain data."""
    return isinstance(value, _KINDS.get(kind, _PLAIN))
