"""The rules: which fields of a record are compared with a prediction, and how.

Outcome, what the handlers did and major faults are compared exactly. Minor faults and the perf events are
compared as the difference to the record of the same access with the event ``none``: that takes out the
recording program's own cold pages. One more or less is allowed where a signal frame was written (it may
fault). Nothing else is forgiven, and each field that isn't compared is named with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from course.conform.experiment import ACCESSES, Experiment, Side
from course.conform.prediction import Prediction
from course.conform.records import IDENTITY, KEYS, Record, Value
from pyemu.tree import Tree

EXACT = (
    "outcome",
    "handler_runs",
    "handler_before_resolve",
    "stopped_before_resolve",
    "exit_before_resolve",
)
EXACT_COUNTERS = ("majflt", "sw_page_faults_maj")
DIFFERENCES = ("minflt", "sw_page_faults", "sw_page_faults_min")
KILLED = "killed:9"
ALLOWANCE = 1
LEAST_MESSAGES = 2  # of a busy loop

INFORMATION = "information only"
VICTIM_KILLED = "the victim was killed and could not report its counters"
NO_NONE_ROW = "the files hold no record of this kernel, access and mem with the event none"
WAKES = "a wake may come at the moment of the sample"
BUSY = "in a busy loop the state is running or sleeping by chance"


@dataclass(slots=True)
class Comparison:
    """What came out of comparing one record with a prediction.

    Attributes
    ----------
    differing : dict of str to dict
        Field -> ``expected`` (the record) and ``got`` (the emulator).
    allowances : dict of str to dict
        The same for fields that differ by no more than what is allowed.
    not_compared : dict of str to str
        Field -> reason.
    """

    differing: dict[str, dict[str, Value]] = field(default_factory=dict)
    allowances: dict[str, dict[str, Value]] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)

    def exactly(self, name: str, expected: Value, got: Value) -> None:
        """Compare two values."""
        if expected != got:
            self.differing[name] = {"expected": expected, "got": got}


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
    compared = {"kind", "kernel", *IDENTITY["userfault"], *KEYS["userfault"]}
    found.not_compared |= {name: INFORMATION for name in real if name not in compared}
    return found


def busy_loop(experiment: Experiment, tree: Tree) -> bool:
    """Say whether a kernel-mode copy goes round in circles until the page comes.

    With patches 12 and 13 a pending signal that doesn't kill ends the copy's sleep, and nothing ends its
    retries.
    """
    pending = experiment.action in ("sig", "stop")
    return ACCESSES[experiment.access] is Side.COPY and pending and 12 in tree and 13 in tree


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
        found.not_compared |= dict.fromkeys((*EXACT_COUNTERS, *DIFFERENCES), VICTIM_KILLED)
        return
    for name in EXACT_COUNTERS:
        found.exactly(name, real[name], got[name])
    if none is None:
        found.not_compared |= dict.fromkeys(DIFFERENCES, NO_NONE_ROW)
        return
    signal_frame = int(real["handler_runs"]) > 0 or str(real["outcome"]).startswith("SIGBUS")
    for name in DIFFERENCES:
        expected = int(real[name]) - int(none[0].values[name])
        mine = int(got[name]) - int(none[1].fields[name])
        if expected == mine:
            continue
        within = signal_frame and abs(expected - mine) <= ALLOWANCE
        place = found.allowances if within else found.differing
        place[name] = {"expected": expected, "got": mine}
