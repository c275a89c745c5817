"""Replay: every record gets a row with a verdict, and none is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from course.conform.compare import compare
from course.conform.comparison import KILLED, Comparison
from course.conform.experiment import Experiment
from course.conform.kernels import Kernel, NotModelled, kernel_of
from course.conform.prediction import Prediction, predict
from course.conform.records import Record
from course.conform.rules import compare_script, compare_sequence, compare_slow, not_compared_step
from course.conform.script import Script
from course.conform.script_prediction import predict_script
from course.conform.sequence import predict_step
from course.conform.slow_file import SlowFault, predict_slow
from pyemu.errors import TreeError
from pyemu.tree import Tree

REFUSAL = "EINVAL"  # of userfaultfd(2) for a flag that it doesn't know

# Kernel, access, mem and user_mode_only -> a record with the event none.
NoneRows = dict[tuple[str, str, str, bool], Record]


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
    kernel : Kernel or None
        What stood for the kernel: the tree that ran, and whether it is only the nearest one.
    reason : str
        Why it isn't modelled, else empty.
    """

    record: Record
    verdict: Verdict
    comparison: Comparison
    kernel: Kernel | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain data; `fields` says what differs, what was allowed, what wasn't compared."""
        row: dict[str, Any] = {
            "kernel": self.record.kernel,
            "kind": self.record.kind,
            **self.record.identity,
            "place": self.record.place,
            "emulated": str(self.kernel.tree) if self.kernel else None,
            "nearest": self.kernel is not None and self.kernel.nearest,
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


def _none_rows(records: Sequence[Record]) -> NoneRows:
    """Find, for each kernel, access, mem and mode, the first record with the event none that has counters."""
    found: NoneRows = {}
    for record in records:
        done = record.done
        if not isinstance(done, Experiment) or done.event != "none":
            continue
        if record.values.get("outcome", KILLED) != KILLED:
            found.setdefault((record.kernel, done.access, done.mem, done.user_mode_only), record)
    return found


def _none_of(record: Record, done: Experiment, none_rows: NoneRows) -> Record | None:
    """Give the row that a record is compared with; one of user mode only has its own where no other is."""
    modes = (False, True) if done.user_mode_only else (False,)
    found = (none_rows.get((record.kernel, done.access, done.mem, mode)) for mode in modes)
    return next((one for one in found if one is not None), None)


def _row(record: Record, none_rows: NoneRows, tree: Tree | None) -> Row:
    try:
        ran = _kernel(record, tree)
        comparison = _compare(record, ran, none_rows)
    except NotModelled as why:
        return Row(record, Verdict.NOT_MODELLED, Comparison(), reason=why.reason)
    verdict = Verdict.MISMATCH if comparison.differing else Verdict.MATCH
    return Row(record, verdict, comparison, ran)


def _kernel(record: Record, tree: Tree | None) -> Kernel:
    """Say what stands for a record's kernel: its tree, that of a script, or the one asked for."""
    kernel = kernel_of(record.kernel)
    if tree is None and isinstance(record.done, Script):
        try:
            tree = Tree.parse(str(record.values["tree"]))
        except TreeError as error:
            raise NotModelled(str(error)) from None
    return kernel if tree is None else Kernel(record.kernel, tree, False, kernel.computer)


def _compare(record: Record, ran: Kernel, none_rows: NoneRows) -> Comparison:
    """Predict a record and compare it by the rules of its kind."""
    done = record.done
    if isinstance(done, Experiment):
        return _compare_userfault(record, done, ran, _none_of(record, done, none_rows))
    if isinstance(done, SlowFault):
        return compare_slow(record, predict_slow(done, ran.tree, ran.computer))
    if isinstance(done, Script):
        return compare_script(record, predict_script(done, ran.tree, ran.computer))
    if not_compared_step(record):
        return compare_sequence(record, None)
    case, step = str(record.values["case"]), str(record.values["step"])
    return compare_sequence(record, predict_step(case, step, ran.tree, ran.computer))


def _compare_userfault(record: Record, done: Experiment, ran: Kernel, none: Record | None) -> Comparison:
    refused = done.user_mode_only and not ran.knows_user_mode_only
    if refused or "setup_error" in record.values:
        found = Comparison()
        got = REFUSAL if refused else "none"
        found.exactly("setup_error", record.values.get("setup_error", "none"), got)
        found.name_the_rest(record, "setup_error")
        return found
    pair: tuple[Record, Prediction] | None = None
    if none is not None:
        assert isinstance(none.done, Experiment)
        pair = none, predict(none.done, ran.tree, ran.computer)
    return compare(record, predict(done, ran.tree, ran.computer), pair)
