"""Predictions: run an experiment and tell what happened in the words of a record.

Everything is read from the trace and the counters of the run; they are the emulator's own. A record holds,
besides, what the recording program itself cost (cold pages of its stack and buffers), and zeros where it was
killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from course.conform.experiment import Experiment
from course.conform.kernels import TWO_CPUS, Computer
from course.conform.measure import total
from pyemu.machine import Result, run
from pyemu.trace import Event
from pyemu.tree import Tree

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the emulator says about an experiment.

    Attributes
    ----------
    experiment : Experiment
        What ran.
    tree : Tree
        On which tree.
    fields : dict of str to str, int or bool
        The fields of a record, from ``access`` to ``user_mode_only``; times in us of virtual time.
    spins : bool
        The victim went round in circles without a wait.
    """

    experiment: Experiment
    tree: Tree
    fields: dict[str, Value]
    spins: bool


@cache
def predict(experiment: Experiment, tree: Tree, computer: Computer = TWO_CPUS) -> Prediction:
    """Run an experiment on a tree.

    Parameters
    ----------
    experiment : Experiment
        What to do.
    tree : Tree
        The code that runs.
    computer : Computer
        The machine.

    Returns
    -------
    Prediction
        The same for the same arguments, always.

    Examples
    --------
    >>> predict(Experiment("user_read", "wake1"), Tree.before).fields["outcome"]
    'SIGBUS(code=2)'
    >>> predict(Experiment("user_read", "wake1"), Tree.v5_7).fields["messages"]
    2
    """
    result = run(experiment.scenario(computer), tree)
    spins = result.tasks["T"].stats.get("spins", 0) > 0
    return Prediction(experiment, tree, _fields(experiment, result), spins)


def _fields(experiment: Experiment, result: Result) -> dict[str, Value]:
    victim = result.tasks["T"]
    # Steps count effects: they put the events of both tasks into one order. The victim's end ends the record.
    ends = result.trace.select("exit", task="T")
    end = ends[0] if ends and result.end == "done" else None

    def events(kind: str, task: str) -> list[Event]:
        return [one for one in result.trace.select(kind, task=task) if end is None or one.step <= end.step]

    reports = events("report", "M")
    samples = {str(event.a): str(event.b) for event in reports}
    resolve = next((event.step for event in reports if event.a == "resolve"), None)
    action = next((event.step for event in events("signal_sent", "M")), 0)
    messages = events("message_read", "M")
    flags = [f"{int(event.b):#x}" for event in messages[:2]]
    before_resolve = [
        event.b for event in events("signal_taken", "T") if resolve is None or event.step < resolve
    ]
    began = next((event.t for event in events("exception", "T")), 0)
    return {
        "access": experiment.access,
        "mem": experiment.mem,
        "event": experiment.event,
        "outcome": victim.outcome if end else "HUNG",
        "messages": len(messages),
        "messages_before_action": sum(event.step < action for event in messages),
        "messages_at_resolve": sum(resolve is None or event.step < resolve for event in messages),
        "first_flags": flags[0] if flags else "0x0",
        "second_flags": flags[1] if len(flags) > 1 else "none0",
        "state_blocked": samples.get("sample blocked", "-"),
        "state_after_action": samples.get("sample after", "-"),
        "handler_runs": victim.stats.get("handler_runs", 0),
        "handler_before_resolve": int("handler" in before_resolve),
        "stopped_before_resolve": int("stop" in before_resolve),
        "exit_before_resolve": int(end is not None and resolve is None),
        **total(result, "T"),
        "cpu_us": victim.stats.get("attempts", 0),  # an attempt costs one tick, everything else nothing
        "blocked_us": (end.t if end else result.ticks) - began,
        "user_mode_only": experiment.user_mode_only,
    }
