"""Functions of a text, compiled and called; and what Cython says of a text that it refuses."""

from __future__ import annotations

from typing import Any

from course.compiled.building import compile_cython, translate
from course.compiled.figures import Said, figure
from pyemu.errors import CompileError, NoCompilerError

__all__ = ["ask", "refusal"]


def ask(text: str, name: str, *arguments: Any) -> Any:
    """Compile a text and call one of its functions.

    Parameters
    ----------
    text : str
        Cython source.
    name : str
        Of the function.
    *arguments : object
        What it is called with.

    Returns
    -------
    object
        What the function gives; or, as a text, the exception that it raises, or why it can't be asked.
    """
    given = [one.tolist() if isinstance(one, memoryview) else one for one in arguments]
    try:
        return figure("ask", (text, name, given), lambda: _ask(text, name, arguments))
    except CompileError as error:
        return str(error)


def _ask(text: str, name: str, arguments: tuple[Any, ...]) -> Any:
    function = getattr(compile_cython(text), name)
    try:
        return function(*arguments)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def refusal(text: str) -> Said:
    """Give what Cython says about a text that it doesn't translate.

    Parameters
    ----------
    text : str
        Cython source.

    Returns
    -------
    Said
        Lines and reasons; or that it has nothing to say.
    """
    try:
        return Said(figure("refusal", text, lambda: _refusal(text)))
    except NoCompilerError as error:
        return Said(str(error))


def _refusal(text: str) -> str:
    try:
        translate(text)
    except NoCompilerError:
        raise
    except CompileError as error:
        return str(error)
    return "Cython translates the text."
