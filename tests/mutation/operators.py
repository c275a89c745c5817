"""Mutants of kernel code, made by operators: one small change in one place of one module.

Most operators are those of `course.series.operators`: negate a condition, exchange a link, drop a statement
(a lock call among them), take another flag, another constant. Here one is added: two neighbours change
places.

Left out is what says nothing of the tests: dropping the statement that gives a name its first value, and
exchanging a statement with one that uses its result, end in a NameError; two reads that touch nothing and
don't use each other's result change no run, nor does a value that is computed a statement sooner or later.
"""

from __future__ import annotations

import ast
import copy
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from course.series.operators import faults

Function = ast.FunctionDef | ast.AsyncFunctionDef
Operators = Callable[[Function], Iterable[tuple[str, Function]]]
FIXED = (  # statements that stand where they stand
    *(ast.Return, ast.Continue, ast.Break, ast.Raise, ast.Import, ast.ImportFrom),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)
PURE = {"min", "max", "bool", "len", "divmod"}  # calls that touch nothing


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    module, function : str
        What is changed: dotted name of a module, name of a function in it.
    what : str
        The change, in words.
    source : str
        The whole changed module.
    """

    module: str
    function: str
    what: str
    source: str

    @property
    def name(self) -> str:
        """What it is, on one line."""
        return f"{self.module.rpartition('.')[2]}.{self.function}: {self.what}"


def mutants(
    module: str,
    source: str,
    names: Mapping[str, Any] | None = None,
    more: Operators | None = None,
    *,
    tables: bool = False,
) -> list[Mutant]:
    """Give every mutant of a module's functions.

    Parameters
    ----------
    module : str
        Its dotted name; it is imported, for the flags that its names mean.
    source : str
        Its code.
    names : mapping, optional
        What its names mean, where it can't be imported.
    more : callable, optional
        Operators beside those of `course.series.operators`; None: two neighbours change places.
    tables : bool
        Change tables as well: what is assigned outside of functions.

    Returns
    -------
    list of Mutant
        In the order of functions; none is equal to the module or to another one.
    """
    tree = ast.parse(source)
    names = vars(importlib.import_module(module)) if names is None else names
    seen = {ast.unparse(tree)}
    found: list[Mutant] = []
    for place, node in enumerate(tree.body):
        function = _table(node) if tables and isinstance(node, ast.Assign) else node
        if not isinstance(function, Function):
            continue
        for what, changed in (*faults(function, names), *(more or _swaps)(function)):
            rows = [changed] if function is node else changed.body
            if _is_stillborn(function, changed) or isinstance(rows[0], ast.Pass):
                continue
            text = ast.unparse(ast.Module([*tree.body[:place], *rows, *tree.body[place + 1 :]], []))
            if text not in seen:
                seen.add(text)
                found.append(Mutant(module, function.name, what, text))
    return found


def _table(row: ast.Assign) -> ast.FunctionDef:
    """Make a function of what a table is assigned by, so that operators can change it."""
    arguments = ast.arguments([], [], None, [], [], None, [])
    name = ast.unparse(row.targets[0])
    return ast.FunctionDef(name, arguments, [row], [])


def _swaps(function: Function) -> Iterator[tuple[str, Function]]:
    """Let two neighbours change places."""
    for number, node in enumerate(ast.walk(function)):
        for field in ("body", "orelse"):
            rows = getattr(node, field, None)
            if not isinstance(rows, list):
                continue
            for index in range(len(rows) - 1):
                first, second = rows[index], rows[index + 1]
                if _may_swap(first, second):
                    changed = copy.deepcopy(function)
                    block = getattr(list(ast.walk(changed))[number], field)
                    block[index], block[index + 1] = block[index + 1], block[index]
                    yield f"swap {_line(first)!r} and {_line(second)!r}", changed


def _line(row: ast.stmt) -> str:
    return ast.unparse(row).splitlines()[0]


def _may_swap(first: ast.stmt, second: ast.stmt) -> bool:
    if any(isinstance(one, FIXED) or _is_text(one) for one in (first, second)):
        return False
    if any(_only_computes(one) for one in (first, second)) and _are_apart(first, second):
        return False
    return not (_is_plain_read(first) and _is_plain_read(second))


def _is_text(row: ast.stmt) -> bool:
    return isinstance(row, ast.Expr) and isinstance(row.value, ast.Constant)


def _is_plain_read(row: ast.stmt) -> bool:
    """Say whether a statement only reads a field of a handle, the policies, or values that it has."""
    if not isinstance(row, ast.Assign | ast.AnnAssign) or row.value is None:
        return False
    awaits = isinstance(row.value, ast.Await)
    value = row.value.value if isinstance(row.value, ast.Await) else row.value
    if isinstance(value, ast.Attribute):
        return True
    if awaits:
        return ast.unparse(value) == "policies()"
    return not any(isinstance(node, ast.Call) for node in ast.walk(value))


def _only_computes(row: ast.stmt) -> bool:
    """Say whether a statement makes a value of local names and constants: nobody else sees when.

    A field or an element is none of these: where there is none, the statement fails.
    """
    if not isinstance(row, ast.Assign | ast.AnnAssign | ast.AugAssign) or row.value is None:
        return False
    parts = list(ast.walk(row))
    if any(isinstance(node, ast.Await | ast.Attribute) for node in parts):
        return False
    if any(isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice) for node in parts):
        return False
    return {ast.unparse(node.func) for node in parts if isinstance(node, ast.Call)} <= PURE


def _are_apart(first: ast.stmt, second: ast.stmt) -> bool:
    """Say whether neither statement uses or changes what the other one sets, or keeps it from being run."""
    if any(isinstance(node, ast.Break | ast.Continue) for row in (first, second) for node in ast.walk(row)):
        return False
    sets = [_names(row, ast.Store) for row in (first, second)]
    all_names = [sets[0] | _names(first, ast.Load), sets[1] | _names(second, ast.Load)]
    return not (sets[0] & all_names[1] or sets[1] & all_names[0])


def _is_stillborn(function: Function, changed: Function) -> bool:
    """Say whether a name is used before it has a value, where it had one: that ends in a NameError."""
    local = _names(function, ast.Store)
    return bool(_used_too_early(changed, local) - _used_too_early(function, local))


def _used_too_early(function: Function, local: set[str]) -> set[str]:
    """Give the local names that are used above the first statement that gives them a value."""
    has: set[str] = set()
    early: set[str] = set()
    rows = list(function.body)
    while rows:
        row = rows.pop(0)
        blocks = [*getattr(row, "body", []), *getattr(row, "orelse", [])]
        looked_at: ast.AST = getattr(row, "test", getattr(row, "iter", row)) if blocks else row
        early |= _names(looked_at, ast.Load) & local - has
        if isinstance(row, ast.AugAssign):
            early |= _names(row.target, ast.Store) - has
        has |= _names(looked_at, ast.Store) | _names(getattr(row, "target", None), ast.Store)
        rows[:0] = blocks
    return early


def _names(tree: ast.AST | None, context: type[ast.expr_context]) -> set[str]:
    names = (node for node in ast.walk(tree or ast.Pass()) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, context)}
