"""What ``faultlab series`` prints: the table of patches, one patch in detail, the table of verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from course.linuxfacts import load
from course.series.pairs import PAIRS
from course.series.patches import PATCHES, Patch
from course.series.proof import prove
from course.series.showings import SHOWINGS, Showing
from course.series.verify import Verdict
from course.views.table import Column, Line
from course.views.table import Table as TextTable

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["detail", "failures", "listing", "summary", "verdicts"]

WIDTH = 100
"""The columns that the tables fit in."""


def listing() -> Table:
    """Give the table of the sixteen patches."""
    grid = _grid()
    grid.add_column("P", justify="right")
    grid.add_column("Title", ratio=10)
    grid.add_column("Class", ratio=4)
    grid.add_column("File and function", ratio=11)
    grid.add_column("Shown by", ratio=4)
    for patch in PATCHES:
        grid.add_row(
            str(patch.number), patch.title, str(patch.kind), f"{patch.file}: {patch.function}", patch.shown
        )
    return grid


def verdicts(found: Sequence[Verdict]) -> Table:
    """Give the table of verdicts."""
    grid = _grid()
    grid.add_column("P", justify="right")
    grid.add_column("Verdict", no_wrap=True)
    grid.add_column("How", ratio=3)
    grid.add_column("What was found", ratio=13)
    for verdict in found:
        grid.add_row(
            str(verdict.patch.number),
            "holds" if verdict.holds else "FAILS",
            verdict.how or "-",
            "; ".join(verdict.facts) or "-",
        )
    return grid


def failures(found: Sequence[Verdict]) -> Iterator[str]:
    """Give a line for everything that is wrong."""
    for verdict in found:
        yield from (f"Patch {verdict.patch.number}: {sentence}" for sentence in verdict.wrong)


def summary(found: Sequence[Verdict]) -> str:
    """Give the last line: the sums."""
    failed = sum(not verdict.holds for verdict in found)
    return f"{len(found)} patches: {len(found) - failed} hold, {failed} fail."


def detail(patch: Patch) -> Iterator[str]:
    """Tell one patch: what it does, before and after, what shows it.

    Parameters
    ----------
    patch : Patch
        Which.

    Returns
    -------
    iterator of str
        Paragraphs and tables, as text.
    """
    commit = f" (commit {patch.commit})" if patch.commit else ""
    yield f"Patch {patch.number}: {patch.title}{commit}"
    yield _wrapped(f"{patch.kind}; {patch.file}: {patch.function}")
    yield _wrapped(patch.what)
    yield from _decision(patch)
    for showing in SHOWINGS.get(patch.number, ()):
        yield _numbers(showing)
    yield _wrapped(patch.note)
    yield _facts(patch)


def _decision(patch: Patch) -> Iterator[str]:
    """Give the table of the decision before and after, and the rules that limit its inputs."""
    if patch.rows:
        yield _table("", patch.rows)
    if patch.number not in PAIRS:
        return
    pair = PAIRS[patch.number]
    rows = [(label, str(pair.before(case)), str(pair.after(case))) for label, case in pair.shown]
    yield _table(f"Decided: {pair.name}", rows)
    proof = prove(pair)
    yield f"{proof.n_inputs:,} inputs, {proof.n_reachable:,} of them can happen. What keeps the others out:"
    yield "\n".join(f"  {n:>6,}  {rule}" for rule, n in proof.rules.items())
    for fault, why in pair.equivalent.items():
        yield _wrapped(f"A planted fault that changes nothing: {fault}. Why: {why}.")


def _facts(patch: Patch) -> str:
    """Give the facts that a patch rests on, with their ids."""
    known = load()
    told = [f"[{one}] {known[one].statement}" for one in patch.facts]
    lines = [textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ") for text in told]
    return "\n".join(["Facts; faultlab fact ID says where one was read:", *lines])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def _table(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    columns = (Column("", 34), Column("before", 30), Column("after", 30))
    return TextTable(title, columns, tuple(map(Line, rows))).text()


def _numbers(showing: Showing) -> str:
    """Give the table of what a scenario shows, a column for each stretch of trees."""
    starts = sorted(showing.values)
    ends = [*(start - 1 for start in starts[1:]), len(PATCHES)]
    width = min(20, (WIDTH - 22) // len(starts) - 2)
    columns = (
        Column("", 18),
        *(
            Column(f"upto{start}" if start == end else f"upto{start} to {end}", width)
            for start, end in zip(starts, ends, strict=True)
        ),
    )
    lines = tuple(
        Line((field, *(str(showing.values[start][place]) for start in starts)))
        for place, field in enumerate(showing.fields)
    )
    return TextTable(f"Scenario {showing.title}, task {showing.task}", columns, lines).text()


def _grid() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, width=WIDTH)
