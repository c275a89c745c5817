"""Bisect live: a symptom that is there on one tree only, and what to test in its place."""

from __future__ import annotations

from collections.abc import Callable

from course.demos.parts import Calls, Part, table, text
from course.demos.script import Demo, Step, Vote
from course.linuxfacts import load
from course.series.patches import PATCHES
from pyemu import Tree, run
from pyemu.machine import TaskResult
from pyemu.tree import N_PATCHES

__all__ = ["demo"]

SCENARIO = "S12"
SYMPTOM = "EFAULT"
"""Of a write() while a signal is pending."""


def demo() -> Demo:
    """Run the scenario on each tree of the series, and give the script."""
    tasks = [run(SCENARIO, Tree.upto(n)).tasks["T"] for n in range(N_PATCHES + 1)]
    outcomes = [task.outcome for task in tasks]
    (only,) = (n for n, outcome in enumerate(outcomes) if outcome == SYMPTOM)
    asleep = _first(tasks, lambda task: not task.stats["sleeps"])
    spinning = _first(tasks, lambda task: bool(task.stats["spins"]))
    middle = N_PATCHES // 2
    found, none = "It finds the patch", "It finds nothing"
    facts = load()
    claim, loop = facts["p12-claim"].statement, facts["b5-busy-loop"].statement
    titles = {n: PATCHES[n - 1].title for n in (asleep, spinning)}
    calls = Calls("What does write() give on this tree?", tuple(map(_short, outcomes)))
    return Demo(
        name="bisect-live",
        title="Bisect live",
        about="A symptom on one tree of the series only: what to test in its place, and who is to blame?",
        steps=(
            Step(
                f"Somebody has seen write() fail: {SYMPTOM}",
                ((text(f"{N_PATCHES} patches, and a tree after each: 0 to {N_PATCHES}."), calls),),
                1.5,
                say="A signal was pending. Which patch did it? The room calls tree numbers; type each, and "
                "Enter. Begin with both ends.",
                ask="Which tree first?",
                expect=f"0 and {N_PATCHES}, then {middle}. All good. Silence is the point.",
                paper=True,
                then=("0", "Enter", *str(N_PATCHES), "Enter", *str(middle), "Enter"),
                sees=(f"0 {_short(outcomes[0])}", f"{N_PATCHES} {_short(outcomes[-1])}"),
            ),
            Step(
                "Both ends are good. Does plain bisection find it?",
                ((text("git bisect asks for a good end and a bad end."),),),
                0.75,
                ask="Hands up.",
                expect="A few say yes: just go on asking.",
                sees=(found, none),
                vote="plain",
            ),
            Step(
                "There is no bad end",
                ((_trees(tasks, ("write() gives",)),),),
                1,
                say=f"It is there on tree {only} alone. A test that both ends pass has nothing to halve.",
                sees=(SYMPTOM, "both ends look alike"),
                reveals="plain",
            ),
            Step(
                "What would you test instead?",
                ((_trees(tasks, ("write() gives",)),),),
                1,
                ask="Something that is different at the two ends?",
                expect="Time. CPU use. After a hint: does T sleep while it waits?",
                sees=("write() gives",),
            ),
            Step(
                "Two symptoms, two patches",
                ((_trees(tasks, ("write() gives", "sleeps", "attempts")),),),
                1.25,
                say=f"T sleeps up to tree {asleep - 1}, and never again: patch {asleep}. It goes round from "
                f"tree {spinning} on: patch {spinning}. EFAULT is what lies between the two.",
                ask="Which patch is which symptom's?",
                expect=f"No sleep: {asleep}. Round in circles: {spinning}.",
                sees=("sleeps", "attempts"),
            ),
            Step(
                "What the patches say of themselves",
                (
                    (
                        table(
                            "Two of the series",
                            ("patch", "title", "what changes here"),
                            [
                                (str(asleep), titles[asleep], "T sleeps no more"),
                                (str(spinning), titles[spinning], "T goes round in circles"),
                            ],
                        ),
                        text(claim),
                    ),
                ),
                1,
                say="A refactor changes nothing because its text says so? Its text is a hypothesis.",
                sees=(*titles.values(), claim),
            ),
            Step(
                "Who is to blame?",
                ((text(loop),),),
                1.5,
                ask="Defend one of the three.",
                expect="All three are defended, as in the thread of 2025.",
                say=f"Three answers, each with a reason: the old code was never asked this; {asleep} "
                f"changed it without a word; {spinning} took the limit away that hid it.",
                sees=("2025",),
                vote="blame",
            ),
        ),
        votes={
            "plain": Vote(
                f"Trees 0 and {N_PATCHES} are good. Does plain bisection find the patch?",
                (found, none),
                {none if outcomes[0] == outcomes[-1] else found: "both ends look alike"},
            ),
            "blame": Vote(
                "Who is to blame?",
                ("The first userfaultfd", f"Patch {asleep}", f"Patch {spinning}"),
                {},
            ),
        },
        keys={"Enter": "open the tree of the number"},
        sources=(
            f"Scenario {SCENARIO} of the emulator on the trees upto0 to upto{N_PATCHES}.",
            "Facts p12-claim and b5-busy-loop, with their sources: faultlab fact NAME.",
        ),
    )


def _first(tasks: list[TaskResult], shows: Callable[[TaskResult], bool]) -> int:
    """Give the patch from which on all trees show something, and none before."""
    seen = [shows(task) for task in tasks]
    first = seen.index(True)
    if not all(seen[first:]):
        raise AssertionError(f"{SCENARIO} shows it on some trees after {first} only: {seen}")
    return first


def _short(outcome: str) -> str:
    return outcome.removeprefix("ret=")


def _trees(tasks: list[TaskResult], names: tuple[str, ...]) -> Part:
    found = {
        "write() gives": [_short(task.outcome) for task in tasks],
        "sleeps": [str(task.stats["sleeps"]) for task in tasks],
        "attempts": [str(task.stats["attempts"]) for task in tasks],
    }
    rows = [(name, *found[name]) for name in names]
    return table("Each tree of the series", ("tree", *map(str, range(len(tasks)))), rows, dense=True)
