"""Which signal ends which sleep? Twelve cells, each read from a run."""

from __future__ import annotations

from functools import cache

from course.decide.cards import Card, compare
from course.sketch import sketch
from course.waiting.scenes import slow_page
from pyemu.machine import run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["own_sleeps"]

MEANING = {"y": "yes", "n": "no"}
SIGNALS = ("SIGUSR1", "SIGKILL", "SIGCONT")
END = 1_000_000  # steps: later than any
AT = 5_000  # us; before it nothing else happens to the sleeper


def sleeper(kind: str, signal: str) -> tuple[Scenario, Tree]:
    """Give a scenario in which T sleeps, and gets a signal at `AT`."""
    monitor = f"wait_message; pause ticks={AT}; signal task=T signal={signal}; pause ticks=10000; copy it"
    again = "wait_message ticks=50000; copy it"
    if kind == "S":
        return sketch("sleeps in S", T="read 1", M=f"{monitor}; {again}"), Tree.before
    if kind == "D, killable":
        return sketch("sleeps in D", T="tmpfs_write 1", M=f"{monitor}; {again}"), Tree.before
    if kind == "D":
        return slow_page("csky", signal=signal), Tree.before
    stop = f"wait_message; signal task=T signal=SIGSTOP; {monitor.removeprefix('wait_message; ')}"
    return sketch("is stopped", T="read 1", M=f"{stop}; {again}"), Tree.before


def ends_sleep(kind: str, signal: str) -> bool:
    """Say whether T goes on at the moment at which the signal is sent."""
    result = run(*sleeper(kind, signal))
    sent = result.trace.select("signal_sent")[-1]
    return any(
        event.t < AT + 1_000 for event in result.trace.select("wake", "exit", task="T", step=(sent.step, END))
    )


WHY_SLEEPS = {
    "S": (
        "S is the sleep that listens to every signal with a handler.",
        "S is the sleep that listens to every signal with a handler, and to SIGKILL.",
        "SIGCONT without a handler is ignored by a task that is not stopped.",
    ),
    "D, killable": (
        "Killable says it: SIGKILL, and no other.",
        "Killable says it: SIGKILL ends this sleep.",
        "SIGCONT without a handler is ignored by a task that is not stopped.",
    ),
    "D": tuple("Nothing but the event itself ends this sleep." for _ in SIGNALS),
    "T": (
        "A stopped task takes no signal; SIGUSR1 stays pending until the task goes on.",
        "SIGKILL ends stopped tasks as well.",
        "SIGCONT is what a stopped task waits for.",
    ),
}
TEXTS = {
    "S": "S: a read of T waits for the monitor",
    "D, killable": "D, killable: a write() of T waits for it",
    "D": "D, not killable: a read waits for a disk",
    "T": "T: T was stopped by SIGSTOP",
}


@cache
def _sleeps() -> tuple[Card, ...]:
    return tuple(
        Card(text, "".join("ny"[ends_sleep(kind, signal)] for signal in SIGNALS), WHY_SLEEPS[kind])
        for kind, text in TEXTS.items()
    )


def own_sleeps(letters: str) -> None:
    """Compare what a learner says of four sleeps and three signals with runs.

    Parameters
    ----------
    letters : str
        Twelve, line by line: ``y`` the signal ends the sleep, ``n`` it does not, ``?`` open.
    """
    compare(_sleeps(), letters, MEANING, SIGNALS)
