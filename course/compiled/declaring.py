"""C types for a Python text, as declarations: the lines stay as they are."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping

from pyemu.errors import CompileError

__all__ = ["typed"]

_HEAD = re.compile(r"def (\w+)\(([^)]*)\):\n")


def typed(text: str, types: Mapping[str, str], *, nogil: bool = False, checks: bool = True) -> str:
    r"""Write C types into the text of a Python function.

    Parameters
    ----------
    text : str
        One function.
    types : mapping of str to str
        C types by name: of parameters, of variables, and of numbers as they are written in the text.
    nogil : bool
        Whether the function lets go of Python's lock while it works.
    checks : bool
        Whether each index is checked before it is used.

    Returns
    -------
    str
        Cython source.

    Raises
    ------
    CompileError
        A name of `types` isn't in the text, or the text isn't one function.

    Examples
    --------
    >>> print(typed("def f(n):\n    x = n + 1\n    return x", {"n": "int", "x": "long"}))
    from libc.stdint cimport int64_t, uint32_t, uint64_t
    <BLANKLINE>
    def f(int n):
        cdef long x
        x = n + 1
        return x
    """
    head = _HEAD.match(text := text.strip())
    if head is None:
        raise CompileError("The text must be one function, with its parameters on one line: def name(...):")
    for name in types:
        if not re.search(rf"\b{re.escape(name)}\b", text):
            raise CompileError(f"There is a type for {name!r}, but the text has no {name!r}.")
    parameters = [one.strip() for one in head[2].split(",")]
    declared = ", ".join(f"{types[one]} {one}" if one in types else one for one in parameters)
    body = text[head.end() :]
    for number in (one for one in types if one[0].isdigit()):
        body = re.sub(rf"\b{number}\b", f"<{types[number]}>{number}", body)
    variables = [one for one in types if one not in parameters and not one[0].isdigit()]
    lines = [f"    cdef {types[one]} {one}" for one in variables]
    lines += ["    with nogil:", textwrap.indent(body, "    ")] if nogil else [body]
    directives = [] if checks else ["# cython: boundscheck=False, wraparound=False"]
    cimport = "from libc.stdint cimport int64_t, uint32_t, uint64_t"
    return "\n".join([*directives, cimport, "", f"def {head[1]}({declared}):", *lines])


def renamed(text: str, name: str) -> str:
    """Give the function of a text another name; what stands before its ``def`` is left out."""
    return re.sub(r"\A.*?def \w+\(", f"def {name}(", text, count=1, flags=re.DOTALL)


def function_name(text: str) -> str:
    """The name of a text's last function."""
    found = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    if not found:
        raise CompileError("The text defines no function: it needs a line def name(...):")
    return str(found[-1])


def is_python(text: str) -> bool:
    """Tell whether a text is Python as it stands."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
