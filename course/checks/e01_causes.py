"""The misconceptions of exercise E1 about fault word and mode, as the decisions of a rule show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from course.checks.call_case import CallRun
from course.checks.e01_cells import pending
from course.checks.e01_decided import NO, RULE, YES, Numbers, decided, mistaken, waited
from course.checks.e01_list_causes import LISTS
from course.checks.e01_signal_causes import SIGNALS
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_ERROR, VM_FAULT_RETRY

__all__ = ["CAUSES", "RULE"]

HANDLER = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, after handle_mm_fault"
BITS = "Linux v5.7, include/linux/mm_types.h, enum vm_fault_reason"
CACHE = "Linux v5.7, mm/filemap.c, filemap_fault"


def either(shows: Callable[[CallRun, int], bool]) -> Callable[[CallRun], Numbers]:
    """Make a cause of what one of the two rules shows."""
    return lambda run: told(run) if any(shows(run, patch) for patch in (3, 9)) else None


def told(run: CallRun) -> Numbers:
    """Give the signal with a handler that the run sent, if it sent one."""
    sent = [one for cell in run.case.numbers["cells"] for one, how in cell.signals if how == "handler"]
    return {"signal": sent[0]} if sent else {}


def no_return(run: CallRun) -> Numbers:
    """A rule gave None, whatever it was asked."""
    silent = {cell.patch for cell in run.case.numbers["cells"] if run.mine.get(cell.name) is None}
    return {"patch": min(silent)} if silent else None


def text(run: CallRun) -> Numbers:
    """A rule gave a text."""
    wordy = [cell.patch for cell in mistaken(run) if isinstance(run.mine.get(cell.name), str | bytes)]
    return {"patch": min(wordy)} if wordy else None


def keeps(run: CallRun) -> Numbers:
    """A rule that was asked the same once more did not say the same."""
    asked = {cell: run.mine.get(cell.name) for cell in run.case.numbers["cells"]}
    changed = [cell.patch for cell in asked if asked[cell] != asked[replace(cell, again=False)]]
    return {"patch": min(changed)} if changed else None


def one_word(run: CallRun) -> set[int]:
    """Give the fault words with RETRY for which a rule always stays, when no other decision is wrong."""
    wrong = mistaken(run, False)
    patches, stays = {cell.patch for cell in wrong}, {cell.fault for cell in wrong}
    known = decided(
        run,
        lambda cell: cell.patch in patches and bool(cell.fault & VM_FAULT_RETRY) and cell.fault not in stays,
    )
    always = decided(run, lambda cell: cell.patch in patches and cell.fault in stays) == NO
    return stays if known and always else set()


def equals_retry(run: CallRun) -> Numbers:
    """RETRY alone is known, and not beside another bit."""
    wrong = one_word(run)
    return {} if wrong and VM_FAULT_RETRY not in wrong else None


def only_with_major(run: CallRun) -> Numbers:
    """RETRY is known beside MAJOR, and not alone."""
    return {} if VM_FAULT_RETRY in one_word(run) else None


def never(run: CallRun) -> Numbers:
    """The first rule that was asked stays, whichever signal is pending."""
    patch = min(cell.patch for cell in run.case.numbers["cells"])
    there = decided(
        run,
        lambda cell: bool(
            cell.fault & VM_FAULT_RETRY
            and (cell.patch, len(cell.signals)) == (patch, 1)
            and pending(cell.signals) != "nothing"
        ),
    )
    return {"patch": patch} if there == NO else None


def no_retry_test(run: CallRun) -> Numbers:
    """A fault was left that was over, and well."""
    good = decided(run, lambda cell: not cell.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR))
    return {} if True in good else None


def error_is_retry(run: CallRun) -> Numbers:
    """A fault was left that was over with an error."""
    bad = decided(run, lambda cell: bool(cell.fault & VM_FAULT_ERROR))
    return {} if True in bad else None


def always(run: CallRun, patch: int) -> bool:
    """Both modes were left with nothing pending."""
    return always_kernel(run, patch) and always_user(run, patch)


def always_user(run: CallRun, patch: int) -> bool:
    """User mode was left with nothing pending."""
    return waited(run, patch, "user", "nothing") == YES


def always_kernel(run: CallRun, patch: int) -> bool:
    """Kernel mode was left with nothing pending."""
    return waited(run, patch, "kernel", "nothing") == YES


def nonfatal_only(run: CallRun, patch: int) -> bool:
    """User mode was not left for SIGKILL."""
    return waited(run, patch, "user", "SIGKILL") == NO


def and_for_or(run: CallRun) -> Numbers:
    """Only SIGKILL in user mode ended a fault."""
    rows = (("user", "SIGUSR1"), ("kernel", "SIGKILL"), ("user", "SIGKILL"))
    return {} if [waited(run, 9, *row) for row in rows] == [NO, NO, YES] else None


def user_kill_only(run: CallRun, patch: int) -> bool:
    """Kernel mode was not left for SIGKILL."""
    return waited(run, patch, "kernel", "SIGKILL") == NO


def swapped(run: CallRun) -> Numbers:
    """A harmless signal ended faults from kernel mode, and none from user mode."""
    modes = [waited(run, 9, mode, "SIGUSR1") for mode in ("user", "kernel")]
    return {} if modes == [NO, YES] else None


def kernel_too(run: CallRun, patch: int) -> bool:
    """A harmless signal ended faults from kernel mode."""
    return waited(run, patch, "kernel", "SIGUSR1") == YES


def p3_in_p9(run: CallRun) -> Numbers:
    """The rule of patch 9 does what that of patch 3 does."""
    return {} if waited(run, 9, "user", "SIGUSR1") == NO else None


def p9_in_p3(run: CallRun) -> Numbers:
    """The rule of patch 3 does what that of patch 9 does."""
    return told(run) if waited(run, 3, "user", "SIGUSR1") == YES else None


CAUSES = (
    Cause(
        "no-return",
        no_return,
        "A function that ends without `return` gives None. None counts as stay, so by this rule no fault is "
        "left; it was asked of some that are.",
        RULE,
    ),
    Cause(
        "text",
        text,
        "What a text means can't be judged. To Python 'no' and 'stay' are as true as 'yes', since only an "
        "empty text is false. Compare, or count: `name == ...` and `len(names) > 0` give True or False.",
        RULE,
    ),
    Cause(
        "keeps",
        keeps,
        "Some call before left something that this one finds: a list outside the function, or one that is "
        "the default of an argument, is the same in every call. Make it anew in each, inside the function.",
        RULE,
    ),
    Cause(
        "never",
        never,
        "Your rule never finds SIGKILL. If you compare names, compare the first half of each pair: "
        '`"SIGKILL" in signals` is never true. It has no handler: it comes with its default. And a test such '
        'as `how == "blocked" or "ignored"` is always true, since a text is.',
        RULE,
    ),
    Cause(
        "equals-retry",
        equals_retry,
        "You compare the whole word. One attempt may say more than one thing, such as RETRY and MAJOR: test "
        "the one bit with `&`.",
        BITS,
    ),
    Cause(
        "only-with-major",
        only_with_major,
        "Your rule asks for RETRY and MAJOR together. A page that stands in the cache and is locked makes a "
        "fault wait that reads nothing: RETRY, and no MAJOR. Test the one bit with `&`.",
        CACHE,
    ),
    Cause(
        "always",
        either(always),
        "You leave faults that waited with nothing pending, in both modes. The page was on its way: the next "
        "attempt would have got it.",
        RULE,
    ),
    *SIGNALS,
    *LISTS,
    Cause(
        "no-retry-test",
        no_retry_test,
        "In at least one case you leave without VM_FAULT_RETRY. Then handle_mm_fault has kept the lock, and "
        "only the lines after this test release it.",
        HANDLER,
    ),
    Cause(
        "error-is-retry",
        error_is_retry,
        "In at least one case you leave with an error. Then the fault is over and mmap_sem is held, and the "
        "lines after this test release it and tell the task.",
        BITS,
    ),
    Cause(
        "always-user",
        either(always_user),
        "You leave faults from user mode with nothing pending. Where a signal is pending, user mode is the "
        "place to go; without one there is nothing to do there.",
        RULE,
    ),
    Cause(
        "always-kernel",
        either(always_kernel),
        "You leave faults from kernel mode with nothing pending. Then there is nothing to leave for: the "
        "copy would fail, and the page was on its way.",
        RULE,
    ),
    Cause(
        "nonfatal-only",
        either(nonfatal_only),
        "Your rule stays when SIGKILL is pending in user mode. The task will never use that page.",
        RULE,
    ),
    Cause(
        "and-for-or",
        and_for_or,
        "You ask for SIGKILL and for user mode at once. They are two reasons: SIGKILL is one in both modes, "
        "and in user mode any pending signal is one.",
        RULE,
    ),
    Cause(
        "user-kill-only",
        either(user_kill_only),
        "Either your rule asks for user mode, whatever the signal, or it never finds SIGKILL: `signals` "
        "holds pairs, and that one comes with its default. A task that is being killed needs no page: kernel "
        "code gives its copy up (the place where it goes on is its fixup), and the task dies on its way out.",
        RULE,
    ),
    Cause(
        "swapped",
        swapped,
        "Your rule leaves kernel mode for a harmless signal, and stays in user mode. It is user mode that "
        "can run a handler and make its access again.",
        RULE,
    ),
    Cause(
        "kernel-too",
        either(kernel_too),
        "You leave kernel mode for a harmless signal. The kernel stands in the middle of a copy: all that it "
        "could do is break it off, and the system call would fail.",
        RULE,
    ),
    Cause(
        "p3-in-p9",
        p3_in_p9,
        "Your rule of patch 9 leaves user mode for SIGKILL alone. Patch 9 adds a case: any pending signal, "
        "in user mode. If your text has that case, look how it compares: with `==`, never with `is`.",
        RULE,
    ),
    Cause(
        "p9-in-p3",
        p9_in_p3,
        "Your rule of patch 3 leaves for a harmless signal already. That patch gave a name to what each "
        "architecture did before; the new case came six patches later.",
        RULE,
    ),
)
