"""Patch 8: sh asks fault_signal_pending(), and two things change that nobody meant to change.

- **S8a**: before, a task that is being killed left any error alone. After, only a RETRY: an OOM fault of such
  a task calls the OOM killer.
- **S8b**: after, mmap_sem is released first, and the functions for SIGBUS and SIGSEGV release it once more.
  Found by reading; still so in the newest source that was read (with lock_mm_and_find_vma, so after v6.5).

Our fix B6 leaves the early release out where the callee makes it.

References
----------
Linux v5.6.4 and v5.7.14, arch/sh/mm/fault.c, mm_fault_error, do_sigbus, bad_area [fact:p08-sh]
[fact:b6-sh-double-unlock].
"""

from __future__ import annotations

from course.series.decisions.attempt import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
    Attempt,
    attempts,
    fault_signal_pending,
    lock_trouble,
    unreachable,
)
from course.series.decisions.pair import Pair
from course.series.decisions.records import OOM_KILLER, Action, Decision, Mode, Pending
from pyemu.arches import arch_of

__all__ = ["FIXED", "PAIR", "after", "before", "fixed"]

S8A, S8B = "S8a", "S8b"
S8AB = f"{S8A} and {S8B}"
LATE_OOM = "OOM together with RETRY"


def before(case: Attempt) -> Decision:
    """Let SIGKILL swallow a RETRY and any error; each error releases the lock itself."""
    if case.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR):
        if case.pending is Pending.KILL:
            return leave(case, 0 if case.fault & VM_FAULT_RETRY else 1)
        if case.fault & VM_FAULT_ERROR:
            return error(case, 1 if case.fault & VM_FAULT_OOM else 0)
    return go_on(case)


def after(case: Attempt) -> Decision:
    """Release the lock first, then look for an error."""
    if case.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR):
        if fault_signal_pending(case.fault, case.pending):
            return leave(case, 0)
        if case.fault & VM_FAULT_ERROR:
            return error(case, 0 if case.fault & VM_FAULT_RETRY else 1)
    return go_on(case)


def fixed(case: Attempt) -> Decision:
    """Release the lock first only where the callee does not (B6)."""
    if case.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR):
        if fault_signal_pending(case.fault, case.pending):
            return leave(case, 0)
        if case.fault & VM_FAULT_ERROR:
            return error(case, 1 if case.fault & VM_FAULT_OOM else 0)
    return go_on(case)


def leave(case: Attempt, unlocks: int) -> Decision:
    """Leave because of SIGKILL."""
    return Decision(Action.RETURN if case.mode is Mode.USER else Action.FIXUP, unlocks)


def error(case: Attempt, unlocks: int) -> Decision:
    """Deal with an error; `unlocks` is what has been released on the way here."""
    kernel = case.mode is Mode.KERNEL
    if case.fault & VM_FAULT_OOM:
        if kernel:
            return Decision(Action.FIXUP, unlocks)
        return Decision(Action.RETURN, unlocks, sends=(OOM_KILLER,))
    if case.fault & VM_FAULT_SIGBUS:
        # After the exception table the signal is sent all the same.
        return Decision(Action.FIXUP if kernel else Action.ERROR, unlocks + 1, sends=("SIGBUS",))
    if kernel:
        return Decision(Action.FIXUP, unlocks + 1)
    return Decision(Action.ERROR, unlocks + 1, sends=("SIGSEGV",))


def go_on(case: Attempt) -> Decision:
    """Go on without an error: one retry, or the end of the fault. Only the first attempt is counted."""
    counted: tuple[str, ...] = ()
    if case.flags & FAULT_FLAG_ALLOW_RETRY:
        counted = ("maj_flt" if case.fault & VM_FAULT_MAJOR else "min_flt",)
        if case.fault & VM_FAULT_RETRY:
            flags = case.flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
            return Decision(Action.RETRY, 0, flags, counted=counted)
    return Decision(Action.DONE, 1, counted=counted)


def row(case: Attempt) -> str:
    """Name the row in which patch 8 changes what happens."""
    error = case.fault & VM_FAULT_ERROR
    dying = case.pending is Pending.KILL
    if case.fault & VM_FAULT_RETRY:
        return LATE_OOM if error & VM_FAULT_OOM and not dying else ""
    if error & VM_FAULT_OOM:
        return S8A if dying and case.mode is Mode.USER else ""
    if error:
        return S8AB if dying and (error & VM_FAULT_SIGBUS or case.mode is Mode.USER) else S8B
    return ""


def row_with_fix(case: Attempt) -> str:
    """Name the row that is left with our fix: errors of a task that is being killed."""
    return S8A if row(case) in (S8A, S8AB) else ""


def _case(mode: Mode, pending: Pending, fault: int) -> Attempt:
    return Attempt(arch_of("sh"), mode, pending, fault, FAULT_FLAG_ALLOW_RETRY)


_SHOWN = (
    ("OOM, no signal", _case(Mode.USER, Pending.NONE, VM_FAULT_OOM)),
    ("OOM, SIGKILL (S8a)", _case(Mode.USER, Pending.KILL, VM_FAULT_OOM)),
    ("SIGBUS (S8b)", _case(Mode.USER, Pending.NONE, VM_FAULT_SIGBUS)),
    ("SIGSEGV (S8b)", _case(Mode.USER, Pending.NONE, VM_FAULT_SIGSEGV)),
    ("RETRY, SIGKILL", _case(Mode.USER, Pending.KILL, VM_FAULT_RETRY)),
    ("RETRY, first attempt, no SIGKILL", _case(Mode.USER, Pending.NONE, VM_FAULT_RETRY)),
)

_OOM = ("return, unlocks", "return, unlocks, calls the OOM killer")
_TOLD = {
    S8A: frozenset({_OOM}),
    S8B: frozenset(
        {
            ("error, unlocks, sends SIGBUS", "error, unlocks 2 times, sends SIGBUS"),
            ("error, unlocks, sends SIGSEGV", "error, unlocks 2 times, sends SIGSEGV"),
            ("fixup, unlocks, sends SIGBUS", "fixup, unlocks 2 times, sends SIGBUS"),
            ("fixup, unlocks", "fixup, unlocks 2 times"),
        }
    ),
    S8AB: frozenset(
        {
            ("return, unlocks", "error, unlocks 2 times, sends SIGBUS"),
            ("return, unlocks", "error, unlocks 2 times, sends SIGSEGV"),
            ("fixup, unlocks", "fixup, unlocks 2 times, sends SIGBUS"),
        }
    ),
    LATE_OOM: frozenset(
        {
            ("return, unlocks, calls the OOM killer", "return, calls the OOM killer"),
            ("fixup, unlocks", "fixup"),
        }
    ),
}
_TOLD_WITH_FIX = {
    S8A: frozenset(
        {
            _OOM,
            ("return, unlocks", "error, unlocks, sends SIGBUS"),
            ("return, unlocks", "error, unlocks, sends SIGSEGV"),
            ("fixup, unlocks", "fixup, unlocks, sends SIGBUS"),
        }
    )
}
_AGAIN = "without RETRY and without an error none of the tests inside is true either"


_EQUIVALENT = "after, {}: other link in 'case.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR)'"

PAIR = Pair(
    "what follows handle_mm_fault in sh's do_page_fault",
    lambda: attempts(arch_of("sh")),
    before,
    after,
    unreachable,
    row,
    _TOLD,
    frozenset({S8A, S8B, S8AB}),
    lock_trouble,
    _SHOWN,
    {_EQUIVALENT.format("after"): _AGAIN},
)
FIXED = Pair(
    "with our fix B6",
    lambda: attempts(arch_of("sh")),
    before,
    fixed,
    unreachable,
    row_with_fix,
    _TOLD_WITH_FIX,
    frozenset({S8A}),
    lock_trouble,
    _SHOWN,
    {_EQUIVALENT.format("fixed"): _AGAIN},
)
