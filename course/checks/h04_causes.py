"""Why a scenario of exercise H4 breaks nothing, as its runs show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from course.checks.call_case import CallRun
from course.checks.h04_trial import HANGS, breaks, timed
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_RETRY

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["CAUSES", "LOOP"]

LOOP = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, from the label `retry`"
CALLEE = "Linux v5.7, fs/userfaultfd.c, handle_userfault"
HELPER = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
QUEUE = "Linux v5.7, kernel/signal.c, recalc_sigpending_tsk"

Numbers = dict[str, int | str] | None


def played(is_so: Callable[[CallRun], bool]) -> Callable[[CallRun], Numbers]:
    """Make a cause of a scenario that was explored to its end."""
    return lambda run: {} if _clean(run) and is_so(run) else None


def _clean(run: CallRun) -> bool:
    """Whether the right handler was explored, and found clean."""
    return "right" in run.mine and run.mine["right"].finished and not run.mine["right"].violations


def right_run(run: CallRun) -> Result:
    """Give the timed run with the right handler."""
    return timed(run.mine["scenario"], 0)


def bad_name(run: CallRun) -> Numbers:
    """A step names a task that is not there."""
    return run.mine.get("stranger")


def too_large(run: CallRun) -> Numbers:
    """There are more states than the budget."""
    found = run.mine.get("right")
    return {"states": found.n_states} if found is not None and not found.finished else None


def monitor_silent(run: CallRun) -> Numbers:
    """With the right handler T never ends, in whatever order."""
    found = run.mine.get("right")
    silent = found is not None and found.endings and all(HANGS in str(one) for one in found.endings)
    return {} if silent else None


def reference_fails(run: CallRun) -> Numbers:
    """The right handler breaks a rule in some order."""
    return {} if "right" in run.mine and not _clean(run) else None


def wrong_handler(run: CallRun) -> Numbers:
    """Another of the faulty handlers is broken."""
    if not _clean(run):
        return None
    others = (one for one in range(1, 6) if one != run.case.numbers["number"])
    found = next((one for one in others if breaks(run.mine["scenario"], one)), None)
    return {"handler": found} if found else None


def present_page(run: CallRun) -> bool:
    """T makes no attempt."""
    return not right_run(run).tasks["T"].stats["attempts"]


def one_task(run: CallRun) -> bool:
    """There is one task, and the handler is the one that forgets the others."""
    return run.case.numbers["number"] == 2 and len(run.mine["scenario"].tasks) == 1


def wake_too_early(run: CallRun) -> bool:
    """A wake comes before T's first fault."""
    trace = right_run(run).trace
    fault = trace.select("exception", task="T")[:1]
    wakes = trace.select("uffd")[:1]
    return bool(fault and wakes) and wakes[0].t <= fault[0].t


def blocked_signal(run: CallRun) -> bool:
    """A signal is sent that T never takes."""
    trace = right_run(run).trace
    return bool(trace.select("signal_sent")) and not trace.select("signal_taken", task="T")


def kill_for_usr1(run: CallRun) -> bool:
    """T is killed, and the handler is the one that leaves for too many signals."""
    return run.case.numbers["number"] == 3 and right_run(run).tasks["T"].outcome == "killed:9"


def no_wait(run: CallRun) -> bool:
    """No attempt gives RETRY, and what the handler does wrong comes after one."""
    ends = right_run(run).trace.select("attempt_end", task="T")
    waits = any(int(one.a) & VM_FAULT_RETRY for one in ends)
    return run.case.numbers["number"] != 5 and not waits


def counter_only(run: CallRun) -> bool:
    """The counters differ, and nothing else."""
    mine = timed(run.mine["scenario"], run.case.numbers["number"])
    return mine.tasks["T"].counters != right_run(run).tasks["T"].counters


CAUSES = (
    Cause(
        "bad-name",
        bad_name,
        "A step of your scenario speaks of a task that has no line of its own.",
        HELPER,
    ),
    Cause(
        "too-large",
        too_large,
        "Each task and each step multiplies the states. Take out all that the fault doesn't need.",
        LOOP,
    ),
    Cause(
        "monitor-silent",
        monitor_silent,
        "T waits for a page, and nobody brings it. No handler can help that.",
        CALLEE,
    ),
    Cause(
        "reference-fails",
        reference_fails,
        "In some order of moves it goes wrong with the right handler as well. Order the steps with post and "
        "wait_post, or let the monitor answer each message that can come.",
        LOOP,
    ),
    Cause(
        "kill-for-usr1",
        played(kill_for_usr1),
        "For SIGKILL the right handler leaves kernel mode as well. You need a signal for which it must not.",
        HELPER,
    ),
    Cause(
        "wrong-handler",
        wrong_handler,
        "Your scenario shows a fault, but of another handler than the one that it is for.",
        LOOP,
    ),
    Cause(
        "present-page",
        played(present_page),
        "T touches a page that has its entry already. The processor finds it by itself.",
        LOOP,
    ),
    Cause(
        "one-task",
        played(one_task),
        "What this handler forgets is what others do while T waits. There are no others.",
        LOOP,
    ),
    Cause(
        "wake-too-early",
        played(wake_too_early),
        "A wake reaches those that sleep. Nobody did, and it was lost. Let the monitor wait for a message "
        "before each wake.",
        CALLEE,
    ),
    Cause(
        "blocked-signal",
        played(blocked_signal),
        "T blocks the signal that you send. It waits in the queue, and nobody who asks is told of it.",
        QUEUE,
    ),
    Cause(
        "no-wait",
        played(no_wait),
        "Each attempt of T is served at once. What this handler does wrong comes after an attempt that "
        "waited.",
        CALLEE,
    ),
    Cause(
        "counter-only",
        played(counter_only),
        "With this handler the same fault is counted differently, and nobody sees anything else. That a "
        "fault is minor or major is no invariant.",
        LOOP,
    ),
)
