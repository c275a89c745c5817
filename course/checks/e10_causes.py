"""The misconceptions of exercise E10, as the proofs show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course.checks.call_case import CallRun
from course.checks.e10_proofs import CAN, CANNOT, LEFT_OUT, MISSED, SEEN, TREES, planted
from course.checks.specification import Cause
from course.series.asked import Case, Part

__all__ = ["CAUSES", "GUP"]

GUP = "Linux v5.7, mm/gup.c, __get_user_pages"
SLEEP = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state"
X86 = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"
FLAGS = "Linux v5.7, include/linux/mm.h, FAULT_FLAG_DEFAULT, and mm/gup.c, faultin_page"
HELD, EBUSY = planted("the new side says *locked 1"), planted("the new side gives -EBUSY for RETRY")
RELEASED = planted("the new side releases the lock when it leaves")
GOES_ON = planted("attempt 2 goes on after SIGKILL")

Shown = Mapping[str, int | str] | None


def of(letter: str, name: str, test: Callable[[Case], bool]) -> Callable[[CallRun], Shown]:
    """Make a cause of a list of a part: it holds all inputs of which a test is true, and no others."""

    def cause(run: CallRun) -> Shown:
        part: Part = run.case.numbers["part"]
        found = set(run.mine.get(name, ()))
        wanted = {case for case in part.cases() if test(case)} if run.case.name == f"part {letter}" else None
        return {} if found and found == wanted else None

    return cause


def same_tree_twice(run: CallRun) -> Shown:
    """One tree was asked for, and no other."""
    return {} if len(run.mine.get(TREES, ())) == 1 else None


def sample(run: CallRun) -> Shown:
    """Some inputs were left out."""
    part: Part = run.case.numbers["part"]
    total, left = len([*part.cases()]), len(run.mine.get(LEFT_OUT, ()))
    return {"tried": total - left, "all": total} if left else None


def holds(name: str, *others: str) -> Callable[[CallRun], Shown]:
    """Make a cause of a mistake with which the proof holds, though it fails with others."""

    def cause(run: CallRun) -> Shown:
        told: Mapping[str, Any] = run.mine
        failing = all(told.get(other) == "fails" for other in others)
        wrong = told.get(SEEN) or told.get(MISSED)
        return {} if told.get(name) == "holds" and failing and not wrong else None

    return cause


def lost_lock(case: Case) -> bool:
    """Say whether a huge page gives RETRY, and the lock is dropped."""
    kind, _, _, _, _, pointer, nowait = case
    return bool(kind == "huge" and retry(case) and pointer and not nowait)


def retry(case: Case) -> bool:
    """Say whether the walk of an area of two pages comes to its RETRY."""
    _, _, wanted, ready, end, _, _ = case
    return bool(end == "RETRY" and ready < min(wanted, 2))


def dead(case: Case) -> bool:
    """Say whether attempt 2 gives RETRY without SIGKILL."""
    allowed, fault, _, signal = case
    return not allowed and "RETRY" in fault and signal != "SIGKILL"


def killed(case: Case) -> bool:
    """Say whether attempt 2 gives RETRY with SIGKILL."""
    allowed, fault, _, signal = case
    return not allowed and "RETRY" in fault and signal == "SIGKILL"


CAUSES = (
    Cause(
        "same-tree-twice",
        same_tree_twice,
        "You asked for one number of patches only. Whatever is planted there, it equals itself.",
        FLAGS,
    ),
    Cause(
        "normal-pages-only",
        of("a", LEFT_OUT, lambda case: case[0] == "huge"),
        "Your domain has normal pages alone. Patch 2 is about what the walk of huge pages gives back.",
        GUP,
    ),
    Cause(
        "no-uffd",
        of("a", LEFT_OUT, lambda case: case[4] == "RETRY"),
        "You left out the end that the patch is about: a page that has to be waited for.",
        GUP,
    ),
    Cause(
        "p16-no-U",
        of("b", LEFT_OUT, lambda case: not case[2]),
        "You left out words without KILLABLE, since the callers set it. That is a premise, "
        "and belongs into happens_b.",
        SLEEP,
    ),
    Cause(
        "sample-100",
        sample,
        "You tried some of the inputs. A mistake may be in any other.",
        "Linux v5.7, the functions of the four patches",
    ),
    Cause(
        "bug-on-inverted",
        of("a", SEEN, lost_lock),
        "You read BUG_ON as a demand. Patch 2 asks two things when the lock is lost; as long as both "
        "are false, nothing happens.",
        GUP,
    ),
    Cause(
        "minus-ebusy",
        of("a", SEEN, lambda case: retry(case) and case[0] == "huge" and case[1] + case[3] == 0),
        "You expect an error where RETRY leaves not one page. The count is 0 with the patch, "
        "as it was before.",
        GUP,
    ),
    Cause(
        "result-only",
        holds(HELD, EBUSY),
        "You compare the count. The caller of get_user_pages goes by *locked as well.",
        GUP,
    ),
    Cause(
        "p16-synthetic",
        of("b", CAN, lambda case: case[0] and not case[1] and not case[2] and not case[3] and not case[4]),
        "You let a word with ALLOW_RETRY alone come to the sleep. Fault handlers set KILLABLE, and so does "
        "get_user_pages since patch 15.",
        SLEEP,
    ),
    Cause(
        "p4-never",
        of("c", CANNOT, killed),
        "You take attempt 2 for one that never gives RETRY. A wait that SIGKILL ended gives "
        "it in any attempt.",
        X86,
    ),
    Cause(
        "p4-reachable",
        of("c", CAN, dead),
        "You let the dead row happen. RETRY says that the lock was dropped, and nobody may drop it "
        "without ALLOW_RETRY.",
        X86,
    ),
    Cause(
        "no-lock-compare",
        holds(RELEASED, GOES_ON),
        "You compare where the handler goes, and not how often it releases mmap_sem.",
        X86,
    ),
    Cause(
        "p11-gup",
        of("d", SEEN, lambda case: case[0] == "get_user_pages"),
        "You expect the new name in get_user_pages. There is no need: the same word before and after "
        "is all that counts.",
        FLAGS,
    ),
)
