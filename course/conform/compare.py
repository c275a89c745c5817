"""The rules for userfault records: which fields are compared with a prediction, and how.

Outcome, what the handlers did and major faults are compared exactly. Minor faults and the perf events are
compared as the difference to the record of the same access with the event ``none``: that takes out the
recording program's own cold pages. One more or less is allowed where a signal frame was written (it may
fault). Nothing else is forgiven, and each field that isn't compared is named with the reason.
"""

from __future__ import annotations

from course.conform.comparison import (
    KILLED,
    MAJOR,
    MINOR,
    NOT_READ,
    VICTIM_KILLED,
    Comparison,
)
from course.conform.experiment import ACCESSES, Experiment, Side
from course.conform.prediction import Prediction
from course.conform.records import UNREAD, Record, Value
from pyemu.tree import Tree

EXACT = (
    "outcome",
    "handler_runs",
    "handler_before_resolve",
    "stopped_before_resolve",
    "exit_before_resolve",
)
LEAST_MESSAGES = 2  # of a busy loop

NO_NONE_ROW = "the files hold no record of this kernel, access and mem with the event none"
WAKES = "a wake may come at the moment of the sample"
BUSY = "in a busy loop the state is running or sleeping by chance"


def compare(
    record: Record, prediction: Prediction, none: tuple[Record, Prediction] | None = None
) -> Comparison:
    """Compare a userfault record with what the emulator predicts.

    Parameters
    ----------
    record : Record
        What the real kernel did.
    prediction : Prediction
        What the emulator does in the same experiment.
    none : (Record, Prediction), optional
        The record of the same kernel, access and mem with the event ``none``, and what the emulator
        predicts for it on the same tree.

    Returns
    -------
    Comparison
        Every field of the record that doesn't identify it is compared, or named in `not_compared`.
    """
    found = Comparison()
    real, got = record.values, prediction.fields
    busy = busy_loop(prediction.experiment, prediction.tree)
    for name in EXACT:
        found.exactly(name, real[name], got[name])
    _compare_messages(found, real, prediction, busy)
    if prediction.experiment.action == "wake":
        found.not_compared["state_blocked"] = WAKES
    else:
        found.exactly("state_blocked", real["state_blocked"], got["state_blocked"])
    if busy:
        found.not_compared["state_after_action"] = BUSY
    else:
        found.exactly("state_after_action", real["state_after_action"], got["state_after_action"])
    _compare_counters(found, record, prediction, none)
    found.name_the_rest(record)
    return found


def busy_loop(experiment: Experiment, tree: Tree) -> bool:
    """Say whether a kernel-mode copy goes round in circles until the page comes.

    With patches 12 and 13, and without fix B5, a pending signal that doesn't kill ends the copy's sleep, and
    nothing ends its retries.
    """
    waits = ACCESSES[experiment.access] is Side.COPY and not experiment.user_mode_only
    pending = experiment.action in ("sig", "stop")
    return waits and pending and 12 in tree and 13 in tree and "B5" not in tree.fixes


def _compare_messages(found: Comparison, real: dict[str, Value], prediction: Prediction, busy: bool) -> None:
    expected, got = real["messages"], prediction.fields["messages"]
    if not busy:
        found.exactly("messages", expected, got)
    elif not prediction.spins or int(expected) < LEAST_MESSAGES:
        loop = "a busy loop" if prediction.spins else "no busy loop"
        found.differing["messages"] = {"expected": expected, "got": f"{got} ({loop})"}


def _compare_counters(
    found: Comparison, record: Record, prediction: Prediction, none: tuple[Record, Prediction] | None
) -> None:
    real, got = record.values, prediction.fields
    if real["outcome"] == KILLED:
        found.leave_out((*MAJOR, *MINOR), VICTIM_KILLED)
        return
    unread = [name for name in (*MAJOR, *MINOR) if UNREAD in (real[name], none and none[0].values[name])]
    found.leave_out(unread, NOT_READ)
    for name in (name for name in MAJOR if name not in unread):
        found.exactly(name, real[name], got[name])
    minor = [name for name in MINOR if name not in unread]
    if none is None:
        found.leave_out(minor, NO_NONE_ROW)
        return
    frame = int(real["handler_runs"]) > 0 or str(real["outcome"]).startswith("SIGBUS")
    for name in minor:
        expected = int(real[name]) - int(none[0].values[name])
        found.number(name, expected, int(got[name]) - int(none[1].fields[name]), allowed=frame)
