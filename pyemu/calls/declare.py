"""Declaring kernel functions: name, parameters and text, and the function that builds the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from pyemu.effects.core import Effect

P = ParamSpec("P")
R = TypeVar("R")
KernelFunction = Callable[..., Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class CallDeclaration:
    """A kernel function as others see it.

    Attributes
    ----------
    name : str
        Its name.
    parameters : tuple of str
        Names of its parameters.
    kinds : tuple of str
        Their types, as in `pyemu.effects.Operation`.
    returns : str
        What it gives: ``int``, ``bool``, ``str``, ``None`` or a record.
    c_file, c_name : str
        Where Linux v5.7 has it, and how it is called there; empty when it is ours alone.
    """

    name: str
    parameters: tuple[str, ...]
    kinds: tuple[str, ...]
    returns: str
    c_file: str = ""
    c_name: str = ""


OURS = ""  # in the place of a C file: Linux has no such function

CALLS: dict[str, CallDeclaration] = {}
BUILDERS: dict[str, Callable[..., Effect[Any]]] = {}


def kernel_function(c_file: str, c_name: str = "") -> Callable[[Callable[P, R]], Callable[P, Effect[R]]]:
    """Declare a kernel function: the function below gives name, parameters and text.

    Parameters
    ----------
    c_file : str
        Where Linux v5.7 has it, or `OURS`.
    c_name : str
        How it is called there, if that is another name.
    """

    def declare(function: Callable[P, R]) -> Callable[P, Effect[R]]:
        name = function.__name__
        signature = inspect.signature(function)
        CALLS[name] = CallDeclaration(
            name,
            tuple(signature.parameters),
            tuple(str(one.annotation) for one in signature.parameters.values()),
            str(signature.return_annotation),
            c_file,
            (c_name or name) if c_file else "",
        )

        def build(*args: P.args, **kwargs: P.kwargs) -> Effect[R]:
            if kwargs or len(args) != len(signature.parameters):
                args = signature.bind(*args, **kwargs).args  # type: ignore[assignment]  # bind forgets P
            return Effect("call", (name, *args))

        build.__name__ = build.__qualname__ = name
        build.__doc__ = function.__doc__
        build.__signature__ = signature  # type: ignore[attr-defined]  # inspect.signature reads it
        BUILDERS[name] = build
        return build

    return declare
