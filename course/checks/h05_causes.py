"""The misconceptions of exercise H5, as results, clock and Cython's own translation show them."""

from __future__ import annotations

from collections.abc import Mapping

from course.checks.call_case import CallRun
from course.checks.h05_scenarios import N_RACED, Walked
from course.checks.specification import Cause

__all__ = ["CAUSES", "DOCS"]

DOCS = "Cython's documentation, 'Typed Memoryviews' and 'Faster code via static typing'"
PAGING = "Intel SDM volume 3A, 4.5 (4-level paging) and 4.8 (accessed and dirty flags)"
PARAMETERS = {"ram", "root", "vas", "writes", "pas"}

Shown = Mapping[str, int | str] | None


def march_native(run: CallRun) -> Shown:
    """The text was refused for its flags."""
    return {} if "refused" in run.mine else None


def _pairs(walk: Walked) -> list[tuple[int, int]]:
    """Give the addresses that are wrong, with the right ones."""
    pairs = zip(walk.pas, walk.given.expected()[1], strict=False)
    return [(mine, right) for mine, right in pairs if mine != right]


def uint32(run: CallRun) -> Shown:
    """Each wrong address has the low half of the right one."""
    wrong = [pair for one in run.mine.get("walks", ()) for pair in _pairs(one)]
    return {} if wrong and all(mine == right & 0xFFFFFFFF for mine, right in wrong) else None


def memo(run: CallRun) -> Shown:
    """The first tables were right, and each wrong address of the second ones is one of the first."""
    if "walks" not in run.mine:
        return None
    first, second = run.mine["walks"]
    stale = list(zip(second.pas, first.pas, second.given.expected()[1], strict=True))
    wrong = [(mine, old) for mine, old, right in stale if mine != right]
    return {} if wrong and not _pairs(first) and all(mine == old for mine, old in wrong) else None


def no_ad(run: CallRun) -> Shown:
    """All addresses are right, and no entry was changed."""
    walks = run.mine.get("walks", ())
    return {} if walks and all(not one.changed and not _pairs(one) for one in walks) else None


def ignores_fault(run: CallRun) -> Shown:
    """More was done than comes before the missing page."""
    return _went_on(run.mine.get("missing"))


def any_entry(run: CallRun) -> Shown:
    """More was done than comes before the page that is swapped out."""
    return _went_on(run.mine.get("swapped"))


def no_bounds(run: CallRun) -> Shown:
    """More was done than comes before the table that is outside."""
    return _went_on(run.mine.get("outside"))


def _went_on(walk: Walked | None) -> Shown:
    if walk is None or not isinstance(walk.done, int):
        return None
    n_done = walk.given.expected()[0]
    return {} if walk.done > n_done or any(walk.pas[n_done + 1 :]) else None


def _slow(run: CallRun) -> bool:
    return "speed" in run.wrong and "compiled" in run.mine


def not_compiled(run: CallRun) -> Shown:
    """It is a function of Python."""
    return {} if _slow(run) and run.mine["kind"] == "function" else None


def call_per_access(run: CallRun) -> Shown:
    """There were as many calls as addresses."""
    return {} if _slow(run) and run.mine["calls"] >= N_RACED else None


def untyped_loop(run: CallRun) -> Shown:
    """The line of a loop handles objects."""
    marked = run.mine["compiled"].marked if _slow(run) else ()
    return {} if any(line.startswith("for ") for line in marked) else None


def py_int_index(run: CallRun) -> Shown:
    """A variable that isn't given from outside is an object."""
    objects = set(run.mine["compiled"].objects) if _slow(run) else set()
    return {"name": min(objects)} if objects and not objects & PARAMETERS else None


def big_literal(run: CallRun) -> Shown:
    """Lines handle objects, no variable is one, and a long number is."""
    made = run.mine["compiled"] if _slow(run) else None
    return {} if made and made.marked and not made.objects and made.literals else None


CAUSES = (
    Cause(
        "march-native",
        march_native,
        "A flag asks for the processor of the machine that compiles. What is built so may end with an "
        "illegal instruction on another one.",
        DOCS,
    ),
    Cause(
        "uint32",
        uint32,
        "A variable of 32 bits holds an entry or an address. Frames lie above 4 GiB, too.",
        DOCS,
    ),
    Cause(
        "memo",
        memo,
        "You keep answers from an earlier call. The kernel changes page tables between two calls; hardware "
        "that keeps answers is told so, and your walk isn't.",
        PAGING,
    ),
    Cause(
        "no-AD",
        no_ad,
        "No entry was changed. A walk sets A in each entry that it uses, and D in the last one for a write.",
        PAGING,
    ),
    Cause(
        "ignores-fault",
        ignores_fault,
        "The accesses after a fault come after the kernel has served it. Until then they must not be made.",
        PAGING,
    ),
    Cause(
        "any-entry",
        any_entry,
        "Bit 0 alone says whether an entry is present. The other bits of one that isn't belong to the "
        "kernel, which keeps there where the page lies.",
        PAGING,
    ),
    Cause(
        "no-bounds",
        no_bounds,
        "You took a table from an entry, and read it without asking whether it lies in ram. What was read "
        "from RAM proves nothing.",
        DOCS,
    ),
    Cause(
        "not-compiled",
        not_compiled,
        "walk_all is a function of Python, made when the module was imported. Cython compiles what it can "
        "read as code, not what exec makes of a text.",
        DOCS,
    ),
    Cause(
        "call-per-access",
        call_per_access,
        "The loop over the addresses calls a Python function for each. The call costs more than the walk.",
        DOCS,
    ),
    Cause(
        "untyped-loop",
        untyped_loop,
        "A loop counts with an object, and all that is computed with it is an object, too.",
        DOCS,
    ),
    Cause(
        "py-int-index",
        py_int_index,
        "Each value is packed into an object and taken out again, for every level of every walk.",
        DOCS,
    ),
    Cause(
        "big-literal",
        big_literal,
        "Your variables are numbers of C. A number in the text with more than 31 bits is an object, until "
        "you give it a type: <uint64_t>0x..., or a typed variable.",
        DOCS,
    ),
)
