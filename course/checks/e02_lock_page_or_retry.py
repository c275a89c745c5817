"""The checks of exercise E2: to wait for the lock of a page inside a fault, by Linux 5.6 and by 5.7."""

from __future__ import annotations

from course.checks.e02_causes import CAUSES, LOCK
from course.checks.e02_scenarios import (
    ENDED,
    HELD,
    LAST,
    V5_6,
    V5_7,
    WRITER,
    first,
    free,
    killed,
    later,
    nowait,
    pinned,
)
from course.checks.specification import Check, Checks, Commit

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("lock_page_v5_6", "lock_page_v5_7"),
    checks={
        "free": Check(
            lambda draw: (free(draw, V5_7), free(draw, V5_6)),
            ("attempts", "outcome"),
            "A page that nobody has locked costs no wait: trylock_page takes the lock, and the first attempt "
            "is the last.",
        ),
        "nowait": Check(
            lambda draw: (nowait(draw, V5_7), nowait(draw, V5_6)),
            (ENDED, "outcome", "attempts"),
            "Who passes RETRY_NOWAIT has something better to do than to wait, and counts on mmap_sem: RETRY "
            "means "
            '"not now" there.',
        ),
        "first": Check(
            lambda draw: (first(draw, V5_7), pinned(draw), first(draw, V5_7, "SIGUSR1")),
            (HELD, "outcome", "attempts", "exceptions"),
            "At the first attempt the lock is dropped before the sleep. The area may be gone after it, so "
            "the caller starts over: RETRY.",
        ),
        "later": Check(
            lambda draw: (later(draw, V5_7), later(draw, V5_6)),
            ("attempts", "outcome", HELD),
            "A second attempt keeps mmap_sem and queues for the page lock itself: so it gets the page, and "
            "the fault ends.",
        ),
        "killed": Check(
            lambda draw: (
                killed(draw, V5_7, "first"),
                *(killed(draw, tree, where) for where in ("later", "unkillable") for tree in (V5_6, V5_7)),
            ),
            (ENDED, "outcome", "attempts", LAST),
            "SIGKILL ends a wait whose flags say KILLABLE. The caller can't tell where the wait was cut, so "
            "RETRY says the same in every case: dropped.",
        ),
        "writer": Check(
            lambda draw: (first(draw, V5_7), pinned(draw)),
            (WRITER, "outcome"),
            "That is what the drop is for: a thread that maps memory has no business with the page, and need "
            "not wait for it.",
        ),
    },
    causes=CAUSES,
    read=LOCK,
    commit=Commit("4064b9827063", 'patch 13 of the series, "mm: allow VM_FAULT_RETRY for multiple times"'),
)
