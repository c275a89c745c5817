"""A learner's rule of comparing what a real kernel did with what a model says.

The rule meets true pairs, the recorded rows and the tree that stands for their kernel, and must accept all of
them. And it meets false ones, the same rows and a tree that is not theirs: of each such tree it must refuse
at least one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from course.asking import asked
from course.conform.experiment import Experiment
from course.conform.kernels import kernel_of
from course.conform.prediction import Prediction, predict
from course.conform.records import Record
from course.live import stored
from course.saying import say
from pyemu.tree import Tree

__all__ = ["FALSE", "facts", "try_agrees"]

Fields = dict[str, Any]
Rule = Callable[[Fields, Fields, bool, bool], object]

FALSE = {
    "5.4.59": ["v5_7"],
    "5.7.14": ["before", "v5_7-9", "v5_7-10", "v5_7-12-16", "v5_7-13", "v5_7-14"],
}
"""Kernel to trees that are not its own, each of which a good rule notices."""

# What a rule that is too strict stumbles over, and why a real kernel may differ there; the likeliest first.
_STRICT = {
    "blocked_us": "A real clock is never twice the same: no time can be compared exactly.",
    "messages": "In a busy loop the number of messages depends on who runs when: look at spins.",
    "minflt": (
        "The pages of the recording program are in it, and so is a signal frame: subtract minflt_none, on "
        "both sides, and allow one more or less where frame is true."
    ),
}
_LAX = {
    "v5_7-10": (
        "It shows in one row, by one minor fault, and no signal frame is written there: where frame is "
        "false, nothing may be forgiven."
    ),
    "v5_7-9": "Of a row with a signal, handler_first or the messages tell.",
}


def try_agrees(rule: Rule) -> None:
    """Let a rule judge true pairs and false ones, and say where it is too strict or too lax.

    Parameters
    ----------
    rule : callable
        ``agrees(real, model, spins, frame)``: two dictionaries with the same keys (``outcome``, ``messages``,
        ``majflt``, ``minflt``, ``minflt_none``, ``handler_first``, ``blocked_us``); whether the model says
        that the victim spins; whether a signal frame was written. True if the two agree.
    """
    n_true = n_accepted = 0
    refused = ""
    for kernel in stored.KERNELS:
        for record, real, model, spins, frame in _pairs(kernel, kernel_of(kernel).tree):
            given, failed = asked(rule, dict(real), dict(model), spins, frame)
            if failed:
                say(f"agrees failed: {failed}")
                return
            n_true, n_accepted = n_true + 1, n_accepted + bool(given)
            if not given and not refused:
                refused = _strict(rule, record, real, model, spins, frame)
    print(f"True pairs: {n_accepted} of {n_true} accepted.")
    if refused:
        say(f"Too strict. {refused}")
    missed = [
        (kernel, tree) for kernel, trees in FALSE.items() for tree in trees if _passes(rule, kernel, tree)
    ]
    n_false = sum(map(len, FALSE.values()))
    print(f"False models: {n_false - len(missed)} of {n_false} noticed.")
    if missed:
        kernel, tree = missed[-1]
        say(
            f"Too lax. It takes tree {tree} for the real {kernel}, in every row. {_LAX.get(tree, '')}".strip()
        )
    if not refused and not missed:
        say("Your rule forgives what the machine does, and nothing that the kernel does.")


def facts(
    record: Record, prediction: Prediction, none: Record, none_predicted: Prediction
) -> tuple[Fields, Fields]:
    """Give what a rule may compare, of the real kernel and of the model.

    Parameters
    ----------
    record, prediction : Record and Prediction
        What happened, and what the model says.
    none, none_predicted : Record and Prediction
        The same for the event ``none``.

    Returns
    -------
    tuple of dict
        With the same keys.
    """

    def one(values: dict[str, Any], alone: dict[str, Any]) -> Fields:
        names = ("outcome", "messages", "majflt", "minflt", "blocked_us")
        return {name: values[name] for name in names} | {
            "minflt_none": alone["minflt"],
            "handler_first": bool(values["handler_before_resolve"]),
        }

    return one(dict(record.values), dict(none.values)), one(
        dict(prediction.fields), dict(none_predicted.fields)
    )


def _pairs(kernel: str, tree: Tree) -> Iterator[tuple[Record, Fields, Fields, bool, bool]]:
    """Give each row of a kernel with what a tree says about it."""
    computer = kernel_of(kernel).computer
    for record in stored.stored():
        done = record.done
        if record.kernel != kernel or not isinstance(done, Experiment) or done.user_mode_only:
            continue
        alone = Experiment(done.access, "none")
        got = predict(done, tree, computer)
        real, model = facts(record, got, stored.experiment(kernel, alone), predict(alone, tree, computer))
        frame = int(record.values["handler_runs"]) > 0 or str(record.values["outcome"]).startswith("SIGBUS")
        yield record, real, model, got.spins, frame


def _passes(rule: Rule, kernel: str, tree: str) -> bool:
    """Say whether a rule accepts every row of a kernel for a tree."""
    return all(
        asked(rule, dict(real), dict(model), spins, frame)[0]
        for _, real, model, spins, frame in _pairs(kernel, Tree.parse(tree))
    )


def _strict(rule: Rule, record: Record, real: Fields, model: Fields, spins: bool, frame: bool) -> str:
    """Say what made a rule refuse a true pair: the field without which it would not have."""
    row = f"It refuses {record.values['access']} {record.values['event']} of the real {record.kernel}"
    told = {name: f"{name} is {real[name]}, the model says {model[name]}" for name in real}
    for name, why in _STRICT.items():
        mended = model | {name: real[name]}
        if name == "minflt":
            mended["minflt_none"] = real["minflt_none"]
        if real[name] != model[name] and asked(rule, dict(real), mended, spins, frame)[0]:
            return f"{row}: {told[name]}. {why}"
    for name, why in _STRICT.items():
        if real[name] != model[name]:
            return f"{row}. Among others, {told[name]}. {why}"
    return f"{row}, where nothing differs."
