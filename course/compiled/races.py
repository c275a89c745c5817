"""Races between two ways to walk: how many times faster one is, in widely rounded words.

A ratio of two times, taken in turns in the same run, is much the same on different machines; a time isn't. It
still moves with the load and with the version of Python. So what is shown is on which side of a mark a ratio
lies, and marks lie far from what was measured. The number itself is in a widget, which no notebook stores.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, ClassVar, Protocol

from course.compiled.building import compile_cython, why_not
from course.compiled.declaring import function_name, renamed, typed
from course.compiled.figures import Said, figure, stored
from course.compiled.lines import object_lines
from course.compiled.tables import Tables, random_tables
from course.paging.shown import Shown
from course.views.table import Column, Line, Table
from pyemu.errors import CompileError

__all__ = ["Calls", "Compiled", "Python", "Race", "each_missing", "race", "raced_before"]

SEED, N_ADDRESSES = 16, 10_000
ROUNDS = 7
"""In which both are measured, one after the other."""
KEPT = (0.25, 0.5)
"""Marks of `each_missing`: below the first most of the speed is lost, above the second most is kept."""


class Runner(Protocol):
    """A way to walk to many addresses."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def text(self) -> str:
        """What it runs."""
        ...

    def prepare(self, tables: Tables) -> Callable[[], object]:
        """Give what walks to all addresses once."""
        ...


@dataclass(frozen=True, slots=True)
class Python:
    """A text that runs as plain Python: one function of ``(ram, root, vas, pas)``."""

    text: str
    name: ClassVar[str] = "plain Python"

    def prepare(self, tables: Tables) -> Callable[[], object]:
        """Give what walks to all addresses once."""
        names: dict[str, Any] = {}
        exec(self.text, names)  # the learner's own text, in their own process
        return _whole(names[function_name(self.text)], tables)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A text that is compiled: one function of ``(ram, root, vas, pas)``."""

    text: str
    name: ClassVar[str] = "compiled"

    def prepare(self, tables: Tables) -> Callable[[], object]:
        """Give what walks to all addresses once."""
        return _whole(getattr(compile_cython(self.text), function_name(self.text)), tables)


@dataclass(frozen=True, slots=True)
class Calls:
    """A text that is compiled and called once for each address: a function of ``(ram, root, va)``."""

    text: str
    name: ClassVar[str] = "one call for each address"

    def prepare(self, tables: Tables) -> Callable[[], object]:
        """Give what walks to all addresses once."""
        walk = getattr(compile_cython(self.text), function_name(self.text))
        ram, root, vas = tables.ram, tables.root, tables.vas

        def run() -> None:
            for va in vas:
                walk(ram, root, va)

        return run


def _whole(walk: Callable[..., object], tables: Tables) -> Callable[[], object]:
    ram, root, vas, pas = tables.ram, tables.root, tables.vas, array("Q", bytes(8 * len(tables.vas)))
    return lambda: walk(ram, root, vas, pas)


@dataclass(frozen=True, slots=True)
class Race:
    """How many times faster the second is.

    Attributes
    ----------
    ratio : float
        Median over some rounds.
    marks : tuple of float
        What the ratio is compared with, ascending.
    failed : str
        Why there is no ratio; empty when there is one.
    """

    ratio: float
    marks: tuple[float, ...]
    failed: str = ""

    @property
    def outcome(self) -> str:
        """The ratio between marks, such as ``more than 50 times as fast``."""
        if self.failed:
            return self.failed
        if self.ratio < self.marks[0]:
            return f"less than {self.marks[0]:g} times as fast"
        if self.ratio >= self.marks[-1]:
            return f"more than {self.marks[-1]:g} times as fast"
        low, high = next((low, high) for low, high in pairwise(self.marks) if low <= self.ratio < high)
        return f"{low:g} to {high:g} times as fast"

    def __repr__(self) -> str:
        return self.outcome

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return Said(
            self.outcome,
            "" if self.failed or why_not() else f"Measured here, now: {rounded(self.ratio)} times as fast.",
        )._repr_mimebundle_()


def race(slow: Runner, fast: Runner, *marks: float) -> Race:
    """Let two walk to the same addresses, in turns.

    Parameters
    ----------
    slow, fast : Python, Compiled or Calls
        How to walk.
    *marks : float
        What the ratio is compared with, ascending.

    Returns
    -------
    Race
        How many times faster the second is; or why that can't be said.
    """
    marks = marks or (50,)
    try:
        return Race(figure("race", _parts(slow, fast), lambda: _ratio(slow, fast)), marks)
    except CompileError as error:
        return Race(math.nan, marks, str(error))


def raced_before(slow: Runner, fast: Runner) -> str:
    """Give the ratio that is kept in the file of figures, rounded: what a lesson's text may say."""
    return rounded(stored("race", _parts(slow, fast)))


def _parts(slow: Runner, fast: Runner) -> list[tuple[str, str]]:
    return [(one.name, one.text) for one in (slow, fast)]


def rounded(ratio: float) -> str:
    """One significant digit: what a ratio is worth."""
    return f"{float(f'{ratio:.1g}'):,.10g}"


def _ratio(slow: Runner, fast: Runner) -> float:
    tables = random_tables(SEED, N_ADDRESSES)
    return _compare(slow.prepare(tables), fast.prepare(tables))


def _compare(slow: Callable[[], object], fast: Callable[[], object]) -> float:
    """Median of ratios of CPU time; the time in which other processes ran doesn't count."""
    slow(), fast()
    ratios = [_seconds(slow, 1) / _seconds(fast, 5) for _ in range(ROUNDS)]
    return float(f"{median(ratios):.2g}")


def _seconds(function: Callable[[], object], times: int) -> float:
    """The shortest of some runs."""
    taken = []
    for _ in range(times):
        start = time.thread_time_ns()
        function()
        taken.append(time.thread_time_ns() - start)
    return max(min(taken), 1) * 1e-9


def each_missing(text: str, types: Mapping[str, str]) -> Shown | Said:
    """Leave out one type after the other, and race what is left with the whole.

    Parameters
    ----------
    text : str
        One function of ``(ram, root, vas, pas)``, in Python.
    types : mapping of str to str
        All its types, for `typed`.

    Returns
    -------
    Shown or Said
        A line for each type; or why that can't be said.
    """
    try:
        return Shown(_missing(text, types))
    except CompileError as error:
        return Said(str(error))


def _missing(text: str, types: Mapping[str, str]) -> Table:
    left = [typed(text, {one: c for one, c in types.items() if one != name}) for name in types]
    module = _together([typed(text, types), *left])
    parts: list[float] = figure("missing", module, lambda: _each(module))
    marked, starts = object_lines(module), _starts(module)
    rows = []
    for name, part, (start, end) in zip(types, parts, pairwise(starts[1:]), strict=True):
        rows.append(Line((name, str(sum(start <= line < end for line in marked)), _kept(part))))
    columns = (
        Column("without the type of", 20),
        Column("lines with objects", 18, right=True),
        Column("speed left", 20),
    )
    n_lost = sum(part < KEPT[0] for part in parts)
    note = f"Of {len(rows)} types, {n_lost} cost more than three quarters of the speed, each of them alone."
    return Table("", columns, tuple(rows), (note,))


def _together(texts: list[str]) -> str:
    """Make one module of all, which compiles faster than many."""
    head = texts[0].partition("def ")[0]
    return head + "\n\n\n".join(renamed(text, f"walk_{n}") for n, text in enumerate(texts)) + "\n"


def _starts(module: str) -> list[int]:
    """Number the lines at which functions start, and the one after the last."""
    lines = module.splitlines()
    return [n for n, line in enumerate(lines, 1) if line.startswith("def ")] + [len(lines) + 1]


def _each(text: str) -> list[float]:
    """Measure which part of the first function's speed each of the others has."""
    module = compile_cython(text)
    tables = random_tables(SEED, N_ADDRESSES)
    first, *others = (_whole(getattr(module, f"walk_{n}"), tables) for n in range(len(_starts(text)) - 1))
    return [float(f"{1 / _compare(one, first):.2g}") for one in others]


def _kept(part: float) -> str:
    if part < KEPT[0]:
        return "less than a quarter"
    return "more than half" if part > KEPT[1] else "a quarter to a half"
