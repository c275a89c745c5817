"""The decisions of patches 2, 16, 4 and 11 as plain values, one input at a time: what exercise E10 asks.

::

    PARTS["d"].decide(11, ("x86", True, False, False, False))

Inputs are tuples. The sides are those of `course.series.decisions`. A planted mistake is one that a proof
about the part must notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from course.series.decisions import p02_hugetlb, p04_x86, p11_default, p16_blocking
from course.series.decisions.attempt import Attempt
from course.series.decisions.attempt import unreachable as no_attempt
from course.series.decisions.records import Action, Mode, Pending
from pyemu.arches import arch_of
from pyemu.flags import EBUSY, FaultFlag, TaskState, VmFault

__all__ = ["PARTS", "Case", "Part"]

Case = tuple[Any, ...]
Side = Callable[[bool, Case], Any]

ERESTARTSYS = 512
BITS = (
    *(FaultFlag.ALLOW_RETRY, FaultFlag.RETRY_NOWAIT, FaultFlag.KILLABLE, FaultFlag.INTERRUPTIBLE),
    FaultFlag.USER,
)
SLEEPS = {TaskState.INTERRUPTIBLE: "interruptible", TaskState.UNINTERRUPTIBLE: "uninterruptible"}
FAULTS = {
    "done": 0,
    "MAJOR": int(VmFault.MAJOR),
    "RETRY": int(VmFault.RETRY),
    "RETRY|MAJOR": int(VmFault.RETRY | VmFault.MAJOR),
    "SIGBUS": int(VmFault.SIGBUS),
}
SIGNALS = {"none": Pending.NONE, "SIGUSR1": Pending.SIGNAL, "SIGKILL": Pending.KILL}
HANDLERS = ("x86", "arm64", "riscv", "csky")
BOTH = (False, True)


def _always(_case: Case) -> bool:
    return True


@dataclass(frozen=True)
class Part:
    """A patch, and the inputs of the decision that it changes.

    Attributes
    ----------
    patch : int
        Its number.
    axes : mapping of str to tuple
        What an input is made of -> its values.
    side : callable
        Gives what is decided, with the patch (True) or before it, for an input.
    needed : callable
        Says whether an input belongs to the proof.
    happens : callable
        Says whether an input can happen.
    planted : mapping of str to callable
        A mistake, in words -> the sides with it.
    """

    patch: int
    axes: Mapping[str, tuple[Any, ...]]
    side: Side
    needed: Callable[[Case], bool] = _always
    happens: Callable[[Case], bool] = _always
    planted: Mapping[str, Side] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> frozenset[Case]:
        """Every combination of the values."""
        return frozenset(product(*self.axes.values()))

    def cases(self) -> Iterator[Case]:
        """Give the inputs that a proof needs."""
        return filter(self.needed, product(*self.axes.values()))

    def same(self, case: Case, side: Side | None = None) -> bool:
        """Say whether both sides decide the same; a planted mistake may take their place."""
        decide = self.side if side is None else side
        return bool(_seen(decide(False, case)) == _seen(decide(True, case)))

    def decide(self, patches: int, case: Case, mistake: str = "") -> Any:
        """Give what is decided.

        Parameters
        ----------
        patches : int
            How many patches are applied: one less than the part's, or as many.
        case : tuple
            The input.
        mistake : str
            The planted mistake, if any.

        Returns
        -------
        object
            Plain values.

        Raises
        ------
        ValueError
            There is no such tree here, or no such input.
        """
        if patches not in (self.patch - 1, self.patch):
            raise ValueError(f"{patches!r} patches: ask for {self.patch - 1} or for {self.patch}.")
        if case not in self.inputs:
            raise ValueError(f"{case!r} is no input; one is ({', '.join(self.axes)}).")
        side = self.planted[mistake] if mistake else self.side
        return side(patches == self.patch, case)


def _seen(decision: Any) -> Any:
    """Leave out what a BUG_ON asks, but not whether it strikes."""
    if isinstance(decision, dict) and "bug_on" in decision:
        return decision | {"bug_on": any(decision["bug_on"])}
    return decision


# ------------------------------------------------------------------------------------- patch 2


def _walk(callee: str = p02_hugetlb.RIGHT) -> Side:
    def side(patched: bool, case: Case) -> dict[str, Any]:
        kind, pinned, wanted, ready, end, pointer, nowait = case
        huge = kind == "huge"
        stopped_by = "" if end == "there" else end
        walk = p02_hugetlb.Walk(
            pinned, wanted, 2, ready, stopped_by, pointer, nowait, callee if huge else p02_hugetlb.RIGHT
        )
        found = (p02_hugetlb.after if patched and huge else p02_hugetlb.before)(walk)
        interrupted = found.count < 0 and end == "SIGKILL" and not huge
        return {
            "goes_on": found.action is Action.CONTINUE,
            "count": -ERESTARTSYS if interrupted else found.count,
            "locked": found.locked,
            "dead_area": found.dead_area,
            "bug_on": (nowait, False) if patched and huge and found.locked == 0 else (),
        }

    return side


def _says_held(patched: bool, case: Case) -> dict[str, Any]:
    right: dict[str, Any] = _walk()(patched, case)
    return right | {"locked": 1} if patched and right["locked"] == 0 else right


def _gives_ebusy(patched: bool, case: Case) -> dict[str, Any]:
    right: dict[str, Any] = _walk()(patched, case)
    return right | {"count": -EBUSY} if patched and case[4] == "RETRY" and not right["count"] else right


# ------------------------------------------------------------------------------------ patch 16


def _sleep(patched: bool, case: Case) -> dict[str, Any]:
    *bits, signal = case
    flags = sum(int(bit) for bit, there in zip(BITS, bits, strict=True) if there)
    fault = p16_blocking.Fault(flags, SIGNALS[signal])
    found = (p16_blocking.after if patched else p16_blocking.before)(fault)
    return {"sleep": SLEEPS.get(TaskState(found.state), "killable"), "ends": found.ended}


def _comes_to_sleep(case: Case) -> bool:
    flags = sum(int(bit) for bit, there in zip(BITS, case[:-1], strict=True) if there)
    return not p16_blocking.unreachable(p16_blocking.Fault(flags, SIGNALS[case[-1]]))


def _deaf_gup(patched: bool, case: Case) -> dict[str, Any]:
    _, _, killable, interruptible, _, _ = case
    deaf = patched and killable and not interruptible
    return {"sleep": "uninterruptible", "ends": False} if deaf else _sleep(patched, case)


def _deaf_to_handled(patched: bool, case: Case) -> dict[str, Any]:
    allow_retry, nowait, killable, _, user, signal = case
    first = patched and killable
    return _sleep(patched, (allow_retry, nowait, killable, False, user, signal) if first else case)


# ------------------------------------------------------------------------------------- patch 4


def _attempt(case: Case) -> Attempt:
    allowed, fault, mode, signal = case
    flags = FaultFlag.ALLOW_RETRY if allowed else FaultFlag.TRIED
    return Attempt(arch_of("x86"), Mode(mode), SIGNALS[signal], FAULTS[fault], int(flags))


def _x86(patched: bool, case: Case) -> dict[str, Any]:
    found = (p04_x86.after if patched else p04_x86.before)(_attempt(case))
    return {
        "then": str(found.action),
        "releases": found.unlocks,
        "flags": found.flags,
        "counts": found.counted,
    }


def _releases_on_leaving(patched: bool, case: Case) -> dict[str, Any]:
    right = _x86(patched, case)
    leaves = "RETRY" in case[1] and case[3] == "SIGKILL"
    return right | {"releases": 1} if patched and leaves else right


def _goes_on_after_kill(patched: bool, case: Case) -> dict[str, Any]:
    allowed, fault, mode, signal = case
    misses = patched and not allowed and "RETRY" in fault and signal == "SIGKILL"
    return _x86(patched, (allowed, fault, mode, "none") if misses else case)


# ------------------------------------------------------------------------------------ patch 11


def _first(patched: bool, case: Case) -> int:
    return (p11_default.after if patched else p11_default.before)(p11_default.First(*case)).flags


def _first_is_possible(case: Case) -> bool:
    caller, user, write, locked, nowait = case
    if caller in HANDLERS:
        return not locked and not nowait
    return not user and (caller == "get_user_pages" or not (write or locked or nowait))


def _word(caller: str, change: Callable[[int], int]) -> Side:
    """Let a caller start with another word once the patch is there."""

    def side(patched: bool, case: Case) -> int:
        right = _first(patched, case)
        return change(right) if patched and case[0] == caller else right

    return side


PARTS: Mapping[str, Part] = {
    "a": Part(
        2,
        {
            "kind": ("normal", "huge"),
            "pinned": (0, 1),
            "wanted": (1, 2, 3),
            "ready": (0, 1),
            "end": ("there", "RETRY", "error", "SIGKILL"),
            "pointer": BOTH,
            "nowait": BOTH,
        },
        _walk(),
        planted={
            "the new side gives -EBUSY for RETRY": _gives_ebusy,
            "the walk goes on after RETRY": _walk(p02_hugetlb.FORGETFUL),
            "the new side says *locked 1": _says_held,
            "the walk drops the lock under FOLL_NOWAIT": _walk(p02_hugetlb.DROPPING),
        },
    ),
    "b": Part(
        16,
        {
            "allow_retry": BOTH,
            "nowait": BOTH,
            "killable": BOTH,
            "interruptible": BOTH,
            "user": BOTH,
            "signal": tuple(SIGNALS),
        },
        _sleep,
        happens=_comes_to_sleep,
        planted={
            "KILLABLE alone is deaf to SIGKILL": _deaf_gup,
            "KILLABLE is asked before INTERRUPTIBLE": _deaf_to_handled,
        },
    ),
    "c": Part(
        4,
        {"allow_retry": BOTH, "fault": tuple(FAULTS), "mode": ("user", "kernel"), "signal": tuple(SIGNALS)},
        _x86,
        happens=lambda case: not no_attempt(_attempt(case)),
        planted={
            "attempt 2 goes on after SIGKILL": _goes_on_after_kill,
            "the new side releases the lock when it leaves": _releases_on_leaving,
        },
    ),
    "d": Part(
        11,
        {
            "caller": (*HANDLERS, "khugepaged", "get_user_pages"),
            "user": BOTH,
            "write": BOTH,
            "locked": BOTH,
            "nowait": BOTH,
        },
        _first,
        _first_is_possible,
        planted={
            "x86 loses KILLABLE": _word("x86", lambda word: word & ~int(FaultFlag.KILLABLE)),
            "khugepaged gets KILLABLE": _word("khugepaged", lambda word: word | int(FaultFlag.KILLABLE)),
            "get_user_pages gets KILLABLE": _word(
                "get_user_pages", lambda word: word | int(FaultFlag.KILLABLE)
            ),
        },
    ),
}
"""The parts of the exercise, by their letters."""
