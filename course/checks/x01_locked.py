"""The checks of exercise X1: what a call of get_user_pages says to its caller."""

from __future__ import annotations

from typing import Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.draw import Draw
from course.checks.specification import Check, Checks
from course.checks.x01_calls import Call, said_by, syscall
from course.checks.x01_causes import CAUSES, CONTRACT
from course.child_functions import Answers

__all__ = ["CHECKS"]

LOCKED, PLAIN, UNLOCKED = "get_user_pages_locked", "get_user_pages", "get_user_pages_unlocked"
TABLE = "ENTRY"
AGAIN = (("there", "there", "monitor"), ("there", "monitor", "there"), ("monitor", "there", "there"))


def _case(happens: str, *calls: Call) -> tuple[CallCase, ...]:
    """Ask what calls say."""

    def look(answers: Answers) -> dict[str, Any]:
        return answers.calls(
            {one.name: ("gup_says", one.entry, one.pages, one.nowait, one.killed) for one in calls}
        )

    wanted = {one.name: said_by(one) for one in calls}
    return (CallCase("calls", happens, look, wanted, {"calls": {one.name: one for one in calls}}),)


def _pointer(draw: Draw) -> tuple[CallCase, ...]:
    return _case(
        "The driver passes a pointer to 1, and may wait.",
        Call(LOCKED, ("there",)),
        Call(LOCKED, ("monitor",), ticks=draw("ticks", range(2_000, 9_000, 500))),
        Call(LOCKED, ("there", "monitor")),
        Call(LOCKED, ("disk",)),
        Call(LOCKED, draw("three", AGAIN)),
        Call(LOCKED, ("there",) * draw("n", (2, 3, 4))),
    )


def _nowait(draw: Draw) -> tuple[CallCase, ...]:
    return _case(
        "The driver passes a pointer to 1, and FOLL_NOWAIT.",
        Call(LOCKED, ("there",), nowait=True),
        Call(LOCKED, ("monitor",), nowait=True),
        Call(LOCKED, ("disk",), nowait=True),
        Call(LOCKED, ("there", "monitor"), nowait=True),
        Call(LOCKED, ("monitor", "there"), nowait=True),
        Call(LOCKED, draw("three", AGAIN), nowait=True),
    )


def _null(draw: Draw) -> tuple[CallCase, ...]:
    return _case(
        "The driver passes no pointer.",
        Call(PLAIN, ("there",)),
        Call(PLAIN, ("disk",)),
        Call(PLAIN, ("monitor",)),
        Call(PLAIN, ("there", "monitor")),
        Call(PLAIN, draw("three", AGAIN)),
    )


def _own(draw: Draw) -> tuple[CallCase, ...]:
    return _case(
        "The function takes mmap_sem itself, and releases it.",
        Call(UNLOCKED, ("there",)),
        Call(UNLOCKED, ("disk",)),
        Call(UNLOCKED, ("monitor",)),
        Call(UNLOCKED, draw("three", AGAIN)),
    )


def _killed(draw: Draw) -> tuple[CallCase, ...]:
    return _case(
        "SIGKILL comes while the driver waits, and no page.",
        Call(LOCKED, ("monitor",), killed=True, ticks=draw("ticks", range(2_000, 9_000, 500))),
        Call(LOCKED, ("there", "monitor"), killed=True),
        Call(LOCKED, ("huge",), killed=True),
    )


def _entry(draw: Draw) -> tuple[CallCase, ...]:
    def look(answers: Answers) -> dict[str, Any]:
        value = answers.value(TABLE)
        if value is None:
            raise Unwritten(f"{TABLE} still is None.")
        return {TABLE: value}

    return (CallCase("entry", "A driver holds mmap_sem, and passes a pointer.", look, {TABLE: 1}),)


def _callers(draw: Draw) -> tuple[CallCase, ...]:
    calls = [(name, n) for name in ("mlock", "proc_mem") for n in (0, draw("wakes", (2, 3, 4, 5)))]

    def look(answers: Answers) -> dict[str, Any]:
        return answers.calls({f"{name}, {n} wakes": ("syscall_gives", name, n) for name, n in calls})

    wanted = {f"{name}, {n} wakes": syscall(name, n) for name, n in calls}
    happens = "A monitor wakes the task so often without a page, and then brings it."
    return (CallCase("system calls", happens, look, wanted),)


CHECKS = Checks(
    answers=("gup_says", "syscall_gives", TABLE),
    checks={
        "pointer": Check(
            _pointer,
            (),
            "The lock protects nothing that was found before it was dropped. So GUP says 0, even if it "
            "held the lock again.",
        ),
        "nowait": Check(
            _nowait,
            (),
            "With FOLL_NOWAIT a fault says RETRY and keeps the lock. RETRY is no error: the count is what "
            "could be had.",
        ),
        "null": Check(
            _null,
            (),
            "Without a pointer the lock may not be dropped. A disk can be waited for with the lock, a "
            "monitor can't.",
        ),
        "own": Check(
            _own,
            (),
            "get_user_pages_unlocked has a variable of its own in the place of *locked. Its caller held no "
            "lock before, and holds none after.",
        ),
        "killed": Check(
            _killed,
            (),
            "Pages that are pinned win over the error. The walk of huge pages has an error of its own.",
        ),
        "entry": Check(_entry, (), "1 on entry says: mmap_sem is held, and may be dropped."),
        "callers": Check(
            _callers,
            (),
            "mlock begins afresh with each RETRY, before the series as well. /proc/self/mem passes no "
            "pointer, so its fault may not wait.",
        ),
    },
    causes=CAUSES,
    read=CONTRACT,
)
