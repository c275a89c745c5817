"""Replay: every record gets a row with a verdict, and none is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from course.conform.compare import KILLED, Comparison, compare
from course.conform.experiment import Experiment
from course.conform.kernels import NotModelled, tree_of
from course.conform.prediction import Prediction, predict
from course.conform.records import Record
from pyemu.tree import Tree


class Verdict(StrEnum):
    """What came of a record."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_MODELLED = "not modelled"


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its verdict.

    Attributes
    ----------
    record : Record
        What the real kernel did.
    verdict : Verdict
        What came of it.
    comparison : Comparison
        Field by field; empty when the record isn't modelled.
    tree : Tree or None
        The code that ran.
    reason : str
        Why it isn't modelled, else empty.
    """

    record: Record
    verdict: Verdict
    comparison: Comparison
    tree: Tree | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain data; `fields` says what differs, what was allowed, what wasn't compared."""
        row: dict[str, Any] = {
            "kernel": self.record.kernel,
            "kind": self.record.kind,
            **self.record.identity,
            "place": self.record.place,
            "emulated": str(self.tree) if self.tree else None,
            "verdict": self.verdict.value,
            "fields": {
                **self.comparison.differing,
                "allowances": self.comparison.allowances,
                "not_compared": self.comparison.not_compared,
            },
        }
        return row | ({"reason": self.reason} if self.reason else {})


def replay(
    records: Sequence[Record], wanted: Iterable[Record] | None = None, tree: Tree | None = None
) -> list[Row]:
    """Replay records on the emulator.

    Parameters
    ----------
    records : sequence of Record
        All that were given together: the records with the event ``none`` are looked up among them.
    wanted : iterable of Record, optional
        Those that get a row; all by default.
    tree : Tree, optional
        Runs instead of the tree that stands for a record's kernel.

    Returns
    -------
    list of Row
        One for each wanted record, in order.
    """
    none_rows = _none_rows(records)
    return [_row(record, none_rows, tree) for record in (records if wanted is None else wanted)]


def _none_rows(records: Sequence[Record]) -> dict[tuple[str, str, str], Record]:
    """Find, for each kernel, access and mem, the first record with the event none that has counters."""
    found: dict[tuple[str, str, str], Record] = {}
    for record in records:
        done = record.experiment
        if done and done.event == "none" and not done.user_mode_only and record.values["outcome"] != KILLED:
            found.setdefault((record.kernel, done.access, done.mem), record)
    return found


def _row(record: Record, none_rows: dict[tuple[str, str, str], Record], tree: Tree | None) -> Row:
    done = record.experiment
    try:
        if done is None:
            raise NotModelled(f"kind {record.kind} is not modelled: this version models userfault.")
        ran = tree if tree is not None else tree_of(record.kernel)
        prediction = predict(done, ran)
        none = none_rows.get((record.kernel, done.access, done.mem))
        pair: tuple[Record, Prediction] | None = None
        if none is not None:
            pair = none, predict(Experiment(done.access, "none", done.mem), ran)
        comparison = compare(record, prediction, pair)
    except NotModelled as why:
        return Row(record, Verdict.NOT_MODELLED, Comparison(), reason=why.reason)
    verdict = Verdict.MISMATCH if comparison.differing else Verdict.MATCH
    return Row(record, verdict, comparison, ran)
