"""Showing what came of asking the running kernel: a table, and below it the reasons."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from rich import box
from rich.table import Table

from course.conform.experiment import ACCESSES, Experiment
from course.conform.kernels import kernel_of
from course.live import played
from course.live.asking import Asked
from course.live.reasons import Reason
from course.live.recording import label
from course.live.sides import Side, Sides, emulated, name_of, recorded

__all__ = ["below", "head", "listed", "refused", "table"]

COLUMNS = ("Experiment", "Outcome", "Messages", "State", "Minor", "Major", "In which order")
RIGHT = ("Messages", "Minor", "Major")
EVENTS = {
    "none": "M brings the page",
    "wakeN": "N wakes without a page, each at a message; then M brings it (wake1 is S13)",
    "sigN": "SIGUSR1, N times, with a handler; then the page",
    "sig1r": "SIGUSR1, whose handler has SA_RESTART; then the page",
    "stop": "SIGSTOP, SIGCONT, then the page",
    "kill": "SIGKILL",
    "unreg": "M gives the area back to the kernel",
    "close": "M closes the userfaultfd",
}


def listed() -> Iterator[Table]:
    """Give what can be asked, as tables."""
    grid = _grid("Event", "What happens while T waits")
    for name, what in EVENTS.items():
        grid.add_row(name, what)
    yield grid
    grid = _grid("Access", "Who touches the missing page")
    for name, side in ACCESSES.items():
        grid.add_row(name, side.value)
    yield grid
    grid = _grid("Scenario", "What happens")
    for scenario in played.playable():
        grid.add_row(scenario.name, scenario.title)
    yield grid


def head(found: Sequence[Asked], release: str) -> str:
    """Say which kernel was asked, and by whom."""
    only = any(one.user_mode_only for one in found)
    who = "for accesses of user mode only (UFFD_USER_MODE_ONLY)" if only else "for all accesses"
    return f"Linux {release} on {platform.machine()}; a userfaultfd {who}."


def table(found: Sequence[Sides]) -> Table:
    """Give the table: some lines for each experiment, and a letter for each reason."""
    letters = _letters(found)
    grid = _grid(*COLUMNS)
    for one in found:
        marks = " ".join(letters[reason] for reason in one.reasons)
        grid.add_row(f"{one.name}: {_verdict(one)} {marks}".strip())
        for side in one.sides:
            grid.add_row(*_cells(side))
        grid.add_section()
    return grid


def below(found: Sequence[Sides]) -> Iterator[str]:
    """Give the lines below the table: reasons, differences, sums."""
    for reason, letter in _letters(found).items():
        yield f"{letter}  {reason.name}: {reason.text}"
    for one in found:
        for difference in one.differences:
            why = difference.reason.name if difference.reason else "NOT EXPLAINED"
            yield (
                f"{one.name}, {difference.name}: the kernel {difference.real}, "
                f"the emulator {difference.model} ({difference.n_runs} of {one.n_runs} runs; {why})"
            )
    kinds = Counter(_verdict(one) for one in found)
    yield f"{len(found)} experiments: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()) + "."


def refused(why: str, wanted: Sequence[Experiment], scenarios: Sequence[str]) -> Iterator[str | Table]:
    """Give what is shown where there is no userfaultfd: the reason, and the recordings in its place."""
    yield f"This kernel can't be asked: {why}"
    yield HOW_TO_ALLOW
    yield "Here is what the emulator says for it, and what was recorded of the nearest kernel:"
    kernel = kernel_of(label(platform.release()))
    sides: dict[str, list[Side]] = {}
    for done in wanted:
        record = recorded(done, kernel.label)
        sides[name_of(done)] = [emulated(done, kernel), *([record[0]] if record else [])]
    grid = _grid(*COLUMNS)
    for name, seen in (sides | {name: [played.emulated(name, kernel)] for name in scenarios}).items():
        grid.add_row(f"{name}:")
        for side in seen:
            grid.add_row(*_cells(side))
        grid.add_section()
    yield grid


HOW_TO_ALLOW = (
    "To allow it: run as root; or `sysctl vm.unprivileged_userfaultfd=1`; or give a user /dev/userfaultfd. "
    "In a container, let its filter of system calls pass userfaultfd (as --privileged does)."
)


def _verdict(one: Sides) -> str:
    if not one.n_runs:
        return "not here"
    if one.unexplained:
        return "DIFFERS"
    return "explained" if one.differences else "agrees"


def _letters(found: Sequence[Sides]) -> dict[Reason, str]:
    reasons = dict.fromkeys(reason for one in found for reason in one.reasons)
    return dict(zip(reasons, ascii_lowercase, strict=False))


def _cells(side: Side) -> list[str]:
    """Give the cells of a side; of several runs, the values that were seen."""
    return [
        f"  {side.who}",
        _seen(side.outcome),
        _range(side.messages),
        _seen(side.state),
        _seen(side.minor),
        _seen(side.major),
        _seen(side.order),
    ]


def _seen(values: tuple[str, ...]) -> str:
    counts = Counter(values)
    return " | ".join(value if len(counts) == 1 else f"{value} ({n}x)" for value, n in counts.items())


def _range(values: tuple[str, ...]) -> str:
    numbers = sorted({int(one) for one in values})
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def _grid(*columns: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        grid.add_column(name, justify="right" if name in RIGHT else "left", overflow="fold")
    return grid
