"""Planted faults: a decision function with one thing changed, by rules and not by hand.

The operators (`course.series.operators`) plant a fault in one side of a pair: in the function itself, or in a
function of `course.series.decisions` that it calls; the other side keeps the right one. The comparison of
both sides has to notice it. Faults that change no decision at all are named in the pair, with the reason.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from course.series.decisions.pair import Pair
from course.series.operators import faults

__all__ = ["Mutant", "Survivors", "changes_nothing", "is_noticed", "mutants", "survivors"]

HOME = "course.series.decisions"
SIDES = ("before", "after")

Side = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A faulty side.

    Attributes
    ----------
    side : str
        ``before`` or ``after``.
    place : str
        The function with the fault.
    what : str
        What was changed.
    decide : callable
        The side, with the fault.
    """

    side: str
    place: str
    what: str
    decide: Side

    def __str__(self) -> str:
        return f"{self.side}, {self.place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Survivors:
    """What became of the planted faults.

    Attributes
    ----------
    n_planted, n_noticed : int
        Faults, and those that the comparison noticed.
    equivalent : mapping of str to str
        Those that change no decision -> why, as the pair says.
    wrong : tuple of str
        Those that were not noticed and that the pair does not name; and those that it names wrongly.
    """

    n_planted: int
    n_noticed: int
    equivalent: Mapping[str, str]
    wrong: tuple[str, ...]


def mutants(pair: Pair) -> Iterator[Mutant]:
    """Give every fault that the operators can plant in either side of a pair."""
    for side in SIDES:
        entry = getattr(pair, side)
        functions = _functions(entry)
        trees = {name: _tree(function) for name, function in functions.items()}
        space: dict[str, Any] = {}
        for function in functions.values():
            space |= vars(sys.modules[function.__module__])
        for name, tree in trees.items():
            for what, faulty in faults(tree, space):
                made = _make({**trees, name: faulty}, space)
                yield Mutant(side, name, what, _guarded(made[entry.__name__]))


def is_noticed(mutant: Mutant, pair: Pair) -> bool:
    """Say whether the comparison with the other side notices the fault.

    Parameters
    ----------
    mutant : Mutant
        The faulty side.
    pair : Pair
        Of which it is one.

    Returns
    -------
    bool
        True when on some input the two sides do not stand to each other as the pair says.
    """
    before, after = pair.before, pair.after
    if mutant.side == "before":
        before = mutant.decide
    else:
        after = mutant.decide
    return any(pair.fault(case, before(case), after(case)) for case in pair.cases())


def changes_nothing(mutant: Mutant, pair: Pair) -> bool:
    """Say whether the faulty side decides as the right one does, on every input there is."""
    right = getattr(pair, mutant.side)
    return all(mutant.decide(case) == right(case) for case in pair.cases())


def survivors(pair: Pair) -> Survivors:
    """Plant every fault and see which are not noticed."""
    unnoticed = []
    n_planted = 0
    for mutant in mutants(pair):
        n_planted += 1
        if not is_noticed(mutant, pair):
            unnoticed.append(str(mutant))
    wrong = set(unnoticed) ^ set(pair.equivalent)
    return Survivors(n_planted, n_planted - len(unnoticed), pair.equivalent, tuple(sorted(wrong)))


def _guarded(function: Side) -> Side:
    """Let an exception of a faulty function be a decision that equals no other."""

    def decide(case: Any) -> Any:
        try:
            return function(case)
        except Exception as error:  # noqa: BLE001 - a faulty function may raise whatever it likes
            return f"{type(error).__name__}: {error}"

    return decide


def _functions(entry: Side) -> dict[str, FunctionType]:
    """Give a function and those of the same package that it calls, by name."""
    found: dict[str, FunctionType] = {}
    todo: list[Any] = [entry]
    while todo:
        function = todo.pop()
        if not isinstance(function, FunctionType) or not function.__module__.startswith(HOME):
            continue
        if found.setdefault(function.__name__, function) is not function:
            raise AssertionError(f"two functions are called {function.__name__}: planting would mix them up")
        names = function.__code__.co_names
        todo += [called for name in names if (called := function.__globals__.get(name)) not in found.values()]
    return found


def _tree(function: FunctionType) -> ast.FunctionDef:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    if not isinstance(tree, ast.FunctionDef):
        raise AssertionError(f"{function.__name__} is no plain function")
    return tree


def _make(trees: Mapping[str, ast.FunctionDef], space: Mapping[str, Any]) -> dict[str, Any]:
    """Define functions from their trees, in a name space of their own."""
    own = dict(space)
    module = ast.fix_missing_locations(ast.Module(list(trees.values()), []))
    flags = __future__.annotations.compiler_flag
    exec(compile(module, "<planted>", "exec", flags, dont_inherit=True), own)
    return own
