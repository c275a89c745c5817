"""Where a learner's source is found.

A check judges source, since the learner's code runs in another process. In a notebook it is the whole cell
that defined the function or the table when it last ran: helpers in the same cell belong to the answer. In a
notebook file it is the answer cell.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pyemu.child import CELL_END
from pyemu.errors import MaterialError

__all__ = ["joined", "newer_cell", "notebook_names", "notebook_source", "source_of"]

_MAGIC = re.compile(r"^ *[%!]|\? *$", re.MULTILINE)  # IPython has changed such a cell before it ran
DECLARED = "pyemu.calls.declare"  # what `from pyemu.stubs import *` gives a name of is no answer yet


def notebook_names() -> Mapping[str, Any] | None:
    """Give the names of the notebook that runs; None outside one. IPython is not imported for this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell.user_ns if shell is not None else None


def source_of(function: Callable[..., Any] | str) -> str:
    """Give the source that defines a function.

    Parameters
    ----------
    function : callable or str
        A function of a notebook cell: the cell. Another function: its own lines. A text is taken as it is.

    Returns
    -------
    str
        Python source.

    Raises
    ------
    MaterialError
        The source can't be found, as for a function that a cell magic has run.
    """
    if isinstance(function, str):
        return function
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if code is None:
        raise MaterialError(
            f"{name} is a {type(function).__name__}, not a function: define it with `async def`."
        )
    if not Path(code.co_filename).is_file():
        cell = "".join(linecache.getlines(code.co_filename))
        if cell:
            return cell
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise MaterialError(
            f"the source of {name} can't be found: define it in a code cell without a %% line, and run that "
            "cell."
        ) from None


def notebook_source(names: Mapping[str, Any], answers: Sequence[str]) -> str:
    """Give the source of a notebook's answers.

    Parameters
    ----------
    names : mapping
        The names of the notebook that runs.
    answers : sequence of str
        What the exercise asks for: functions, or tables.

    Returns
    -------
    str
        The cells that define them, each once, in the order of ``answers``.

    Raises
    ------
    MaterialError
        One of them is not defined yet, or its source can't be found.
    """
    return joined(_cells(names, answers))


def newer_cell(names: Mapping[str, Any], answers: Sequence[str]) -> str:
    """Say that a later cell defines an answer, and never got so far.

    Parameters
    ----------
    names, answers
        As for `notebook_source`, which has found them.

    Returns
    -------
    str
        A sentence; empty when the answers are what their cells show.
    """
    known = {"".join(cell.split()) for cell in _cells(names, answers)}  # IPython dedents what it runs
    for answer in answers:
        last = next((cell for cell in reversed(names.get("In", [])) if _definition(answer).search(cell)), "")
        if last and "".join(last.split()) not in known and not _MAGIC.search(last):
            return (
                f"The cell that you ran last for {answer} ended with an error before it had defined it. What "
                "is checked here is your answer before that one."
            )
    return ""


def joined(cells: Iterable[str]) -> str:
    """Give the source of answer cells as one."""
    return CELL_END.join(cells)


def _cells(names: Mapping[str, Any], answers: Sequence[str]) -> list[str]:
    """Give the cells that define the answers, each once."""
    owners: dict[str, str] = {}
    for answer in answers:
        if answer not in names or getattr(names[answer], "__module__", "") == DECLARED:
            raise MaterialError(
                f"{answer} is not defined yet: run the cell that defines it, then this one again."
            )
        found = names[answer]
        owners[answer] = source_of(found) if callable(found) else _cell_of(answer, names)
    return list(_in_order(owners))


def _in_order(owners: Mapping[str, str]) -> Iterator[str]:
    """Give the cells of answers so that the one that counts comes after others that define the same."""
    left = list(dict.fromkeys(owners.values()))
    while left:
        yield left.pop(next((n for n, cell in enumerate(left) if not _outdone(cell, left, owners)), 0))


def _outdone(cell: str, left: Sequence[str], owners: Mapping[str, str]) -> bool:
    """Whether one of the cells would define again what this one is there for."""
    own = [answer for answer, owner in owners.items() if owner == cell]
    return any(_definition(answer).search(other) for other in left if other != cell for answer in own)


@cache
def _definition(name: str) -> re.Pattern[str]:
    """Give what finds the statement of a cell that defines a name."""
    return re.compile(rf"^(async +def|def) +{name}\b|^{name} *=", re.MULTILINE)


def _cell_of(name: str, names: Mapping[str, Any]) -> str:
    """Give the cell that last gave a value to a name."""
    for cell in (*reversed(names.get("In", [])), *_cells_without_history()):
        if name in _assigned(cell):
            return str(cell)
    raise MaterialError(f"the cell that defines {name} can't be found: run it, then this one again.")


def _cells_without_history() -> Iterator[str]:
    """Give cells that left no history, the last one first: nbval runs them so. Their tracebacks need them."""
    for entry in reversed(linecache.cache.values()):
        if len(entry) == 4 and entry[1] is None:  # no file: no time of change
            yield "".join(entry[2])


def _assigned(cell: str) -> Iterator[str]:
    """Give the names to which the statements of a cell give values."""
    try:
        statements = ast.parse(cell).body
    except SyntaxError:  # a line magic, or what never ran
        return
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for one in targets for node in ast.walk(one) if isinstance(node, ast.Name))
