"""What differs between two runs, and why: read from the flag words of their attempts and from their trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course.views.compare import Comparison, Mark, Row
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_INTERRUPTIBLE, FaultFlag
from pyemu.flags import names as flag_names
from pyemu.tree import Tree

__all__ = ["why"]


@dataclass(frozen=True, slots=True)
class _Cause:
    """A policy of the trees that explains a flag.

    Attributes
    ----------
    policy : str
        Name of the policy.
    older : object
        Its value in the tree that lacks the flag.
    text : str
        What the two trees do, and which patch changed it. ``{without}`` and ``{has}`` are their names.
    effect : str
        What the flag means for the fault.
    """

    policy: str
    older: object
    text: str
    effect: str


_CAUSES = {
    FAULT_FLAG_ALLOW_RETRY: _Cause(
        "retry_once",
        True,
        "Tree {without} clears ALLOW_RETRY after the first attempt; tree {has} keeps it (patch 13).",
        "Without ALLOW_RETRY an attempt may not wait for a monitor: handle_userfault answers SIGBUS.",
    ),
    FAULT_FLAG_INTERRUPTIBLE: _Cause(
        "interruptible_by_flag",
        False,
        "Tree {has} starts every fault with INTERRUPTIBLE (patch 12); tree {without} has no such flag.",
        "INTERRUPTIBLE lets any signal end the wait; up to here no signal came.",
    ),
}
_SIGNALS = ("signal_sent", "signal_taken")


def why(comparison: Comparison, left: Tree, right: Tree) -> tuple[str, ...]:
    """Tell what differs up to the event at which two runs part, and why.

    Parameters
    ----------
    comparison : Comparison
        Of the two runs.
    left, right : Tree
        Which tree each ran on.

    Returns
    -------
    tuple of str
        Sentences.
    """
    if comparison.first is None:
        return ("Both runs did the same.",)
    names = (str(left), str(right)) if left != right else ("left", "right")
    end = len(comparison.rows) if comparison.parted is None else comparison.parted
    rows = comparison.rows[:end]
    found = [] if comparison.parted is None else [_parting(comparison.rows[end], names)]
    found += [_values(row, names) for row in rows if row.mark is Mark.OTHER]
    return (*found, *_causes(rows, left, right))


def _values(row: Row, names: tuple[str, str]) -> str:
    left, right = names
    one, other = row.left, row.right
    if one is None or other is None:
        raise AssertionError("only paired events have other values")
    if one.event.kind != "attempt" or one.event.a == other.event.a:
        return f"{left}: {one.sentence} {right}: {other.sentence}"
    a, b = int(one.event.a), int(other.event.a)
    lacks = [
        f"{name} lacks {flag_names(more & ~less, FaultFlag).replace('|', ' and ')}"
        for name, less, more in ((left, a, b), (right, b, a))
        if more & ~less
    ]
    return f"Attempt {one.event.b}: flags {a:#x} in {left}, {b:#x} in {right}; {', '.join(lacks)}."


def _causes(rows: tuple[Row, ...], left: Tree, right: Tree) -> Iterator[str]:
    """Explain each flag that one of the two lacks, once, where the trees tell the reason."""
    words = [
        (int(row.left.event.a), int(row.right.event.a))
        for row in rows
        if row.left and row.right and row.left.event.kind == "attempt"
    ]
    signals = any(one and one.event.kind in _SIGNALS for row in rows for one in (row.left, row.right))
    for flag, cause in _CAUSES.items():
        for without, has, pairs in ((left, right, words), (right, left, [(b, a) for a, b in words])):
            lacking = any(b & ~a & flag for a, b in pairs)
            policies = [getattr(tree.policies, cause.policy) for tree in (without, has)]
            if lacking and policies == [cause.older, not cause.older]:
                yield cause.text.format(without=without, has=has)
                if not (signals and flag is FAULT_FLAG_INTERRUPTIBLE):
                    yield cause.effect


def _parting(row: Row, names: tuple[str, str]) -> str:
    sides = (
        f"{name}: {one.sentence}" if one else f"{name}: nothing more."
        for name, one in zip(names, (row.left, row.right), strict=True)
    )
    return f"Here the runs part. {' '.join(sides)}"
