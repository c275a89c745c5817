"""The misconceptions of exercise X1, as the answers show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course.checks.call_case import CallRun
from course.checks.specification import Cause
from course.checks.x01_calls import Call

__all__ = ["CAUSES", "CONTRACT"]

CONTRACT = "Linux v5.6, mm/gup.c, __get_user_pages_locked and the comment above __get_user_pages"
FAULTIN = "Linux v5.6, mm/gup.c, faultin_page"
HUGE = "Linux v5.6, mm/hugetlb.c, follow_hugetlb_page"

Shown = Mapping[str, int | str] | None
Test = Callable[[Call, tuple[Any, ...], tuple[Any, ...]], bool]


def wrong_calls(run: CallRun) -> list[tuple[Call, tuple[Any, ...], tuple[Any, ...]]]:
    """Give the calls of which the answer is wrong, with what was said and what is right."""
    calls: Mapping[str, Call] = run.case.numbers.get("calls", {})
    found: list[tuple[Call, tuple[Any, ...], tuple[Any, ...]]] = []
    for name in run.wrong:
        mine, right = run.mine.get(name), run.wanted[name]
        if name not in calls or not isinstance(mine, tuple) or len(mine) != len(right):
            return []
        found.append((calls[name], mine, right))
    return found


def every(test: Test) -> Callable[[CallRun], Shown]:
    """Make a cause of what holds for every call of which the answer is wrong."""

    def shows(run: CallRun) -> Shown:
        wrong = wrong_calls(run)
        return {} if wrong and all(test(*one) for one in wrong) else None

    return shows


def no_wait_without_pointer(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A disk was not waited for, because there is no pointer."""
    return call.pages == ("disk",) and right[1] is None and mine[0] in (0, "EFAULT")


def nowait_drops(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A call that did not wait was said to have dropped the lock."""
    return call.nowait and mine[1] == 0 and right[1] == 1


def retaken(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A lock that was dropped and taken again was said to be held."""
    return not call.nowait and (mine[1], right[1]) == (1, 0)


def retry_is_an_error(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A call that had to stop at once was given an error."""
    negative = isinstance(mine[0], str) or (isinstance(mine[0], int) and mine[0] < 0)
    return call.nowait and negative and mine[1:] == right[1:]


def zero_is_all(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A call that had to stop at once was given all its pages."""
    return call.nowait and mine[0] == len(call.pages) > right[0] and mine[1:] == right[1:]


def error_wins(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Some pages were there, and yet an error was said."""
    return not call.nowait and isinstance(mine[0], str) and isinstance(right[0], int) and right[0] > 0


def area_lives(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """The lock was said to be dropped, and the area to be good."""
    return mine[:2] == right[:2] and right[1] == 0 and (mine[2], right[2]) == (True, False)


def unlocked_tells(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A function that takes the lock itself was said to tell its caller of it."""
    return call.entry == "get_user_pages_unlocked" and mine[0] == right[0] and mine[1:] != right[1:]


def huge_is_like_others(call: Call, mine: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """A killed call for a huge page was given the error of other pages."""
    return call.pages == ("huge",) and call.killed and mine[0] in ("ERESTARTSYS", "EINTR", 0)


def entry_0(run: CallRun) -> Shown:
    """The pointer was said to hold 0 on entry."""
    return {} if run.mine.get("ENTRY") == 0 else None


def limit_of_mlock(run: CallRun) -> Shown:
    """It was said that mlock gives up, or asks less often."""
    wrong = [name for name in run.wrong if name.startswith("mlock")]
    return {} if wrong and len(wrong) == len(run.wrong) else None


def proc_mem_waits(run: CallRun) -> Shown:
    """A read of /proc/self/mem was said to send a message."""
    said = [run.mine.get(name) for name in run.wrong if name.startswith("proc_mem")]
    waits = [one for one in said if isinstance(one, tuple) and len(one) == 2 and one[1] not in (0, None)]
    return {} if waits and len(said) == len(run.wrong) else None


CAUSES = (
    Cause(
        "none-means-no-wait",
        every(no_wait_without_pointer),
        "You take the missing pointer for 'don't wait'. It says 'don't drop the lock': who can wait without "
        "dropping it, as for a disk, does so.",
        FAULTIN,
    ),
    Cause(
        "nowait-0",
        every(nowait_drops),
        "You take 0 pages for a lock that is gone. With FOLL_NOWAIT nobody waited, so nobody dropped it: you "
        "have to release it.",
        FAULTIN,
    ),
    Cause(
        "retaken-1",
        every(retaken),
        "You say that the lock is held, since GUP took it again for its second attempt. It releases it once "
        "more on the way out, so that its caller is not misled.",
        CONTRACT,
    ),
    Cause(
        "retry-negative",
        every(retry_is_an_error),
        "You make an error of RETRY. Inside GUP there is one, EBUSY, but it never leaves: the caller has "
        "only to ask again.",
        CONTRACT,
    ),
    Cause(
        "zero-ok",
        every(zero_is_all),
        "You count pages that could not be had. With FOLL_NOWAIT the count ends before the first page that "
        "must be waited for; pages behind it are not yours.",
        CONTRACT,
    ),
    Cause(
        "partial-error",
        every(error_wins),
        "You report the error of the last page. The pages before it are pinned, and somebody must give them "
        "back: so the count is told, and the error is lost.",
        CONTRACT,
    ),
    Cause(
        "vma-after-0",
        every(area_lives),
        "You go on with an area that you found before the call. For a while nobody held the lock, and "
        "another thread may have unmapped it.",
        CONTRACT,
    ),
    Cause(
        "unlocked-caller",
        every(unlocked_tells),
        "You look for *locked where there is none. The caller of get_user_pages_unlocked holds no lock, "
        "neither before nor after, so it has no area either.",
        "Linux v5.6, mm/gup.c, get_user_pages_unlocked",
    ),
    Cause(
        "hugetlb-eintr",
        every(huge_is_like_others),
        "You give huge pages the error of others. They are walked by a function of its own, and it begins "
        "with EFAULT for whatever ends it.",
        HUGE,
    ),
    Cause(
        "entry-0",
        entry_0,
        "You pass 0. On entry the number says that mmap_sem is held; with 0 nobody would know when it is "
        "dropped.",
        CONTRACT,
    ),
    Cause(
        "mlock-limit",
        limit_of_mlock,
        "You give mlock a limit. It calls GUP again with fresh flags after each RETRY, so each attempt is a "
        "first one.",
        "Linux v5.6, mm/gup.c, __mm_populate",
    ),
    Cause(
        "procmem-waits",
        proc_mem_waits,
        "You let /proc/self/mem wait. It passes no pointer, so the fault may not drop the lock, and there "
        "is no message.",
        "Linux v5.6, mm/memory.c, __access_remote_vm",
    ),
)
