"""The misconceptions of exercise E11, as the trees show them that a bisection names, and its scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course.checks.call_case import CallRun
from course.checks.specification import Cause

__all__ = ["CAUSES", "SLEEP"]

SLEEP = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state"
LOOP = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"
HELPER = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
WAKE = "Linux v5.7, fs/userfaultfd.c, handle_userfault"

Numbers = dict[str, int | str] | None


def events(run: CallRun) -> list[tuple[str, str, str]]:
    """Give what happened on the first tree, as (task, kind, text)."""
    trace = run.mine["first"].trace
    return [(trace.task_name(one.task), one.kind, one.text) for one in trace]


def sigkill(run: CallRun) -> Numbers:
    """T is killed on the first tree already."""
    return {} if run.mine["first"].tasks["T"].outcome == "killed:9" else None


def user_scenario(run: CallRun) -> Numbers:
    """T faults, and the kernel copies nothing for it."""
    kinds = {kind for task, kind, _ in events(run) if task == "T"}
    return {} if "exception" in kinds and "uaccess" not in kinds else None


def signal_after_copy(run: CallRun) -> Numbers:
    """T's last wait is over, and no signal has been sent yet."""
    told = events(run)
    waits = [n for n, (task, kind, _) in enumerate(told) if (task, kind) == ("T", "wake")]
    early = any(kind == "signal_sent" for _, kind, _ in told[: waits[-1]]) if waits else True
    return {} if run.mine["signals"] and not early else None


def values(
    is_so: Callable[[Mapping[str, Any], Any, Mapping[str, int]], bool],
) -> Callable[[CallRun], Numbers]:
    """Make a cause of the trees that a bisection names: of them, the history, and the right ones."""

    def shows(run: CallRun) -> Numbers:
        history = run.case.numbers["history"]
        return {} if is_so(run.mine, history, history.right) else None

    return shows


def blamed(patch: int) -> Callable[[CallRun], Numbers]:
    """Make a cause of a patch that is blamed for a symptom."""
    return values(lambda mine, history, right: any(mine[one] == patch != right[one] for one in right))


def over_budget(run: CallRun) -> Numbers:
    """More runs than are allowed."""
    return {"runs": run.mine["runs"]} if isinstance(run.mine["runs"], int) else None


def ends_untested(run: CallRun) -> Numbers:
    """A tree of a pair was never run."""
    unasked, right = run.mine["unasked"], run.case.numbers["history"].right
    right_ones = unasked and all(run.mine[name] == right[name] for name in right)
    return {"tree": unasked[0]} if right_ones else None


CAUSES = (
    Cause(
        "sigkill",
        sigkill,
        "A task that is being killed needs no page: every tree leaves the fault for SIGKILL. Send a signal "
        "for which T has a handler.",
        HELPER,
    ),
    Cause(
        "user-scenario",
        user_scenario,
        "T reads or writes by itself. A signal always ended such a wait, and the access was made again. The "
        "error needs a copy that the kernel makes, such as a write().",
        SLEEP,
    ),
    Cause(
        "signal-after-copy",
        signal_after_copy,
        "The page has come before your signal does. Send it while T waits for the page, or just before.",
        SLEEP,
    ),
    Cause(
        "time-limit",
        values(lambda mine, history, right: mine["unbounded"] == history.busy_from),
        "You ask how long a run took. The machine was busy with other things on some of the trees. A busy "
        "loop shows in the trace, as an event of its own.",
        LOOP,
    ),
    Cause(
        "messages>1",
        values(lambda mine, history, right: mine["unbounded"] == history.beside_from),
        "You count messages. Other tasks send some as well, and how many T sends depends on who runs when. "
        "Look at the events of T.",
        WAKE,
    ),
    Cause(
        "end-to-end",
        values(lambda mine, history, right: mine["wrong"] is None and mine["fails"]),
        "You compare the first tree with the last one, and both write well. The later patch hides what the "
        "earlier one did: look for the error only among the trees before that patch.",
        LOOP,
    ),
    Cause(
        "off-by-one",
        values(lambda mine, history, right: all(mine[name] == right[name] - 1 for name in right)),
        "You name the last tree that is good. The patch to blame is the one that makes the next tree.",
        SLEEP,
    ),
    Cause(
        "P13-for-EFAULT",
        values(lambda mine, history, right: mine["wrong"] == right["unbounded"]),
        "You look for any difference to the first tree, and find the one that stays. On that tree the write "
        "is complete: it only takes all of a CPU.",
        LOOP,
    ),
    Cause(
        "P12-for-spin",
        values(lambda mine, history, right: mine["unbounded"] == right["awake"]),
        "You take a fault that doesn't sleep for one that never ends. Without patch 13 the second attempt "
        "may not retry.",
        LOOP,
    ),
    Cause(
        "P9",
        blamed(9),
        "Patch 9 lets user mode leave a fault for any signal. For a copy of the kernel the helper says yes "
        "for SIGKILL alone, before and after.",
        HELPER,
    ),
    Cause(
        "P10",
        blamed(10),
        "Patch 10 takes out what handle_userfault did for faults from user mode that a signal had ended.",
        WAKE,
    ),
    Cause(
        "over-budget",
        over_budget,
        "Each symptom asks all trees again. Keep what a tree showed, and ask it for all three; or halve.",
        SLEEP,
    ),
    Cause(
        "ends-untested",
        ends_untested,
        "Halving starts with two trees of which one is good and one is bad. That they are, only a run can "
        "say.",
        SLEEP,
    ),
)
