"""Which sleep for which flags: the kernel's own decision, over every word, and what callers pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course.decide import callers, every_word, try_sleep
from course.decide.sleep import WORDS, passed, sleep_of
from pyemu import Tree
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_USER,
)


def upto_11(flags: int) -> str:
    return "interruptible" if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_KILLABLE else "killable"


def from_12(flags: int) -> str:
    return "interruptible" if flags & FAULT_FLAG_INTERRUPTIBLE else "killable"


def from_16(flags: int) -> str:
    if flags & FAULT_FLAG_INTERRUPTIBLE:
        return "interruptible"
    return "killable" if flags & FAULT_FLAG_KILLABLE else "uninterruptible"


def deaf(flags: int) -> str:
    return "uninterruptible"


def by_user(flags: int) -> str:
    return "interruptible" if flags & FAULT_FLAG_USER else "killable"


def no_sleep(flags: int) -> str:
    return "S"


def crash(flags: int) -> str:
    raise KeyError(flags)


def test_the_words_are_all_that_may_wait() -> None:
    assert len(set(WORDS)) == len(WORDS) == 64
    assert all(word & FAULT_FLAG_ALLOW_RETRY for word in WORDS)
    assert set(passed(Tree.before).values()) | set(passed(Tree.after).values()) <= set(WORDS)


@pytest.mark.parametrize(
    ("n", "rule"), [(0, upto_11), (11, upto_11), (12, from_12), (15, from_12), (16, from_16)]
)
def test_the_kernel_decides_by_one_of_three_rules(n: int, rule: Callable[[int], str]) -> None:
    assert [sleep_of(Tree.upto(n), word) for word in WORDS] == [rule(word) for word in WORDS]


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (10, 11, "64 flag words, 0 get another sleep."),
        (
            11,
            12,
            "- 0x214 ALLOW_RETRY|KILLABLE|INTERRUPTIBLE: killable -> interruptible, passed by a kernel copy",
        ),
        (15, 16, "- the first: 0x4 ALLOW_RETRY; no caller passes any of them"),
    ],
)
def test_two_trees_are_compared_over_every_word(
    left: int, right: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    every_word(Tree.upto(left), Tree.upto(right))
    assert capsys.readouterr().out.splitlines()[-1].endswith(said)


def test_patch_16_without_15_hits_get_user_pages(capsys: pytest.CaptureFixture[str]) -> None:
    callers(Tree.upto(14), Tree.after - 15)
    assert capsys.readouterr().out.endswith("Another sleep: get_user_pages.\n")
    every_word(Tree.upto(14), Tree.after - 15)
    assert "killable -> uninterruptible, passed by get_user_pages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("n", "mine", "said"),
    [
        (16, from_16, "Tree after: 64 of 64 flag words get the kernel's sleep."),
        (12, upto_11, "From patch 12 on USER decides nothing"),
        (12, by_user, "From patch 12 on USER decides nothing"),
        (12, deaf, "Before patch 16 no wait for a monitor is deaf to SIGKILL."),
        (16, from_12, "From patch 16 on a sleep is killable only if KILLABLE says so."),
        (11, by_user, "Before patch 12 it is interruptible if both USER and KILLABLE are set"),
        (11, from_12, "Before patch 12 it is interruptible if both USER and KILLABLE are set"),
        (11, no_sleep, "it gave 'S'; a sleep is one of"),
        (11, crash, "my_sleep failed: KeyError: 4"),
    ],
)
def test_a_learners_decision_is_compared_over_every_word(
    n: int, mine: Callable[[int], str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_sleep(mine, Tree.upto(n))
    assert said in " ".join(capsys.readouterr().out.split())
