"""``every_interleaving``: what every order of the tasks' moves leads to, on one tree or on several."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course.views.table import Column, Line, Table
from pyemu.errors import FaultlabError
from pyemu.explore import Exploration, Finding, explore, replay
from pyemu.explore.explorer import MAX_STATES, Method
from pyemu.explore.findings import shown
from pyemu.machine import Result
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["Interleavings", "every_interleaving"]

WIDTH = 96
"""Characters in a line of the text form."""


@dataclass(frozen=True, slots=True)
class Interleavings:
    """Explorations of one scenario; shown as a table, printed as text.

    Attributes
    ----------
    scenario : Scenario
        What was explored.
    trees : tuple of Tree
        On what.
    found : tuple of Exploration
        What was found on each tree.
    handlers : mapping
        What replaced kernel functions.
    """

    scenario: Scenario
    trees: tuple[Tree, ...]
    found: tuple[Exploration, ...]
    handlers: Mapping[str, Any] | None = field(repr=False)

    def finding(self, tree: Tree | None = None, rule: str | None = None) -> Finding:
        """Give the broken rule with the shortest schedule.

        Parameters
        ----------
        tree : Tree, optional
            One of the trees; by default the first on which there is such a finding.
        rule : str, optional
            Its name, such as ``I1`` or ``hang``; by default any, those first that the scenario does not
            permit.

        Returns
        -------
        Finding
            Its rule, its sentence and its schedule.

        Raises
        ------
        FaultlabError
            There is no such finding; the text names those that there are.
        """
        return self._shortest(tree, rule)[1]

    def trace(self, tree: Tree | None = None, rule: str | None = None) -> Result:
        """Run the shortest schedule that breaks a rule.

        Parameters
        ----------
        tree, rule : optional
            As for `finding`.

        Returns
        -------
        Result
            For `timeline`, `stepper` and `side_by_side`. Its times count moves.

        Raises
        ------
        FaultlabError
            As for `finding`.
        """
        return replay(self.scenario, *self._shortest(tree, rule), self.handlers)

    def _shortest(self, tree: Tree | None, rule: str | None) -> tuple[Tree, Finding]:
        if tree is not None and tree not in self.trees:
            names = ", ".join(map(str, self.trees))
            raise FaultlabError(f"tree {tree} was not explored here; explored were: {names}.")
        for at, one in zip(self.trees, self.found, strict=True):
            fits = [f for f in (*one.violations, *one.findings) if rule in (None, f.rule)]
            if tree in (None, at) and fits:
                return at, fits[0]
        what = f"no order of moves breaks the rule {rule!r}" if rule else "no order of moves breaks a rule"
        have = ", ".join(dict.fromkeys(f"{f.rule} on {e.tree}" for e in self.found for f in e.findings))
        where = f" on tree {tree}" if tree is not None else ""
        raise FaultlabError(f"{what} of {self.scenario.name}{where}; found were: {have or 'none'}.")

    def __repr__(self) -> str:
        lines = []
        for one in self.found:
            lines += _wrapped(f"{one.scenario} on tree {one.tree}: {_verdict(one)}", "")
            for finding in one.findings:
                lines += _wrapped(f"- {finding.rule}{_expected(finding)}: {finding.text}", "  ")
                lines += _wrapped(_schedule(finding), "    ")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        columns = tuple(map(Column, ("rule", "what happens", "shortest schedule"), (16, 50, 30)))
        parts = []
        for one in self.found:
            lines = tuple(
                Line((f"{f.rule}{_expected(f)}", f.text, _schedule(f).removeprefix("Shortest: ")))
                for f in one.findings
            )
            head = f"{one.scenario} on tree {one.tree}: {_verdict(one)}"
            parts.append(Table(head, columns, lines or (Line(("none", "", "")),)).html())
        return "".join(parts)


def every_interleaving(
    scenario: Scenario | str,
    *trees: Tree,
    handlers: Mapping[str, Any] | None = None,
    max_states: int = MAX_STATES,
    method: Method = "sleep",
) -> Interleavings:
    """Explore every order of the tasks' moves.

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    *trees : Tree
        Which kernels; all patches by default.
    handlers : mapping, optional
        Name of a kernel function -> what replaces it, as for `pyemu.run`.
    max_states : int
        Budget of each tree: a search that reaches so many states ends, and proves nothing.
    method : str
        As for `pyemu.explore.explore`.

    Returns
    -------
    Interleavings
        Per tree the number of states, whether the search finished, each broken rule with its sentence and
        the shortest schedule that breaks it. The same text each time.

    Raises
    ------
    ScenarioError, HandlerError, FaultlabError
        As `pyemu.explore.explore`.

    Examples
    --------
    >>> from pyemu import Tree
    >>> every_interleaving("S13", Tree.after)
    S13 on tree after: ...
    """
    chosen = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    wanted = trees or (Tree.after,)
    for tree in wanted:
        if not isinstance(tree, Tree):
            raise FaultlabError(f"{tree!r} is no tree: name kernels as in Tree.before or Tree.upto(9).")
    found = tuple(explore(chosen, one, handlers, max_states=max_states, method=method) for one in wanted)
    return Interleavings(chosen, wanted, found, handlers)


def _verdict(found: Exploration) -> str:
    size = f"{found.n_states} states"
    if not found.finished:
        return f"{size} reached, then the budget ended. Nothing is proven; orders that were not tried remain."
    n = len(found.findings)
    if not n:
        return f"all {size} reached. No order of moves breaks a rule."
    n_new = len(found.violations)
    expected = "none of them is expected" if n_new == n else f"the scenario expects all but {n_new}"
    return (
        f"all {size} reached. {n} rule{'s' * (n != 1)} can be broken; "
        f"{expected if n_new else 'the scenario expects that'}."
    )


def _expected(finding: Finding) -> str:
    return " (expected)" if finding.permitted else ""


def _schedule(finding: Finding) -> str:
    n = len(finding.schedule)
    again = f", then again and again {shown(finding.circle)}" if finding.circle else ""
    return f"Shortest: {shown(finding.schedule) or 'no move'} ({n} move{'s' * (n != 1)}){again}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
