"""The misconceptions of exercise H6, as a run shows them: those of E4 to E6, put together wrongly."""

from __future__ import annotations

from course.checks.e06_causes import LOOP, SIGNALS, SLEEP, copy, deaf_in_user_mode, signal_of
from course.checks.e06_facts import COPY_MESSAGES, SPINS
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import ASKED, READ, SLEEPS_WITH_LOCK, attempts
from pyemu.flags import TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE, VM_FAULT_RETRY, Signal

__all__ = ["CAUSES"]

Numbers = dict[str, int | str] | None


def sent(run: KernelRun, *but: Signal) -> bool:
    """Say whether a signal came that is none of these."""
    return any(event.a not in but for event in run.mine.trace.select("signal_sent"))


def no_recheck(run: KernelRun) -> Numbers:
    """An area of an earlier hold was used."""
    return {} if run.rules & {"stale vma", "use after free"} else None


def deadlock_writer(run: KernelRun) -> Numbers:
    """The task slept with the lock held."""
    return {} if SLEEPS_WITH_LOCK.of(run.mine, run.case.task) else None


def monitor_unwoken(run: KernelRun) -> Numbers:
    """A message was queued, the task slept, and poll() was never woken."""
    woken = run.mine.trace.select("poll_wake", task=run.case.task)
    slept = any(one.sleeps and one.kinds("message") for one in attempts(run.mine, run.case.task))
    return {} if slept and not woken else None


def waits_anyway(run: KernelRun) -> Numbers:
    """A message was queued where nobody must be asked."""
    return {} if "asks nobody" in run.case.numbers and run.facts.messages else None


def unsaid_write(run: KernelRun) -> Numbers:
    """Messages name the right pages, and what they say of the access is wrong."""
    mine, right = (ASKED.of(one, run.case.task) for one in (run.mine, run.kernel))
    same_pages = [page for page, _ in mine] == [page for page, _ in right]
    return {"task": run.case.task} if same_pages and mine != right else None


def gup_usr1(run: KernelRun) -> Numbers:
    """A harmless signal cut the wait of get_user_pages short."""
    if "gup" not in run.case.numbers:
        return None
    cut = SPINS.of(run.mine, run.case.task) or any(TASK_INTERRUPTIBLE in one.sleeps for one in copy(run))
    return {} if cut else None


def fix_only_anon(run: KernelRun) -> Numbers:
    """A copy from shared memory spins."""
    return {} if "shared" in run.case.numbers and SPINS.of(run.mine, run.case.task) else None


def write_lost(run: KernelRun) -> Numbers:
    """A copy was given up for a harmless signal."""
    tried = copy(run)
    left = tried and tried[-1].bits & VM_FAULT_RETRY and sent(run, Signal.SIGKILL)
    short = run.facts.outcome.startswith(("EFAULT", "ret=")) and run.facts.outcome != run.wanted.outcome
    return {"signal": signal_of(run)} if left and short else None


def handler_last(run: KernelRun) -> Numbers:
    """The handler ran after an attempt more than needed, in user mode."""
    late = run.facts.before_handler > run.wanted.before_handler and run.facts.handler_runs
    return {"attempt": run.facts.before_handler} if late and not copy(run) else None


def fix_breaks_stop(run: KernelRun) -> Numbers:
    """User mode is deaf to a signal that came."""
    return {"signal": signal_of(run)} if deaf_in_user_mode(run) and sent(run, Signal.SIGKILL) else None


def kill_waits(run: KernelRun) -> Numbers:
    """A copy slept uninterruptibly."""
    return {} if any(TASK_UNINTERRUPTIBLE in one.sleeps for one in copy(run)) else None


def two_messages(run: KernelRun) -> Numbers:
    """The copy asked more often than it had to wait."""
    mine, kernel = (COPY_MESSAGES.of(one, run.case.task) for one in (run.mine, run.kernel))
    return {"messages": mine, "waits": kernel} if mine > kernel else None


def wake_lost(run: KernelRun) -> Numbers:
    """A wake-up was lost."""
    return {} if "lost wake-up" in run.rules else None


def leak_uwq(run: KernelRun) -> Numbers:
    """M read more messages than there were faults that waited."""
    more = READ.of(run.mine, run.case.task) > READ.of(run.kernel, run.case.task)
    return {} if more and run.facts.messages == run.wanted.messages else None


def count_spin(run: KernelRun) -> Numbers:
    """More faults were counted than were served."""
    mine, right = (one.minor + one.major for one in (run.facts, run.wanted))
    return {"counted": mine, "served": right} if mine > right else None


CAUSES = (
    Cause(
        "no-recheck",
        no_recheck,
        "You look for the area once, before the loop. While the lock was dropped another thread may have "
        "mapped something else there: find it again after each down_read.",
        LOOP,
    ),
    Cause(
        "deadlock-writer",
        deadlock_writer,
        "You sleep before you release mmap_sem. A writer queues behind you, M queues behind the writer, and "
        "you wait for M.",
        SLEEP,
    ),
    Cause(
        "monitor-unwoken",
        monitor_unwoken,
        "You queue a message and sleep, but nobody tells a monitor that sleeps in poll(): call wake_up_poll "
        "before you sleep.",
        SLEEP,
    ),
    Cause(
        "waits-anyway",
        waits_anyway,
        "You queue a message before you ask who may wait. An exiting task, a monitor that wants no messages, "
        "a caller without ALLOW_RETRY or with RETRY_NOWAIT: the table of exercise E5 comes first.",
        SLEEP,
    ),
    Cause(
        "unsaid-write",
        unsaid_write,
        "The monitor learns of an access only what the message says: UFFD_PAGEFAULT_FLAG_WRITE for a write, "
        "if your flags have WRITE, and 0 for a read.",
        SLEEP,
    ),
    Cause(
        "gup-usr1",
        gup_usr1,
        "You let any signal end the sleep of a caller that did not ask for it. get_user_pages sets neither "
        "USER nor INTERRUPTIBLE: only SIGKILL may end its wait.",
        SLEEP,
    ),
    Cause(
        "E6-fix-only-anon",
        fix_only_anon,
        "Your mend looks at the memory. What matters is the mode of the fault: a copy from shared memory "
        "is a kernel copy like any other.",
        SLEEP,
    ),
    Cause(
        "write-lost",
        write_lost,
        "You leave a fault from kernel mode for any signal. The copy ends at its fixup, and what was left of "
        "it is lost: only SIGKILL may do that.",
        SIGNALS,
    ),
    Cause(
        "handler-last",
        handler_last,
        "You leave a fault from user mode for SIGKILL alone. Any signal must end it: the handler runs, "
        "and the access makes a new fault.",
        SIGNALS,
    ),
    Cause(
        "fix-breaks-stop",
        fix_breaks_stop,
        "Your mend takes INTERRUPTIBLE from user mode as well. There it did no harm: a stop, or any other "
        "signal, must end the wait.",
        SLEEP,
    ),
    Cause(
        "kill-waits",
        kill_waits,
        "You took KILLABLE away with INTERRUPTIBLE. SIGKILL can end a fault from kernel mode through the "
        "fixup, so it must be able to end the sleep.",
        SLEEP,
    ),
    Cause(
        "wake-lost",
        wake_lost,
        "You look at the page before your message is queued. A page that comes in between finds nobody to "
        "wake. Queue first, then look.",
        SLEEP,
    ),
    Cause(
        "two-messages",
        two_messages,
        "The first attempt of a copy doesn't sleep, and only the next one does: so M is asked twice. Know "
        "before the first attempt what may end its sleep.",
        LOOP,
    ),
    Cause(
        "leak-uwq",
        leak_uwq,
        "You leave without userfaultfd_dequeue. The entry lies on your stack, and M answers a fault that is "
        "gone.",
        SLEEP,
    ),
    Cause(
        "count-spin",
        count_spin,
        "You count in every round. A fault is counted once, after the loop, when it is served.",
        LOOP,
    ),
)
