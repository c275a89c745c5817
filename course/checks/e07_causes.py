"""The misconceptions of exercise E7, as a run shows them."""

from __future__ import annotations

from itertools import zip_longest

from course.checks.e07_facts import FIXED, attempts, fixed_without_page, given, killed_at, passes
from course.checks.e07_scenarios import FRESH
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import EBUSY, EFAULT, EINTR, FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, PAGE_SIZE

__all__ = ["CAUSES", "GUP"]

GET = "__get_user_pages_locked"
GUP = "Linux v5.7.14, mm/gup.c, __get_user_pages_locked"
FIXUP = "Linux v5.7.14, mm/gup.c, fixup_user_fault"
FAULTIN = "Linux v5.7, mm/gup.c, faultin_page"
CONTRACT = "Linux v5.7, mm/gup.c, the comment above __get_user_pages on what it gives"

Numbers = dict[str, int | str] | None


def pairs(run: KernelRun) -> list[tuple[int | None, int | None]]:
    """Give what the caller was told, call by call, with the learner's function and with the kernel's."""
    mine, kernel = given(run.mine, run.case.task), given(run.kernel, run.case.task)
    both = zip_longest(mine, kernel)
    return [(one.n if one else None, other.n if other else None) for one, other in both]


def killed(run: KernelRun) -> bool:
    """Say whether SIGKILL was sent to the task."""
    return killed_at(run.mine, run.case.task) is not None


def unbalanced(run: KernelRun) -> bool:
    """Say whether get_user_pages broke this rule, and no other."""
    return GET in run.case.replaced and run.rules == {"bad unlock balance"}


def b1(run: KernelRun) -> Numbers:
    """SIGKILL ended the wait for the lock, and then it was released."""
    events = run.mine.trace.select("lock_wait_killed", "violation")
    broken = [e.kind for e in events if e.kind == "lock_wait_killed" or e.a == "bad unlock balance"]
    return {} if unbalanced(run) and broken[:2] == ["lock_wait_killed", "violation"] else None


def double_up(run: KernelRun) -> Numbers:
    """The lock was released twice."""
    return {} if unbalanced(run) else None


def plain_down_read(run: KernelRun) -> Numbers:
    """SIGKILL came while the task queued for the lock, and it got the lock all the same."""
    sent, queued = killed_at(run.mine, run.case.task), False
    for event in run.mine.trace.select("lock_queued", "lock_granted", task=run.case.task):
        if event.kind == "lock_granted" and queued and sent is not None and event.t > sent:
            return {}
        queued = event.kind == "lock_queued"
    return None


def b2(run: KernelRun) -> Numbers:
    """After SIGKILL the caller was told: no page, and no error."""
    return {} if killed(run) and (0, -EINTR) in pairs(run) else None


def always_eintr(run: KernelRun) -> Numbers:
    """After SIGKILL the caller was told of an error, though there was a page."""
    return {} if killed(run) and (-EINTR, 1) in pairs(run) else None


def usr1_ends(run: KernelRun) -> Numbers:
    """A signal that is not SIGKILL ended it."""
    sent = run.mine.trace.select("signal_sent")
    if killed(run) or not sent:
        return None
    fewer = any(mine != kernel for mine, kernel in pairs(run))
    name = sent[0].text.split(" ")[0]
    return {"signal": name} if fewer else None


def nowait_loops(run: KernelRun) -> Numbers:
    """More attempts than the kernel's, for a caller who said FOLL_NOWAIT."""
    if run.case.scenario.name != "no-wait":
        return None
    mine, kernel = attempts(run.mine, run.case.task), attempts(run.kernel, run.case.task)
    return {} if run.mine.end != "done" or len(mine) > len(kernel) else None


def minus_ebusy(run: KernelRun) -> Numbers:
    """RETRY became an error."""
    return {} if any(mine == -EBUSY for mine, _ in pairs(run)) else None


def pass2_none(run: KernelRun) -> Numbers:
    """A later attempt had TRIED and no ALLOW_RETRY, and ended in EFAULT."""
    words = [int(event.a) for event in attempts(run.mine, run.case.task)]
    once = any(word & FAULT_FLAG_TRIED and not word & FAULT_FLAG_ALLOW_RETRY for word in words)
    return {} if once and any(mine == -EFAULT for mine, _ in pairs(run)) else None


def error_over_progress(run: KernelRun) -> Numbers:
    """The caller was told of an error, though there was a page, and nobody killed the task."""
    lost = any(mine is not None and mine < 0 and kernel == 1 for mine, kernel in pairs(run))
    return {} if lost and not killed(run) else None


def never_fewer(run: KernelRun) -> Numbers:
    """The caller was told of more pages than it wanted, each of which was got once."""
    more = next(((mine, right) for mine, right in pairs(run) if mine and right and mine > right > 0), None)
    return {"given": more[0], "wanted": more[1]} if more else None


def no_seek(run: KernelRun) -> Numbers:
    """A pass began at a page that an earlier one had got."""
    got: set[int] = set()
    for one in passes(run.mine, run.case.task):
        pages = {one.start + n * PAGE_SIZE for n in range(one.n)}
        if pages & got:
            return {}
        got |= pages
    return None


def many_in_pass_2(run: KernelRun) -> Numbers:
    """The first attempt of a page said TRIED."""
    words = attempts(run.mine, run.case.task)
    return {} if any(event.b == 1 and int(event.a) & FAULT_FLAG_TRIED for event in words) else None


def locked_stays_1(run: KernelRun) -> Numbers:
    """The caller was told that the lock was held all the time, and it was not."""
    mine, kernel = given(run.mine, run.case.task), given(run.kernel, run.case.task)
    both = zip(mine, kernel, strict=False)
    return {} if any(one.locked == 1 and other.locked == 0 for one, other in both) else None


def first_address(run: KernelRun) -> Numbers:
    """The first address of an area was refused."""
    refused = run.case.scenario.name == FRESH and FIXED.of(run.mine, run.case.task) == (-EFAULT,)
    return {} if refused else None


def b3(run: KernelRun) -> Numbers:
    """fixup_user_fault gave 0, and the last thing that it heard was RETRY."""
    return {} if fixed_without_page(run.mine, run.case.task) else None


CAUSES = (
    Cause(
        "B1",
        b1,
        "You write down that the lock is held before it is. down_read_killable may come back without it: "
        "look at what it gives, and say 1 only after a 0.",
        "Linux v5.7.14, mm/gup.c, __get_user_pages_locked; mended by c7b6a566b985",
    ),
    Cause(
        "double-up",
        double_up,
        "You release mmap_sem at the end without a question. It is yours to release only if it was dropped "
        "and you have taken it again; otherwise it is the caller's, or nobody holds it.",
        GUP,
    ),
    Cause(
        "plain-down_read",
        plain_down_read,
        "You take the lock with down_read, which nothing ends. The reader in front of you may wait for a "
        "disk: down_read_killable lets a task die that nobody needs any more.",
        "Linux v5.7, mm/gup.c, __get_user_pages_locked; patch 15 of the series (71335f37c5e8)",
    ),
    Cause(
        "nowait-loops",
        nowait_loops,
        "You try again although mmap_sem was not dropped. The pass came back because it may not wait: the "
        "next one may not wait either, and so on for ever.",
        FAULTIN,
    ),
    Cause(
        "minus-EBUSY",
        minus_ebusy,
        "You made an error of a pass without a page. EBUSY is what faultin_page and __get_user_pages say to "
        "each other; who called hears a count, and looks at *locked.",
        CONTRACT,
    ),
    Cause(
        "B2",
        b2,
        "You leave the loop when SIGKILL is pending, and return the count, which is 0. Who tests for less "
        "than 0 takes that for a page: without one page you owe an error.",
        "Linux v5.7.14, mm/gup.c, __get_user_pages_locked; mended by ae46d2aa6a7f",
    ),
    Cause(
        "always-eintr",
        always_eintr,
        "You return the error whatever was got. The references to those pages are lost then: nobody can give "
        "them back. The caller asks again, and hears of the signal then.",
        CONTRACT,
    ),
    Cause(
        "usr1-ends",
        usr1_ends,
        "You test for any signal. The wait inside this function is killable, not interruptible: its callers "
        "are not made to begin again, and up to v6.1 there was no flag to ask for it.",
        GUP,
    ),
    Cause(
        "pass2-None",
        pass2_none,
        "Your second pass gives None for locked: it may not drop the lock, so it may not wait, and a page "
        "that somebody else must bring is an error. That is 5.6.",
        "Linux v5.7, mm/gup.c, __get_user_pages_locked; patch 14 of the series (4426e945df58)",
    ),
    Cause(
        "error-over-progress",
        error_over_progress,
        "You return the error of the last pass. The pages of the passes before are pinned already, and only "
        "a count tells the caller so. The error comes again when it asks for the next page.",
        CONTRACT,
    ),
    Cause(
        "no-seek",
        no_seek,
        "A pass begins at start again, where there are pages that you have. The next page is at start + done "
        "* PAGE_SIZE.",
        GUP,
    ),
    Cause(
        "never-fewer",
        never_fewer,
        "After each drop you ask for nr_pages again. What you have comes off that number, or the pass goes "
        "on behind the last page that the caller wanted.",
        GUP,
    ),
    Cause(
        "many-in-pass-2",
        many_in_pass_2,
        "The pass with FOLL_TRIED goes on to pages that nobody has tried. TRIED makes the wait for a page "
        "lock keep mmap_sem: get one page with it, then begin a fresh pass.",
        "Linux v5.7, include/linux/mm.h, fault_flag_allow_retry_first",
    ),
    Cause(
        "locked-stays-1",
        locked_stays_1,
        "You say 1 because the lock is held again. For the caller 1 means: held all the time, what I looked "
        "up is still true. After a drop, release it and say 0.",
        CONTRACT,
    ),
    Cause(
        "first-address",
        first_address,
        "find_vma gives the area that has the address, or else the next one. It is the next one if it begins "
        "above the address; at its first address you are in it.",
        FIXUP,
    ),
    Cause(
        "B3",
        b3,
        "You leave the loop at the second VM_FAULT_RETRY, and success is what is left. RETRY says that the "
        "page is not there, however often it comes.",
        FIXUP,
    ),
)
