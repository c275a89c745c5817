"""Operators that plant a fault: each changes one place of a function's syntax tree.

=============  ===========================================================================
negate         a condition becomes its opposite
other link     ``and`` becomes ``or``, ``&`` becomes ``|``, and the other way round
drop           a statement, a minus sign or a ``~`` is left out
other name     a flag, an errno or a member of an enumeration becomes its neighbour
other value    a number, a truth value or a text becomes another
=============  ===========================================================================
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar

__all__ = ["faults", "kept"]

FAMILIES = ("FAULT_FLAG_", "VM_FAULT_", "TASK_", "FOLL_")
ERRNOS = ("EFAULT", "ENOMEM", "EINTR")
LINKS: tuple[tuple[type[ast.AST], type[ast.AST]], ...] = (
    (ast.And, ast.Or),
    (ast.Or, ast.And),
    (ast.BitAnd, ast.BitOr),
    (ast.BitOr, ast.BitAnd),
)
OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.GtE: ast.Lt,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}

Change = Callable[[Any], None]
Function = TypeVar("Function", bound=ast.FunctionDef | ast.AsyncFunctionDef)


def faults(function: Function, names: Mapping[str, Any]) -> Iterator[tuple[str, Function]]:
    """Give every fault that can be planted in a function.

    Parameters
    ----------
    function : ast.FunctionDef or ast.AsyncFunctionDef
        Its syntax tree; it is not changed.
    names : mapping
        What the names of its module mean: for neighbours of flags and of members of enumerations.

    Returns
    -------
    iterator of (str, ast.FunctionDef or ast.AsyncFunctionDef)
        What was changed, and the faulty function. No two have the same text.
    """
    seen: Counter[str] = Counter()
    silent = kept(function)
    for place, node in enumerate(ast.walk(function)):
        if node in silent:
            continue
        for what, change in _changes(node, names):
            seen[what] += 1
            faulty = copy.deepcopy(function)
            change(list(ast.walk(faulty))[place])
            yield (what if seen[what] == 1 else f"{what} ({seen[what]})"), faulty


def kept(function: Function) -> set[ast.AST]:
    """Give the nodes that decide nothing: the signature, annotations and the docstring."""
    notes: list[ast.AST | None] = [function.args, *function.decorator_list]
    notes += [one.annotation for one in ast.walk(function) if isinstance(one, ast.AnnAssign)]
    notes += [function.returns, *(one for one in function.body[:1] if isinstance(one, ast.Expr))]
    return {inner for note in notes if note is not None for inner in ast.walk(note)}


def _changes(node: ast.AST, names: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If() | ast.IfExp() if not isinstance(node.test, ast.Compare):
            yield f"negate {ast.unparse(node.test)!r}", _negate
        case ast.Compare(ops=[operator]):
            opposite = OPPOSITES[type(operator)]
            yield f"negate {ast.unparse(node)!r}", _set(ops=[opposite()])
        case ast.UnaryOp(op=ast.USub() | ast.Invert()):
            yield f"drop the sign of {ast.unparse(node)!r}", _set(op=ast.UAdd())
        case ast.Name(id=name):
            yield from _other_name(name, names)
        case ast.Attribute(value=ast.Name(id=name), attr=member):
            kind = names.get(name)
            if isinstance(kind, type) and issubclass(kind, Enum):
                other = _next(member, tuple(kind.__members__))
                yield f"'{name}.{member}' becomes '{name}.{other}'", _set(attr=other)
        case ast.Constant(value=value) if value is not None:
            yield f"{value!r} becomes {_other(value)!r}", _set(value=_other(value))
    for link, other_link in LINKS:
        if isinstance(node, ast.BoolOp | ast.BinOp) and isinstance(node.op, link):
            yield f"other link in {ast.unparse(node)!r}", _set(op=other_link())
    for body in ("body", "orelse"):
        for place, statement in enumerate(getattr(node, body, None) or () if _has_block(node) else ()):
            if not _is_text(statement):
                yield f"drop {_first_line(statement)!r}", _drop(body, place)


def _has_block(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


def _other_name(name: str, names: Mapping[str, Any]) -> Iterator[tuple[str, Change]]:
    """Give the neighbour of a flag among those that the module knows."""
    for family in FAMILIES:
        if name.startswith(family):
            members = tuple(sorted(one for one in names if one.startswith(family)))
            if len(members) > 1:
                yield f"{name!r} becomes {_next(name, members)!r}", _set(id=_next(name, members))
    members = tuple(one for one in ERRNOS if one in names)
    if name in members and len(members) > 1:
        yield f"{name!r} becomes {_next(name, members)!r}", _set(id=_next(name, members))


def _next(one: str, members: tuple[str, ...]) -> str:
    return members[(members.index(one) + 1) % len(members)]


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"other {value}"


def _negate(node: Any) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _set(**fields: Any) -> Change:
    def change(node: Any) -> None:
        for name, value in fields.items():
            setattr(node, name, value)

    return change


def _drop(body: str, place: int) -> Change:
    def change(node: Any) -> None:
        getattr(node, body)[place] = ast.Pass()

    return change
