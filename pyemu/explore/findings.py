"""What an exploration found: broken rules with the shortest schedule to each, how runs can end, circles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

SPIN, LIVELOCK, HANG, SIGBUS = "spin", "livelock", "hang", "SIGBUS"
LATE_SIGKILL = "SIGKILL waits"

Schedule = tuple[str, ...]


def shown(schedule: Schedule) -> str:
    """Give a schedule in short: ``T*3 M U*2`` is three moves of T, one of M, two of U.

    Parameters
    ----------
    schedule : tuple of str
        A task a move.

    Returns
    -------
    str
        Empty for an empty schedule.
    """
    runs = ((name, len(list(moves))) for name, moves in groupby(schedule))
    return " ".join(name if n == 1 else f"{name}*{n}" for name, n in runs)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that some interleaving breaks, and the shortest schedule that does.

    Attributes
    ----------
    rule : str
        A rule of `pyemu.rules`, a reason why a learner's function can't go on, or ``spin``, ``livelock``,
        ``hang``, ``SIGBUS``.
    task : str
        Who broke it.
    text : str
        What happened, in a sentence.
    schedule : tuple of str
        Who moves, from the begin to where the rule is broken; for a circle, to where it begins.
    circle : tuple of str
        The moves that lead back to the same state; empty when there is no circle.
    permitted : bool
        The scenario permits it by name.
    """

    rule: str
    task: str
    text: str
    schedule: Schedule
    circle: Schedule = ()
    permitted: bool = False

    def __str__(self) -> str:
        circle = f", then again and again {shown(self.circle)}" if self.circle else ""
        said = " (the scenario permits it)" if self.permitted else ""
        return f"{self.rule}{said}: {self.text}\n  {len(self.schedule)} moves: {shown(self.schedule)}{circle}"


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which runs end.

    Attributes
    ----------
    tasks : tuple of (str, tuple of str)
        What each task's program saw, in order; ``killed:9`` or ``never ends`` comes last.
    """

    tasks: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        return (
            "; ".join(f"{name}: {', '.join(seen)}" for name, seen in self.tasks if seen) or "nothing was seen"
        )


SAID = ("mark", "resolve")  # reports that say what a program does, not what it sees


def seen_by(task: str, reports: Iterable[tuple[int, str, str, str]]) -> list[str]:
    """Give what a task's program saw, in order.

    Parameters
    ----------
    task : str
        Name of the task.
    reports : iterable
        Of a world or a `Result`: time, task, what, value.

    Returns
    -------
    list of str
        Outcomes as they are, everything else with what it is.
    """
    return [
        value if what == "outcome" else f"{what} {value}"
        for _, who, what, value in reports
        if who == task and what not in SAID
    ]


@dataclass(frozen=True, slots=True)
class Exploration:
    """What `explore` found.

    Attributes
    ----------
    scenario, tree : str
        Names of what was explored.
    finished : bool
        Every state was reached; else nothing is proven.
    n_states, n_moves : int
        States that were reached; moves that were made.
    n_terminal : int
        States in which nobody can move any more.
    depth : int
        Moves to the state that is farthest from the begin.
    n_circles : int
        Circles of a single task's moves in which it never waits.
    findings : tuple of Finding
        In order of their length.
    endings : dict of Ending to Schedule
        How runs can end, each with its shortest schedule.
    """

    scenario: str
    tree: str
    finished: bool
    n_states: int
    n_moves: int
    n_terminal: int
    depth: int
    n_circles: int
    findings: tuple[Finding, ...]
    endings: dict[Ending, Schedule]

    @property
    def violations(self) -> tuple[Finding, ...]:
        """What the scenario doesn't permit."""
        return tuple(one for one in self.findings if not one.permitted)

    def finding(self, rule: str) -> Finding | None:
        """Give the shortest finding of a rule; None when nobody breaks it."""
        return next((one for one in self.findings if one.rule == rule), None)

    @property
    def verdict(self) -> str:
        """Say in a line what is proven."""
        n_violations = f"{len(self.violations)} violation{'s' * (len(self.violations) > 1)}"
        if not self.finished:
            if self.violations:
                so_far = f"{n_violations} so far, and that there is no other is not proven"
            else:
                so_far = "no violation so far, and nothing is proven"
            return f"explored {self.n_states} states, not finished: {so_far}"
        what = "no rule is broken" if not self.findings else "only what the scenario permits"
        if self.violations:
            what = n_violations
        return f"every interleaving explored ({self.n_states} states, {self.n_moves} moves): {what}"

    def __str__(self) -> str:
        lines = [f"{self.scenario} on tree {self.tree}: {self.verdict}."]
        lines += [str(one) for one in self.findings]
        lines += ["Runs end in one of these ways:"] if self.endings else []
        lines += [f"  {ending}" for ending in sorted(map(str, self.endings))]
        return "\n".join(lines)
