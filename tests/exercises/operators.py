"""Operators for answers, beside those of `tests.mutation.operators`; Cython texts have their own.

=============  ===========================================================================
bound          ``<`` becomes ``<=``, ``>=`` becomes ``>``, and the other way round
part only      one side of ``and`` or ``or`` is left out; a condition always or never holds
other sign     ``+`` becomes ``-``, ``<<`` becomes ``>>``, ``|=`` becomes ``&=``, and so on
one less       a number becomes the one below
other way out  ``break`` becomes ``continue``, and the other way round
no value       what is returned becomes None
part           of a text that says what tasks do: a number, or one thing that is done
=============  ===========================================================================
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from course.series.operators import kept
from tests.mutation.operators import Function

__all__ = ["changed_lines", "further"]

BOUNDS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
SIGNS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
# Of a Cython text: a token, and what it becomes.
TOKENS = {
    r"\+": "-",
    r"(?<!>)>>(?!>)": "<<",
    r"<<": ">>",
    r"\|(?!=)": "&",
    r"\|=": "=",
    r"&": "|",
    r"==": "!=",
    r">=": ">",
    r"\bnot ": "",
    r"\band\b": "or",
    r"\bor\b": "and",
}
NUMBER = re.compile(r"\b(?:0x[0-9A-Fa-f]+|\d+)\b")


def further(function: Function) -> Iterator[tuple[str, Function]]:
    """Give what these operators make of a function: what was changed, and the changed function."""
    seen: Counter[str] = Counter()
    silent = kept(function)
    for place, node in enumerate(ast.walk(function)):
        for what, change in () if node in silent else _changes(node):
            seen[what] += 1
            changed = copy.deepcopy(function)
            change(list(ast.walk(changed))[place], changed)
            yield (what if seen[what] == 1 else f"{what} ({seen[what]})"), changed


Change = Callable[[Any, Function], None]


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in BOUNDS:
            yield f"other bound in {ast.unparse(node)!r}", _set(ops=[BOUNDS[type(operator)]()])
        case ast.BoolOp(values=values):
            for value in values:
                yield (
                    f"leave out {ast.unparse(value)!r} of {ast.unparse(node)!r}",
                    _set(values=[one for one in values if one is not value]),
                )
        case ast.If(test=test) | ast.IfExp(test=test):
            for holds in (True, False):
                yield f"{ast.unparse(test)!r} becomes {holds}", _set(test=ast.Constant(holds))
        case ast.AugAssign(op=operator) | ast.BinOp(op=operator) if type(operator) in SIGNS:
            if isinstance(node, ast.AugAssign) or not isinstance(operator, ast.BitAnd | ast.BitOr):
                yield f"other sign in {ast.unparse(node)!r}", _set(op=SIGNS[type(operator)]())
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            yield f"{value} becomes {value - 1}", _set(value=value - 1)
        case ast.Constant(value=str(value)):
            for other in _other_texts(value):
                yield f"{value!r} becomes {other!r}", _set(value=other)
        case ast.Break():
            yield "'break' becomes 'continue'", _other_row(node, ast.Continue())
        case ast.Continue():
            yield "'continue' becomes 'break'", _other_row(node, ast.Break())
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield f"no value in {ast.unparse(node)!r}", _set(value=ast.Constant(None))


def _set(**fields: Any) -> Change:
    def change(node: Any, _: Function) -> None:
        for name, value in fields.items():
            setattr(node, name, value)

    return change


def _other_row(row: ast.stmt, other: ast.stmt) -> Change:
    """Put a statement in the place of another one."""

    def change(node: Any, function: Function) -> None:
        for parent in ast.walk(function):
            for field in ("body", "orelse"):
                rows = getattr(parent, field, None)
                if isinstance(rows, list) and node in rows:
                    rows[rows.index(node)] = other

    return change


def _other_texts(text: str) -> Iterator[str]:
    """Change a text that says what tasks do, such as ``wait_message; copy 1``."""
    for number in re.finditer(r"(?<=[ =])\d+", text):
        yield f"{text[: number.start()]}{int(number[0]) + 1}{text[number.end() :]}"
    parts = text.split("; ")
    if len(parts) > 1:
        for place in range(len(parts)):
            yield "; ".join([*parts[:place], *parts[place + 1 :]])


def changed_lines(text: str) -> Iterator[tuple[str, str]]:
    """Give what becomes of a Cython text, one place at a time: what was changed, and the changed text.

    Declarations and the signature stay: a text that can't be compiled says nothing of the checks.
    """
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.endswith("):")) + 1
    for place, line in enumerate(lines[first:], first):
        code = line.strip()
        if not code:
            continue
        changes = [] if code.startswith("cdef") else [*_other_tokens(code)]
        if not code.startswith(("cdef", "for", "if")):
            changes.append("pass")
        if not code.startswith("cdef") or "=" in code:
            changes += _other_numbers(code)
        for other in changes:
            changed = [*lines[:place], line.replace(code, other), *lines[place + 1 :]]
            yield f"{code!r} becomes {other!r} in line {place}", "\n".join(changed) + "\n"


def _other_tokens(code: str) -> Iterator[str]:
    for pattern, other in TOKENS.items():
        for token in re.finditer(pattern, code):
            yield code[: token.start()] + other + code[token.end() :]


def _other_numbers(code: str) -> Iterator[str]:
    for number in NUMBER.finditer(code):
        for step in (1, -1):
            yield f"{code[: number.start()]}{int(number[0], 0) + step}{code[number.end() :]}"
