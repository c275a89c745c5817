"""Compare both sides of a decision over every input."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from course.series.decisions.pair import Pair

__all__ = ["Difference", "Proof", "prove", "same_but_for_names"]


@dataclass(frozen=True, slots=True)
class Difference:
    """An input on which the two sides do not stand to each other as the pair says.

    Attributes
    ----------
    case : Any
        The input.
    before, after : Any
        What each side decides.
    why : str
        What is wrong with it.
    """

    case: Any
    before: Any
    after: Any
    why: str

    def __str__(self) -> str:
        return f"{self.case}: before {self.before}; after {self.after} ({self.why})"


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a comparison.

    Attributes
    ----------
    pair : Pair
        What was compared.
    n_inputs, n_reachable : int
        Inputs, and those that may happen.
    rules : mapping of str to int
        Each rule that keeps inputs from happening -> how many.
    rows : mapping of str to int
        Each known row in which the sides differ -> reachable inputs in it.
    dead : mapping of str to int
        Each such row -> inputs in it that can't happen.
    troubles : mapping of str to int
        What a side does wrong with the lock on a reachable input -> how many.
    wrong : tuple of Difference
        What breaks the proof.
    """

    pair: Pair
    n_inputs: int
    n_reachable: int
    rules: Mapping[str, int]
    rows: Mapping[str, int]
    dead: Mapping[str, int]
    troubles: Mapping[str, int]
    wrong: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """Whether the sides differ exactly where the pair says, and nowhere else."""
        return not self.wrong

    @property
    def n_differing(self) -> int:
        """Reachable inputs on which the sides differ."""
        return sum(self.rows.values())


def prove(pair: Pair) -> Proof:
    """Compare both sides of a decision over every input.

    Parameters
    ----------
    pair : Pair
        The two sides, the inputs, and the rows in which they are known to differ.

    Returns
    -------
    Proof
        It holds when the sides differ in these rows and nowhere else, and when none of these rows is
        reachable but those that the pair says can be seen.
    """
    rules: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    dead: Counter[str] = Counter()
    troubles: Counter[str] = Counter()
    wrong = []
    occurred = set()
    n_inputs = 0
    for case in pair.cases():
        n_inputs += 1
        rule, row = pair.unreachable(case), pair.differs(case)
        before, after = pair.before(case), pair.after(case)
        if rule:
            rules[rule] += 1
        if row:
            (dead if rule else rows)[row] += 1
        if row:
            occurred.add((row, str(before), str(after)))
        if why := pair.fault(case, before, after):
            wrong.append(Difference(case, before, after, why))
        if not rule:
            for side, decision in (("before", before), ("after", after)):
                trouble = pair.trouble(case, decision)
                if trouble:
                    troubles[f"{side}: {trouble}"] += 1
    told = {(row, old, new) for row, both in pair.told.items() for old, new in both}
    wrong += [Difference(row, old, new, "this never occurs") for row, old, new in sorted(told - occurred)]
    n_reachable = n_inputs - sum(rules.values())
    return Proof(pair, n_inputs, n_reachable, rules, rows, dead, troubles, tuple(wrong))


def same_but_for_names(
    before: Callable[..., Any], after: Callable[..., Any], names: Mapping[str, str]
) -> bool:
    """Say whether two functions have the same text once names are exchanged; docstrings play no part.

    Parameters
    ----------
    before, after : callable
        Functions with a source.
    names : mapping of str to str
        Old name -> new name.

    Returns
    -------
    bool
        True when nothing else differs.
    """
    old, new = (_body(function) for function in (before, after))
    for node in ast.walk(old):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.dump(old) == ast.dump(new)


def _body(function: Callable[..., Any]) -> ast.Module:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return ast.Module(tree.body[1:] if isinstance(tree, ast.FunctionDef) else [tree], [])
