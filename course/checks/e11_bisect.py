"""The checks of exercise E11: three symptoms, and the patch that brings each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from course.checks.call_case import CallCase
from course.checks.draw import Draw
from course.checks.e11_causes import CAUSES, SLEEP
from course.checks.e11_history import History, Runs, reordered, series
from course.checks.specification import Check, Checks, Commit
from course.child_functions import Answers
from pyemu.handler import HandlerFault

__all__ = ["BUDGET", "CHECKS"]

SYMPTOMS = ("wrong", "awake", "unbounded")
BUDGET = 24
PROVEN = "both trees of each pair were run"


def _look(history: History, answers: Answers) -> dict[str, Any]:
    """Let the learner's function bisect a history."""
    runs = Runs(answers.value("SCENARIO"), history)
    first = runs.result(0)  # a scenario that can't be run is told so before anything else
    pairs = answers.call("bisect", runs.run)
    if not (isinstance(pairs, dict) and set(pairs) == set(SYMPTOMS) and all(map(_is_pair, pairs.values()))):
        raise HandlerFault(
            "form",
            "bisect must return a dict with the keys 'wrong', 'awake' and 'unbounded', and for each a pair "
            f"(good, bad), or None; yours gives {str(pairs)[:80]}.",
        )
    found = {name: pair[1] if pair else None for name, pair in pairs.items()}
    return {
        **found,
        "runs": len(runs.asked) if len(runs.asked) > BUDGET else f"at most {BUDGET}",
        "proof": _proof(pairs, found, runs),
        "unasked": _unasked(pairs, runs),
        "first": first,
        "fails": runs.result(history.right["wrong"]).tasks["T"].outcome == "EFAULT",
        "signals": any("signal " in text for text in runs.words.values()),
    }


def _is_pair(value: Any) -> bool:
    return value is None or (
        isinstance(value, tuple) and len(value) == 2 and all(type(n) is int for n in value)
    )


def _unasked(pairs: dict[str, Any], runs: Runs) -> list[int]:
    """Give the trees of pairs that were never run."""
    return sorted({n for pair in pairs.values() if pair for n in pair} - set(runs.asked))


def _proof(pairs: dict[str, Any], found: dict[str, int | None], runs: Runs) -> str:
    """Say whether each pair is right, of neighbours, and was run."""
    for name, pair in pairs.items():
        if found[name] != runs.history.right[name] or pair[0] != pair[1] - 1:
            return f"{name}: {pair} is no pair of a good tree and the bad one after it"
    unasked = _unasked(pairs, runs)
    return f"tree {unasked[0]} was never run" if unasked else PROVEN


def _case(name: str, happens: str, history: History, wanted: dict[str, Any]) -> CallCase:
    return CallCase(name, happens, partial(_look, history), wanted, {"history": history}, _said)


def _said(name: str, value: Any) -> str:
    if name not in SYMPTOMS:
        return f"{value} runs" if name == "runs" else str(value)
    return f"{name!r} since tree {value}" if value else f"{name!r} on no tree"


def _other(draw: Draw) -> History:
    return reordered(draw("signal", (4, 5, 6)), draw("limit", (11, 10, 12, 13)))


def _symptom(name: str) -> Callable[[Draw], tuple[CallCase, ...]]:
    """Make the cases of one symptom: on the series, and on the same patches in another order."""

    def cases(draw: Draw) -> tuple[CallCase, ...]:
        told = "{} The answer for {!r} is looked at."
        return tuple(
            _case(title, told.format(text, name), history, {name: history.right[name]})
            for title, text, history in (
                ("the series", "Your scenario, on 5.6 with the first n patches of the series.", series(draw)),
                ("another order", "The same patches in another order.", _other(draw)),
            )
        )

    return cases


CHECKS = Checks(
    answers=("SCENARIO", "bisect"),
    checks={
        "wrong": Check(
            _symptom("wrong"),
            (),
            "EFAULT begins with patch 12 and ends with patch 13: look for it only before the tree that hides "
            "it.",
        ),
        "awake": Check(
            _symptom("awake"),
            (),
            "From patch 12 on, a pending signal forbids the sleep, or ends it, in kernel mode as well.",
        ),
        "unbounded": Check(
            _symptom("unbounded"),
            (),
            "Patch 13 lets each attempt retry. With a sleep that a signal forbids, that is a busy loop.",
        ),
        "budget": Check(
            lambda draw: (
                _case("runs", "The patches in another order.", _other(draw), {"runs": f"at most {BUDGET}"}),
            ),
            (),
            "On a real machine each tree is a kernel to build and to boot. Whoever remembers what a tree "
            "showed needs it once for all three symptoms.",
        ),
        "proof": Check(
            lambda draw: (
                _case(
                    "the ends",
                    "The patches in another order: 12 is the first, and 13 the last.",
                    reordered(1, 16),
                    {"proof": PROVEN},
                ),
            ),
            (),
            "A pair is a proof: this tree is good, the next one is bad, and both were run.",
        ),
    },
    causes=CAUSES,
    read=SLEEP,
    commit=Commit("c270a7eedcf2", 'patch 12 of the series, "mm: introduce FAULT_FLAG_INTERRUPTIBLE"'),
)
