"""Scenarios that show a patch: one run on each tree of the series, and where its outcome changes.

The numbers are written down here and not taken from a run: a run has to give them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.tree import Tree

__all__ = ["SHOWINGS", "UNCHANGED", "Showing", "Shown", "run_showing", "value_of"]

Values = tuple[Any, ...]
UNBALANCED = "bad unlock balance"
SHORT = {"messages_queued": "messages", "maj_flt": "major", "min_flt": "minor", "ms": "ends at ms"}


@dataclass(frozen=True, slots=True)
class Showing:
    """A scenario and the values that it gives on the trees upto0 to upto16.

    Attributes
    ----------
    scenario : str
        Name in the library, or in `course.series.synthetic`.
    fields : tuple of str
        Names of `pyemu.scenario.EXPECTED`, of counters of /proc/vmstat, and those of `value_of`.
    values : mapping of int to tuple
        From which tree on -> the values of the fields; the first is 0.
    task : str
        Whose fields.
    without : tuple of int
        Patches that are taken out of each tree.
    first : int
        The first tree that is run.
    arch : str
        Whose fault handler runs, if not the one that the scenario names.
    """

    scenario: str
    fields: tuple[str, ...]
    values: Mapping[int, Values]
    task: str = "T"
    without: tuple[int, ...] = ()
    first: int = 0
    arch: str = ""

    def expected(self, n: int) -> Values:
        """Give the values on the tree with `n` patches."""
        return self.values[max(start for start in self.values if start <= n)]

    @property
    def title(self) -> str:
        """The scenario, whose fault handler runs, and which patches are taken out."""
        where = f" on {self.arch}" if self.arch else ""
        return self.scenario + where + "".join(f" without {patch}" for patch in self.without)

    @property
    def changes(self) -> tuple[int, ...]:
        """The patches at which something changes."""
        return tuple(start for start in sorted(self.values) if start > self.first)

    def told(self, patch: int) -> str:
        """Say what changes at a patch: ``attempts 2 -> 3``."""
        before, after = self.expected(patch - 1), self.expected(patch)
        pairs = zip(self.fields, before, after, strict=True)
        return ", ".join(
            f"{SHORT.get(field, field)} {old} -> {new}" for field, old, new in pairs if old != new
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What a scenario gave.

    Attributes
    ----------
    showing : Showing
        What was run.
    values : tuple of tuple
        By number of patches, from the first tree on.
    wrong : tuple of str
        A sentence for each tree whose values are not those expected.
    """

    showing: Showing
    values: tuple[Values, ...]
    wrong: tuple[str, ...]

    @property
    def changes(self) -> tuple[int, ...]:
        """The patches at which the values did change."""
        return tuple(
            n
            for n, (before, after) in enumerate(
                zip(self.values, self.values[1:], strict=False), self.showing.first + 1
            )
            if before != after
        )


def run_showing(showing: Showing) -> Shown:
    """Run a scenario on every tree of the series.

    Parameters
    ----------
    showing : Showing
        The scenario and the values expected.

    Returns
    -------
    Shown
        The values that it gave, and what is wrong with them.
    """
    from course.series.patches import N_PATCHES
    from pyemu import Tree

    values, wrong = [], []
    for n in range(showing.first, N_PATCHES + 1):
        tree = Tree.upto(n) - showing.without
        got = _values(_run(showing, tree), showing)
        values.append(got)
        for field, expected, one in zip(showing.fields, showing.expected(n), got, strict=True):
            if expected != one:
                wrong.append(
                    f"{showing.scenario} on tree {tree}: {field} should be {expected}, and is {one}."
                )
    return Shown(showing, tuple(values), tuple(wrong))


def _run(showing: Showing, tree: Tree) -> Result:
    from course.series.synthetic import SYNTHETIC
    from pyemu import Scenario, run

    if showing.scenario in SYNTHETIC:
        scenario, override = SYNTHETIC[showing.scenario]()
        return run(scenario, tree, override)
    scenario = Scenario.load(showing.scenario)
    if showing.arch:
        scenario = replace(scenario, machine=replace(scenario.machine, arch=showing.arch))
    return run(scenario, tree)


def _values(result: Result, showing: Showing) -> Values:
    return tuple(value_of(result, showing.task, field) for field in showing.fields)


def value_of(result: Result, task: str, field: str) -> Any:
    """Give one value of a result.

    Parameters
    ----------
    result : Result
        Of a run.
    task : str
        Whose.
    field : str
        As in `Showing`; ``spin``, ``lock``, ``sleeps in`` (the state of its first sleep), ``ms`` (when it
        ended) and ``sample LABEL`` are ours, and so are ``end`` and
        ``use after free``.

    Returns
    -------
    int, str or list
        What the result has.
    """
    from pyemu.expect import field_of

    match field:
        case "spin":
            return "yes" if result.spins else "no"
        case "lock":
            return UNBALANCED if any(one.rule == UNBALANCED for one in result.violations) else "in order"
        case "use after free":
            return "yes" if any(one.rule == field for one in result.violations) else "no"
        case "end":
            return result.end
        case "sleeps in":
            return next((f"{event.a:#x}" for event in result.trace.select("sleep", task=task)), "no sleep")
        case "ms":  # at which it ended
            return field_of(result, task, "ends_at") // 1000
        case _ if field in result.vmstat:
            return result.vmstat[field]
        case _ if field.startswith("sample "):
            return next((value for _, _, what, value in result.reports if what == field), "none")
        case _:
            return field_of(result, task, field)


_COUNTS = ("outcome", "attempts", "messages_queued", "maj_flt")
_S9 = ("exceptions", "attempts", "page-faults", "maj_flt", "min_flt", "pgmajfault")
_S10A = ("exceptions", "attempts", "messages_queued", "maj_flt", "min_flt", "acquisitions")
SIGNALLED_COPY = Showing(
    "S12",
    ("outcome", "attempts", "maj_flt", "min_flt", "spin"),
    {0: ("ret=4096", 2, 1, 0, "no"), 12: ("EFAULT", 2, 0, 0, "no"), 13: ("ret=4096", 10_002, 0, 1, "yes")},
)
STOPPED_COPY = Showing(
    "12-and-13",
    ("outcome", "attempts", "spin", "sample blocked"),
    {0: ("ret=4096", 2, "no", "D"), 12: ("EFAULT", 2, "no", "S"), 13: ("ret=4096", 90_002, "yes", "S")},
)

_DIES, _DEAD_ROW = ("outcome", "spin", "ms"), ("exceptions", "attempts", "lock")
UM_SIGNAL = Showing(
    "um-signal",
    ("outcome", "spin"),
    {0: ("ret=5", "yes"), 10: ("SIGBUS(code=2)", "no"), 13: ("ret=5", "yes")},
)

SHOWINGS: dict[int, tuple[Showing, ...]] = {
    2: (
        Showing(
            "S2-mutant",
            ("outcome", "messages_queued", "use after free", "lock"),
            {0: ("ret=1", 2, "yes", UNBALANCED), 2: ("ret=1", 1, "no", "in order")},
        ),
        Showing("S2-nowait", ("outcome",), {0: ("ret=0",), 2: ("killed:9",)}),
    ),
    3: (
        Showing("B7", _DIES, {0: ("killed:9", "yes", 101)}),
        Showing("B7", _DIES, {0: ("killed:9", "no", 1)}, arch="s390"),
    ),
    4: (
        Showing(
            "S4",
            ("exceptions", "attempts", "min_flt", "lock"),
            {0: (2, 3, 1, "in order"), 4: (2, 3, 2, UNBALANCED), 13: (1, 3, 1, "in order")},
        ),
    ),
    5: (
        Showing("B7", _DIES, {0: ("killed:9", "no", 1)}, arch="arc"),
        Showing("count-arc", ("attempts", "maj_flt", "min_flt"), {0: (2, 0, 1)}),
    ),
    6: (Showing("B7", _DIES, {0: ("killed:9", "no", 1)}, arch="arm64"),),
    7: (
        Showing("B7", _DIES, {0: ("killed:9", "no", 1)}, arch="powerpc"),
        Showing(
            "S4",
            _DEAD_ROW,
            {0: (2, 3, "in order"), 7: (2, 3, UNBALANCED), 13: (1, 3, "in order")},
            arch="powerpc",
        ),
    ),
    8: (
        Showing("S8a", ("outcome", "oom"), {0: ("killed:9", 0), 8: ("killed:9", 1)}),
        Showing("S8b", ("attempts", "lock"), {0: (2, "in order"), 8: (2, UNBALANCED)}),
    ),
    9: (
        Showing("S9", _S9, {0: (1, 2, 1, 1, 0, 1), 9: (2, 2, 2, 0, 1, 1)}),
        Showing("S9-swap", _S9, {0: (1, 2, 1, 1, 0, 1), 9: (2, 2, 2, 0, 1, 1)}),
    ),
    10: (
        Showing("S10a", _S10A, {0: (2, 3, 2, 1, 1, 4), 10: (2, 3, 2, 1, 0, 3)}),
        Showing("S10b", ("outcome", "min_flt", "acquisitions"), {0: ("ret=0", 2, 3), 10: ("ret=0", 1, 2)}),
        Showing("syzbot-2017", ("outcome", "use after free"), {0: ("ret=0", "yes"), 10: ("ret=0", "no")}),
        Showing(
            "S10c",
            ("outcome", "attempts", "spin"),
            {0: ("ret=5", 3, "no"), 10: ("SIGBUS(code=2)", 2, "no"), 13: ("ret=5", 100_002, "yes")},
            without=(9,),
        ),
        UM_SIGNAL,
    ),
    12: (SIGNALLED_COPY, STOPPED_COPY),
    13: (
        Showing("S13", _COUNTS, {0: ("SIGBUS(code=2)", 2, 1, 0), 13: ("ret=5", 3, 2, 1)}),
        Showing("W1", _COUNTS, {0: ("SIGBUS(code=2)", 2, 0, 0), 13: ("ret=7", 3, 1, 1)}),
        Showing("W2", _COUNTS, {0: ("SIGBUS(code=2)", 2, 1, 0), 13: ("ret=7", 5, 4, 1)}),
        Showing("W3", _COUNTS, {0: ("SIGBUS(code=2)", 2, 1, 0), 13: ("ret=7", 3, 2, 1)}),
        SIGNALLED_COPY,
        STOPPED_COPY,
        Showing(
            "B5", ("outcome", "end"), {0: ("ret=4096", "done"), 12: ("EFAULT", "done"), 13: ("none", "hang")}
        ),
        Showing(
            "9-before-13",
            ("outcome", "spin", "sample after stop"),
            {0: ("ret=5", "no", "T"), 10: ("SIGBUS(code=2)", "no", "none"), 13: ("ret=5", "yes", "R")},
            without=(9,),
        ),
        UM_SIGNAL,
        Showing("count-riscv", ("attempts", "maj_flt", "min_flt"), {0: (2, 1, 0), 13: (2, 1, 1)}),
    ),
    14: (
        Showing("S14", _COUNTS, {0: ("EFAULT", 2, 1, 1), 14: ("ret=4096", 4, 2, 2)}),
        Showing("S14-kill", ("outcome", "messages_queued"), {0: ("EFAULT", 1), 14: ("killed:9", 2)}),
    ),
    15: (
        Showing("S15", ("outcome", "ms"), {0: ("killed:9", 10_000), 15: ("killed:9", 1_000)}),
        Showing("swap-kill", ("outcome", "ms"), {0: ("killed:9", 20), 15: ("killed:9", 5)}, task="G"),
        Showing(
            "S15b",
            ("outcome", "ms", "lock"),
            {0: ("killed:9", 400, "in order"), 15: ("killed:9", 22, UNBALANCED)},
        ),
    ),
    16: (
        Showing(
            "synthetic flags",
            ("outcome", "sleeps in", "ms"),
            {0: ("killed:9", "0x102", 1), 16: ("killed:9", "0x2", 10)},
        ),
        Showing(
            "15-before-16", ("outcome", "ms"), {0: ("killed:9", 30), 16: ("killed:9", 5_030)}, without=(15,)
        ),
    ),
}
"""Patch -> what shows it; a scenario may show two patches and stands with both."""

UNCHANGED: dict[int, tuple[Showing, ...]] = {
    2: (
        Showing(
            "S2",
            ("outcomes", "messages_queued", "acquisitions", "min_flt", "maj_flt"),
            {0: (["ret=2", "ret=2"], 1, 3, 0, 0)},
        ),
    ),
}
"""Patch -> what it leaves as it is: a scenario that is the same on all trees of the series."""
