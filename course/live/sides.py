"""An experiment from all its sides: the kernel that runs here, its tree, and the nearest recording.

What is compared is what ``faultlab conform`` compares, by its rules, and the order in which things happened.
Each difference gets the name of its reason (`course.live.reasons`), or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from course.conform.compare import WAKES, busy_loop
from course.conform.comparison import KILLED, MINOR, NOT_READ, VICTIM_KILLED
from course.conform.experiment import ACCESSES, Experiment
from course.conform.experiment import Side as Who
from course.conform.kernels import TREES, Kernel, kernel_of, place, series
from course.conform.prediction import predict
from course.conform.records import Record
from course.conform.replay import Row, replay
from course.live import stored
from course.live.order import folded, order_of
from course.live.reasons import (
    BUSY_LOOP,
    NEAREST,
    NOT_COUNTED,
    NOT_TOLD,
    OTHER_KERNEL,
    OWN_PAGES,
    SAMPLE,
    SIGNAL_FRAME,
    USER_MODE_ONLY,
    WHO_RUNS_WHEN,
    Reason,
)
from pyemu.machine import run
from pyemu.tree import Tree

__all__ = [
    "Difference",
    "Side",
    "Sides",
    "emulated",
    "name_of",
    "next_door",
    "not_here",
    "recorded",
    "sides_of",
]

# What a busy machine may change, as long as another run agrees.
TIMED = {
    *("messages", "state_blocked", "state_after_action", "order"),
    *("handler_runs", "handler_before_resolve", "stopped_before_resolve"),
}
ORDER = "order"
_NOTED = {WAKES: SAMPLE, VICTIM_KILLED: NOT_TOLD, NOT_READ: NOT_COUNTED}


@dataclass(frozen=True, slots=True)
class Side:
    """What one of them did, in words.

    Attributes
    ----------
    who : str
        The kernel, the tree, the recording.
    outcome, messages, state, order, minor, major : tuple of str
        Each value that was seen, in the order of the runs; minor faults as the difference to ``none``.
    """

    who: str
    outcome: tuple[str, ...]
    messages: tuple[str, ...]
    state: tuple[str, ...]
    order: tuple[str, ...]
    minor: tuple[str, ...]
    major: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which the running kernel and the emulator differ.

    Attributes
    ----------
    name : str
        A field of a record, or ``order``.
    real, model : str
        The values.
    n_runs : int
        In how many runs.
    reason : Reason or None
        Why; None when nothing explains it.
    """

    name: str
    real: str
    model: str
    n_runs: int
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Sides:
    """All sides of an experiment.

    Attributes
    ----------
    name : str
        What was done.
    n_runs, n_agree : int
        How often, and in how many runs nothing differs. 0 runs: it is not to be had here.
    sides : tuple of Side
        The running kernel if it was asked, the emulator, and the recording if there is one.
    differences : tuple of Difference
        What is not as the emulator says.
    reasons : tuple of Reason
        What the comparison forgave or left out, and the reasons of the differences.
    """

    name: str
    n_runs: int
    n_agree: int
    sides: tuple[Side, ...]
    differences: tuple[Difference, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences without a reason."""
        return tuple(one for one in self.differences if one.reason is None)


@dataclass(slots=True)
class _Found:
    """Differences and reasons as they are found."""

    differing: dict[tuple[str, str, str], int] = field(default_factory=dict)
    reasons: dict[Reason, None] = field(default_factory=dict)


def sides_of(records: Sequence[Record], none: Record | None, orders: Sequence[Sequence[str]]) -> Sides:
    """Compare runs of one experiment with what the emulator and the recordings say.

    Parameters
    ----------
    records : sequence of Record
        One a run, of the running kernel.
    none : Record, optional
        The same access with the event ``none``: its minor faults are subtracted.
    orders : sequence of sequence of str
        What happened in each run, in order.

    Returns
    -------
    Sides
        With each difference and its reason.
    """
    done = records[0].done
    assert isinstance(done, Experiment)
    kernel = kernel_of(records[0].kernel)
    busy = busy_loop(done, kernel.tree)
    rows = [_row(record, none) for record in records]
    told = [tuple(folded(order) if busy else order) for order in orders]
    model = _order(done, kernel, busy)
    found, n_agree = _Found(), 0
    for row, order in zip(rows, told, strict=True):
        differing = {
            name: (str(p["expected"]), str(p["got"])) for name, p in row.comparison.differing.items()
        }
        if order != model:
            differing[ORDER] = (" ".join(order), " ".join(model))
        n_agree += not differing
        for name, (real, said) in differing.items():
            key = (name, real, said)
            found.differing[key] = found.differing.get(key, 0) + 1
        found.reasons |= dict.fromkeys(_noted(row))
    if busy:
        found.reasons[BUSY_LOOP] = None
    if done.user_mode_only and ACCESSES[done.access] is not Who.USER:
        found.reasons[USER_MODE_ONLY] = None
    differences = [
        Difference(name, real, said, n, _reason(name, rows, none, kernel, told, model))
        for (name, real, said), n in found.differing.items()
    ]
    values = [record.values for record in records]
    who = f"this kernel, {records[0].kernel}" + (f", {len(records)} runs" if len(records) > 1 else "")
    mine = _side(who, values, none.values if none else None, [" ".join(order) for order in told])
    record = recorded(done, kernel.label)
    if record is not None and series(record[1]) != series(kernel.label):
        found.reasons[OTHER_KERNEL] = None
    found.reasons |= dict.fromkeys(one.reason for one in differences if one.reason)
    return Sides(
        name_of(done),
        len(records),
        n_agree,
        (mine, emulated(done, kernel), *([record[0]] if record else [])),
        tuple(differences),
        tuple(found.reasons),
    )


def not_here(name: str, why: str, model: Side) -> Sides:
    """Give the sides of what this machine lacks something for: the emulator's alone, and the reason."""
    return Sides(name, 0, 0, (model,), (), (Reason("not here", why),))


def name_of(done: Experiment) -> str:
    """Name an experiment: access, event and, if it isn't private, the memory."""
    return f"{done.access} {done.event}" + ("" if done.mem == "anon" else f" {done.mem}")


def emulated(done: Experiment, kernel: Kernel) -> Side:
    """Give what the emulator does on the tree of a kernel."""
    alone = predict(replace(done, event="none"), kernel.tree, kernel.computer)
    got = predict(done, kernel.tree, kernel.computer)
    order = _order(done, kernel, busy_loop(done, kernel.tree))
    return _side(f"emulator, {kernel.emulated}", [got.fields], alone.fields, [" ".join(order)])


def recorded(done: Experiment, label: str) -> tuple[Side, str] | None:
    """Give what the nearest recorded kernel did, and its label; None where nothing is stored."""
    # To an access of user mode it makes no difference whether the userfaultfd serves others too.
    user_mode = ACCESSES[done.access] is Who.USER
    for kernel in sorted(stored.KERNELS, key=lambda one: abs(place(series(one)) - place(series(label)))):
        for one in (done, *([replace(done, user_mode_only=False)] if user_mode else [])):
            found, alone = (stored.find(kernel, which) for which in (one, replace(one, event="none")))
            if found is not None:
                told = alone.values if alone else None
                return _side(f"recorded {kernel}", [found.values], told, [""]), kernel
    return None


def _row(record: Record, none: Record | None, tree: Tree | None = None) -> Row:
    return replay([record] if none is None else [none, record], [record], tree)[0]


def _order(done: Experiment, kernel: Kernel, busy: bool) -> tuple[str, ...]:
    order = order_of(run(done.scenario(kernel.computer), kernel.tree))
    return tuple(folded(order) if busy else order)


def _noted(row: Row) -> list[Reason]:
    """Give the reasons of what the rules forgave or left out."""
    left_out = [_NOTED[why] for why in row.comparison.not_compared.values() if why in _NOTED and why != WAKES]
    return [*([SIGNAL_FRAME] if row.comparison.allowances else []), *left_out]


def _reason(
    name: str,
    rows: Sequence[Row],
    none: Record | None,
    kernel: Kernel,
    orders: Sequence[tuple[str, ...]],
    model: tuple[str, ...],
) -> Reason | None:
    """Find the reason of a field that differs in some run."""
    if name == ORDER:
        agrees = model in orders
    else:
        agrees = any(name not in row.comparison.differing for row in rows)
    if agrees and name in TIMED:
        return WHO_RUNS_WHEN
    if agrees and name in MINOR:
        return OWN_PAGES
    if kernel.nearest and name != ORDER and _said_next_door(name, rows, none, kernel):
        return NEAREST
    return None


def next_door(kernel: Kernel) -> list[Tree]:
    """Give the trees on both sides of a kernel that has none of its own, without the one that runs for it."""
    asked = place(series(kernel.label))
    older = [tree for one, tree in sorted(TREES.items()) if place(one) <= asked][-1:]
    newer = [tree for one, tree in sorted(TREES.items()) if place(one) >= asked][:1]
    return [tree for tree in (*older, *newer) if tree != kernel.tree]


def _said_next_door(name: str, rows: Sequence[Row], none: Record | None, kernel: Kernel) -> bool:
    """Say whether a tree on either side of this kernel says what each run did."""
    return any(
        all(name not in _row(row.record, none, tree).comparison.differing for row in rows)
        for tree in next_door(kernel)
    )


def _side(
    who: str,
    values: Sequence[Mapping[str, object]],
    none: Mapping[str, object] | None,
    orders: Sequence[str],
) -> Side:
    def texts(name: str) -> tuple[str, ...]:
        return tuple(str(one[name]) for one in values)

    killed = [one["outcome"] == KILLED for one in values]
    minor = [
        "-" if gone or none is None else f"{int(str(one['minflt'])) - int(str(none['minflt'])):+d}"
        for gone, one in zip(killed, values, strict=True)
    ]
    major = ["-" if gone else str(one["majflt"]) for gone, one in zip(killed, values, strict=True)]
    return Side(
        who,
        texts("outcome"),
        texts("messages"),
        texts("state_blocked"),
        tuple(orders),
        tuple(minor),
        tuple(major),
    )
