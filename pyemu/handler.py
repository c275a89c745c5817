"""A learner's function as a frame: what it awaits, what it may use, what it throws away.

A frame is resumed with the result of its last effect and gives its next one, or `Done`. This module knows
effects and declarations only: it runs in the machine's process, and it runs in a child process that must not
hold the kernel.
"""

from __future__ import annotations

import errno
import inspect
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pyemu.calls import CALLS
from pyemu.effects import OPERATIONS
from pyemu.effects.core import Effect, take_dropped
from pyemu.effects.handles import HANDLES
from pyemu.effects.records import RECORDS, GupResult
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


class ForbiddenImport(ImportError):
    """A handler tried to import what it must not hold."""


class PageLedger:
    """Which frames the calls of `__get_user_pages_locked` gave it: it may hand on those, each one once.

    Whoever gets a frame that nobody holds a reference to would give back what isn't his.

    Parameters
    ----------
    function : str
        The kernel function that is replaced; the others hand on no pages.
    """

    __slots__ = ("got", "used")

    def __init__(self, function: str) -> None:
        self.used = function == "__get_user_pages_locked"
        self.got: Counter[int] = Counter()

    def note(self, value: Any) -> None:
        """Look at the result of a call."""
        if self.used and isinstance(value, GupResult):
            self.got.update(value.pages)

    def check(self, value: Any) -> Any:
        """Check the result of the function, and give it.

        Raises
        ------
        HandlerFault
            It counts pages that it doesn't name, or names some that it never got.
        """
        if not self.used:
            return value
        if value.n > len(value.pages):
            said = f"counts {value.n} and names {len(value.pages)} pages: keep the pages of each pass"
        elif Counter(value.pages) - self.got:
            said = "names a frame more often than a pass gave it: hand on each frame once, and no other"
        else:
            return value
        raise HandlerFault("bad result", f"The result of __get_user_pages_locked {said}.")


class LocalFrame:
    """A frame of a learner's function in this process."""

    __slots__ = ("coroutine", "name", "override", "pages")

    def __init__(self, name: str, coroutine: Coroutine[Effect[Any], Any, Any]) -> None:
        self.name = name
        self.override = True
        self.pages = PageLedger(name)
        self.coroutine = coroutine

    def line(self) -> str:
        """Say where the function is, as `` (line 12)``; empty when it isn't known."""
        frame = getattr(self.coroutine, "cr_frame", None)
        return f" (line {frame.f_lineno})" if frame is not None else ""

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect; a mistake in the function is a `HandlerFault`."""
        self.pages.note(value)
        try:
            answer: Effect[Any] | Done = self.coroutine.send(value)
        except StopIteration as stop:
            answer = Done(stop.value)
        except ForgottenAwait as error:
            raise HandlerFault("forgotten await", str(error)) from None
        except ForbiddenImport as error:
            raise HandlerFault("forbidden import", str(error)) from None
        except Exception as error:  # noqa: BLE001  whatever a learner's code raises is a finding
            raise crash(self.name, error) from None
        where = self.line()
        dropped = take_dropped()
        if dropped:
            raise HandlerFault(
                "forgotten await",
                f"{self.name}{where} built {dropped[0]} and threw it away: nothing happened. An "
                "operation runs only "
                f"when you wait for it: put `await` before {dropped[0]}.",
            )
        if isinstance(answer, Done):
            return Done(self.pages.check(check_result(self.name, answer.value)))
        if not isinstance(answer, Effect):
            raise HandlerFault(
                "foreign await",
                f"{self.name}{where} awaited {type(answer).__name__}, which is none of the kernel's "
                "operations. A handler "
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
        except Exception as error:  # noqa: BLE001  whatever a learner's code raises is a finding
            raise crash(self.name, error) from None
        finally:
            take_dropped()


class LocalSource:
    """Starts frames of a learner's coroutine function in this process."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        check_signature(name, function)
        self.function = function

    def start(self, name: str, args: tuple[Any, ...]) -> LocalFrame:
        """Start the function."""
        take_dropped()
        return LocalFrame(name, self.function(*args))


def crash(name: str, error: BaseException, when: str = "") -> HandlerFault:
    """Give the fault for an exception that a learner's code raised.

    Parameters
    ----------
    name : str
        The function, or ``your code``.
    error : BaseException
        What it raised; what a limit of the process has caused gets the rule ``limit``.
    when : str
        When it was raised, in place of its line.
    """
    line = 0
    trace = error.__traceback__ and error.__traceback__.tb_next  # the first frame is ours, which called
    while trace is not None:
        if trace.tb_frame.f_code.co_name == name or not line:
            line = trace.tb_lineno
        trace = trace.tb_next
    what = f"{name} raised {type(error).__name__}{when}: {error}"
    if limit := _limit(error):
        return HandlerFault("limit", f"{what}. {limit}")
    where = f" (line {line})" if line else ""  # a call that doesn't fit the function reaches no line of it
    said = f"{what}." if when else f"{what}{where}. Your function must raise nothing."
    if isinstance(error, TypeError | AttributeError) and "'coroutine'" in str(error):
        said += " A coroutine is an async function, called but not waited for: put `await` before it."
    return HandlerFault("crash", said)


def _limit(error: BaseException) -> str:
    """Say which limit an exception tells of; empty for all others."""
    if isinstance(error, MemoryError):
        return "Your code may have little memory: it needs none of the size it asked for."
    if isinstance(error, EOFError):
        return "There is no input: your code runs without a keyboard, so it can't ask for input."
    if isinstance(error, BlockingIOError) or "start new thread" in str(error):
        return "Your code may start no more than a few processes and threads."
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return "Your code may not fill the disk: an answer writes no files."
    return ""


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
            f"{name} takes ({', '.join(own)}), the kernel calls it with ({wanted}): write `async def "
            f"{name}({wanted})`."
        )


def check_effect(function: str, effect: Effect[Any], where: str = "") -> None:
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
    title, parameters, values = _declared(effect)
    if title == function:
        raise HandlerFault(
            "delegates",
            f"{function}{where} calls {function}: the name you replace leads to your own function, "
            "never to the "
            "kernel's. Write out what it has to do.",
        )
    if title not in allowed(function):
        raise HandlerFault(
            "not on the list",
            f"{function}{where} asked for {title}, which this function may not use. It may use: "
            f"{', '.join(sorted(allowed(function)))}.",
        )
    if len(values) != len(parameters):
        raise HandlerFault(
            "bad argument", f"{title}{where} takes {len(parameters)} arguments, got {len(values)}."
        )
    for (parameter, kind), value in zip(parameters, values, strict=True):
        if not fits(kind, value):
            raise HandlerFault(
                "bad argument",
                f"{title}{where} got {parameter} = {shown(value)}, of type {type(value).__name__}; it needs "
                f"{kind}.",
            )


def check_result(function: str, value: Any) -> Any:
    """Check what a learner's function returned, and give it.

    Raises
    ------
    HandlerFault
        When it is not of the declared type.
    """
    wanted = CALLS[function].returns
    if wanted == "None":
        return None
    if not fits(wanted, value):
        raise HandlerFault(
            "bad result",
            f"{function} returned {shown(value)}, of type {type(value).__name__}; it must return {wanted}"
            f"{', with fields that are what their names say' if wanted in RECORDS else ''}.",
        )
    return value


def _declared(effect: Effect[Any]) -> tuple[str, tuple[tuple[str, str], ...], tuple[Any, ...]]:
    """Give title, declared parameters and values of an effect; one that nobody declared has no parameters."""
    if effect.op == "call":
        name = effect.args[0] if effect.args else ""
        call = CALLS.get(name) if isinstance(name, str) else None
        pairs = tuple(zip(call.parameters, call.kinds, strict=True)) if call else ()
        return shown(name).strip("'"), pairs, effect.args[1:]
    operation = OPERATIONS.get(effect.op)
    if operation is None:
        return str(effect.op), (), effect.args
    if effect.op.startswith("read_"):
        field = effect.args[1] if len(effect.args) > 1 else "?"
        return f"{effect.op.removeprefix('read_')}.{field}", operation.parameters, effect.args
    return effect.op, operation.parameters, effect.args


def shown(value: Any) -> str:
    """Show a value in a message, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_KINDS: dict[str, tuple[type, ...]] = {
    **{cls.__name__: (cls,) for cls in HANDLES.values()},
    **{f"{cls.__name__} | None": (cls, type(None)) for cls in HANDLES.values()},
    **{name: (cls,) for name, cls in RECORDS.items()},
    "int": (int,),
    "bool": (bool, int),
    "str": (str,),
    "int | None": (int, type(None)),
    "bool | None": (bool, int, type(None)),
    "tuple[int, ...]": (tuple,),
}
LARGEST = 1 << 62  # events hold numbers of 64 bits


def fits(kind: str, value: Any) -> bool:
    """Say whether a value fits a declared type; whole numbers must fit an event, and fields theirs."""
    if isinstance(value, int) and not -LARGEST < value < LARGEST:
        return False
    if not isinstance(value, _KINDS[kind]):
        return False
    if isinstance(value, tuple):
        return all(fits("int", one) for one in value)
    if kind not in RECORDS:
        return True
    return all(fits(one, getattr(value, name)) for name, one in RECORDS[kind].__annotations__.items())
