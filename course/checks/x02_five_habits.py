"""The checks of exercise X2: what fault handlers of several architectures do, before and after the series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.draw import Draw
from course.checks.specification import Check, Checks, Commit
from course.checks.x02_causes import CAUSES, HANDLERS
from course.checks.x02_runs import (
    HELPER,
    USERS,
    attempts_of_csky,
    counts,
    reaction,
    releases_of_sh,
    tried_on_alpha,
)
from course.child_functions import Answers

__all__ = ["CHECKS"]

ARCHES = ("x86", "arm64", "powerpc", "arc", "riscv", "um")
SIGNALS = ("none", "SIGUSR1", "SIGKILL")
BEFORE, AFTER = (0, 1, 2), (16, 13, 14, 15)
TABLE = "OTHERS"


def _reactions(mode: str, trees: Sequence[int]) -> tuple[CallCase, ...]:
    """Ask about a fault that waits for the disk, in one mode."""
    cells = {
        f"{arch}, {mode} mode, {signal}, {patches} patches": (arch, mode, signal, patches)
        for arch, signal, patches in product(ARCHES, SIGNALS, trees)
    }

    def look(answers: Answers) -> dict[str, Any]:
        return answers.calls({name: ("reaction_of", *cell) for name, cell in cells.items()})

    wanted = {name: reaction(*cell) for name, cell in cells.items()}
    happens = (
        f"A fault from {mode} mode waits for the disk, and a signal comes. The trees have "
        f"{', '.join(map(str, trees[:-1]))} and {trees[-1]} patches."
    )
    return (CallCase(f"{mode} mode", happens, look, wanted, {"cells": cells}),)


def _counts(draw: Draw) -> tuple[CallCase, ...]:
    trees = (12, 13, draw("other", (16, 0, 8, 9)))
    cells = {f"{arch}, {patches} patches": (arch, patches) for arch, patches in product(ARCHES, trees)}

    def look(answers: Answers) -> dict[str, Any]:
        return answers.calls({name: ("counts_of", *cell) for name, cell in cells.items()})

    wanted = {name: counts(*cell) for name, cell in cells.items()}
    happens = "One fault waits for the disk in attempt 1, and finds its page in attempt 2."
    return (CallCase("counters", happens, look, wanted, {"counts": cells}),)


def _entry(answers: Answers, key: str) -> Any:
    table = answers.value(TABLE)
    value = table.get(key) if isinstance(table, dict) else None
    if value is None:
        raise Unwritten(f"{TABLE} holds no answer for {key!r} yet.")
    return value


def _other(key: str, happens: str, right: Any) -> CallCase:
    return CallCase(key, happens, lambda answers: {key: _entry(answers, key)}, {key: right})


def _sh(draw: Draw) -> tuple[CallCase, ...]:
    right = (releases_of_sh(draw("before", (7, 0, 3))), releases_of_sh(draw("after", (16, 8, 13))))
    return (_other("sh", "A fault on sh ends in SIGBUS, before patch 8 and with it.", right),)


def _two(draw: Draw) -> tuple[CallCase, ...]:
    before, after = draw("before", (0, 8, 12)), draw("after", AFTER)
    tried = (tried_on_alpha(before), tried_on_alpha(after))
    return (
        _other("csky", "A fault on csky waits for the disk.", attempts_of_csky(after)),
        _other("alpha", "A fault on alpha makes a second attempt, before patch 13 and with it.", tried),
    )


def _order(draw: Draw) -> tuple[CallCase, ...]:
    def look(answers: Answers) -> dict[str, Any]:
        order = _entry(answers, "order")
        there = tuple(sorted(order)) if isinstance(order, tuple) and {*map(type, order)} == {int} else order
        late = [
            n for n in USERS if isinstance(order, tuple) and n in order and HELPER in order[order.index(n) :]
        ]
        return {"patches in the list": there, "patches before the one that they need": tuple(late)}

    wanted = {
        "patches in the list": tuple(sorted((HELPER, *USERS))),
        "patches before the one that they need": (),
    }
    return (CallCase("order", "Patches 3 to 8 are applied one after the other.", look, wanted),)


CHECKS = Checks(
    answers=("reaction_of", "counts_of", TABLE),
    checks={
        "user": Check(
            lambda draw: _reactions("user", (8, 9, draw("other", (16, 0, 4, 12)))),
            (),
            "User mode can always be left. Patches 3 to 8 only moved code; patch 9 added the harmless "
            "signal, for all that ask the helper. um does not.",
        ),
        "kernel": Check(
            lambda draw: _reactions("kernel", (draw("before", BEFORE), draw("after", AFTER))),
            (),
            "Kernel code is left for SIGKILL alone, and only a handler that looks into the exception table "
            "has a place to go.",
        ),
        "counts": Check(
            _counts,
            (),
            "x86, arm64 and powerpc remember MAJOR, arc keeps the last attempt, the others count while "
            "ALLOW_RETRY is set: from patch 13 on, that is every attempt.",
        ),
        "sh": Check(
            _sh,
            (),
            "Patch 8 put a release of mmap_sem before the look at the error, and left the one behind it.",
        ),
        "two": Check(
            _two,
            (),
            "csky never set ALLOW_RETRY, so no attempt gives RETRY. alpha did, and forgot TRIED until patch "
            "13.",
        ),
        "order": Check(_order, (), "Each of patches 4 to 8 calls the helper that patch 3 brings."),
    },
    causes=CAUSES,
    read=HANDLERS,
    commit=Commit("4ef873226ceb", 'patch 3 of the series, "mm: introduce fault_signal_pending()"'),
)
