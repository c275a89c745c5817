"""Runs as text: what happens, event by event, the counts, the outcomes, and where two runs differ."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from course.checks.difference import first_difference
from course.views.counts import counters
from course.views.lanes import timeline
from course.views.pair import labels, side_by_side
from pyemu.arches import X86, arch_of
from pyemu.errors import ScenarioError
from pyemu.expect import unexpected
from pyemu.machine import Result
from pyemu.scenario import Scenario
from pyemu.trace import Level

__all__ = ["difference", "head", "one", "outcomes", "titled", "two"]

WIDTH = 100


def head(scenario: Scenario) -> Iterator[str]:
    """Give title, story and source of a scenario; the architecture, where it is not x86."""
    yield titled(scenario)
    if scenario.story:
        yield textwrap.fill(scenario.story, WIDTH)
    if scenario.source:
        yield textwrap.fill(f"Source: {scenario.source}", WIDTH)


def titled(scenario: Scenario) -> str:
    """Give name and title; a second line names the fault handler, where it is not that of x86."""
    arch = arch_of(scenario.machine.arch)
    said = f"{scenario.name}: {scenario.title}"
    return said if arch is X86 else f"{said}\nFault handler: {arch.name}, {arch.file}"


def one(result: Result, level: Level = Level.STORY) -> Iterator[str]:
    """Give one run: its timeline, its counts, its outcomes.

    Parameters
    ----------
    result : Result
        Of a run.
    level : Level
        The story as a timeline; every event of the kernel, or of the hardware too, as lines.

    Returns
    -------
    iterator of str
        Paragraphs and tables.
    """
    yield _events(result, level)
    yield from _counts(result)
    yield outcomes(result)


def two(left: Result, right: Result, level: Level = Level.STORY) -> Iterator[str]:
    """Give two runs: the story side by side, events of the kernel one after the other; where they differ."""
    if level is Level.STORY:
        yield str(side_by_side(left, right))
    else:
        yield from (_events(result, level) for result in (left, right))
    yield from _counts(left, right)
    yield from (outcomes(result) for result in (left, right))
    yield difference(left, right, level)


def outcomes(result: Result) -> str:
    """Tell what became of each task, how the run ended, which rules were broken, and what was expected."""
    lines = [f"On tree {result.tree}:"]
    lines += [f"  {name}: {', '.join(task.outcomes) or 'no access'}" for name, task in result.tasks.items()]
    how = f"{result.end} at {result.ticks} us" + (f": {result.end_text}" if result.end_text else "")
    lines.append(_indented(f"end: {how}", "  "))
    lines += [f"  {what}: {value}" for what, value in result.vmstat.items()]
    if result.spins:
        lines.append(f"  spins: {result.spins}")
    broken = [f"{found.task}: {found.rule}: {found.text}" for found in (*result.findings, *result.violations)]
    lines += [
        f"  broken rules: {'none' if not broken else len(broken)}",
        *(_indented(one, "    ") for one in broken),
    ]
    return "\n".join([*lines, *(f"  {line}" for line in _expected(result))])


def difference(left: Result, right: Result, level: Level = Level.STORY) -> str:
    """Tell the first event in which two runs differ, with two events before and two after on each side."""
    found = first_difference(left.trace, right.trace, level)
    if found is None:
        return "First difference: none. The two runs tell the same story."
    lines = ["First difference (times are not compared)", "  both runs:"]
    lines += [f"      {line}" for line in found.before or ("(nothing before)",)]
    for label, events in zip(labels(left, right), (found.mine, found.kernel), strict=True):
        lines.append(f"  {label}:")
        lines += [f"    {'>' if not n else ' '} {line}" for n, line in enumerate(events or ("(has ended)",))]
    return "\n".join(lines)


def _events(result: Result, level: Level) -> str:
    return str(timeline(result)) if level is Level.STORY else result.trace.text(level)


def _counts(*results: Result) -> Iterator[str]:
    """Give the counts of each task that made an access."""
    for task in results[0].scenario.tasks:
        if any(result.tasks[task.name].outcomes for result in results):
            yield str(counters(*results, task=task.name))


def _indented(text: str, indent: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _expected(result: Result) -> list[str]:
    """Compare with what the scenario says of this tree, if it does."""
    try:
        wrong = unexpected(result)
    except ScenarioError:
        return ["expected: the scenario says nothing of this tree"]
    return (
        ["as the scenario says"]
        if not wrong
        else ["not as the scenario says:", *(f"  {one}." for one in wrong)]
    )
