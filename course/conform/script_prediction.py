"""Predictions of scripts: run one on a tree and tell what happened in the words of a record."""

from __future__ import annotations

from functools import cache

from course.conform.kernels import TWO_CPUS, Computer
from course.conform.script import Script
from course.conform.script_tasks import FILE_PAGES
from course.conform.script_trace import Words
from pyemu.machine import Result, run
from pyemu.tree import Tree

Value = str | int | bool
# A user-mode access costs the recording program one minor fault more: a constant of all its rows.
OWN_FAULT = 1


@cache
def predict_script(script: Script, tree: Tree, computer: Computer = TWO_CPUS) -> dict[str, Value]:
    """Run a script on a tree.

    Parameters
    ----------
    script : Script
        What the monitor does.
    tree : Tree
        The code that runs.
    computer : Computer
        The machine.

    Returns
    -------
    dict
        The fields of a record, from ``group`` to ``trace``.

    Raises
    ------
    NotModelled
        When the emulator lacks what the script needs.

    Examples
    --------
    >>> predict_script(Script("S13", "user_read", "anon", "handler", "m p10 w m c"), Tree.before)["trace"]
    'Xu1 A h54 M0 S1 W H404 A h70 H2 U'
    """
    scenario = script.scenario(computer)
    result = run(scenario, tree)
    victim = result.tasks["T"]
    words = Words(scenario.area("V").address, FILE_PAGES).of(result.trace.select(task="T"))
    end = next(iter(result.trace.select("exit", task="T")), None)
    last = end.step if end is not None else len(result.trace)
    reports = [event for event in result.trace.select("report", task="M") if event.step < last]
    samples = {name: [str(one.b) for one in reports if one.a == f"sample {name}"] for name in ("st", "hung")}
    hung = samples["hung"][:1] or ([] if result.end == "done" else ["R"])
    return {
        "group": script.group,
        "access": script.access,
        "mem": script.mem,
        "signals": script.signals,
        "script": script.script,
        "outcome": f"HUNG({hung[0]})" if hung else victim.outcome,
        "handler_runs": victim.stats.get("handler_runs", 0),
        "handler_before_resolve": _handler_before_resolve(result, last),
        "states": "".join(samples["st"]),
        "exceptions": _count(words, "X"),
        "attempts": _count(words, "h"),
        "acquisitions": _count(words, "A", "R") + words.count("L"),
        "messages": _count(words, "M"),
        "sleeps": _count(words, "S"),
        "minflt": victim.counters["min_flt"] + OWN_FAULT * script.access.startswith("user_"),
        "majflt": victim.counters["maj_flt"],
        "spin": victim.stats.get("spins", 0) > 0,
        "trace": " ".join(words),
    }


def _count(words: list[str], *initials: str) -> int:
    return sum(word[0] in initials for word in words)


def _handler_before_resolve(result: Result, last: int) -> int:
    """Say whether a handler ran before the monitor's last answer (or at all, if it gave none)."""
    taken = [event.step for event in result.trace.select("signal_taken", task="T") if event.b == "handler"]
    marks = result.trace.select("report", task="M")
    answers = [one.step for one in marks if (one.a, one.b) == ("mark", "resolve") and one.step < last]
    return int(bool(taken) and (not answers or taken[0] < answers[-1]))
