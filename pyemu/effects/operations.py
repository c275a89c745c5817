"""Declaring operations: name, parameters and text, and the function that builds the effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from pyemu.effects.core import Effect
from pyemu.effects.handles import HANDLES

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of an operation without knowing the kernel.

    Attributes
    ----------
    name : str
        Name of the operation and of the function that builds its effect.
    parameters : tuple of (str, str)
        Name and type of each argument: a handle's class, ``int``, ``bool``, ``str``, ``Regs``.
    turn : bool
        The scheduler may let another task run after it. False for what no other task can change or see at
        that moment: own data, data that a held lock protects, counters.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    turn: bool


OPERATIONS: dict[str, Operation] = {}
BUILDERS: dict[str, Callable[..., Effect[Any]]] = {}
TURNS = {"vma": False, "task": False, "file": True, "context": True, "wait": True, "pipe": True}
for _kind, _turn in TURNS.items():
    OPERATIONS[f"read_{_kind}"] = Operation(
        f"read_{_kind}", ((_kind, HANDLES[_kind].__name__), ("field", "str")), _turn
    )


def operation(*, turn: bool = True) -> Callable[[Callable[P, R]], Callable[P, Effect[R]]]:
    """Declare an operation: the function below gives name, parameters and text; its effect is built here."""

    def declare(function: Callable[P, R]) -> Callable[P, Effect[R]]:
        name = function.__name__
        signature = inspect.signature(function)
        OPERATIONS[name] = Operation(
            name, tuple((key, str(value.annotation)) for key, value in signature.parameters.items()), turn
        )

        def build(*args: P.args, **kwargs: P.kwargs) -> Effect[R]:
            if kwargs or len(args) != len(signature.parameters):
                return Effect(name, tuple(signature.bind(*args, **kwargs).args))
            return Effect(name, args)

        build.__name__ = build.__qualname__ = name
        build.__doc__ = function.__doc__
        build.__signature__ = signature  # type: ignore[attr-defined]  # inspect.signature reads it
        BUILDERS[name] = build
        return build

    return declare
