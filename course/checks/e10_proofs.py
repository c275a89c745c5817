"""A learner's proof that nothing can be seen of a patch, tried on the patch and on planted mistakes.

A proof is made of functions of the learner: ``domain`` gives the inputs, ``same`` asks both sides about one
input and compares, ``happens`` says whether an input can happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course.checks.call_case import CallCase, Unwritten
from course.child_functions import Answers
from course.series.asked import PARTS, Case, Part
from pyemu.handler import HandlerFault

__all__ = [
    *("CAN", "CANNOT", "FIRST", "LEFT_OUT", "MISSED", "SEEN", "TABLE", "TREES", "UNKNOWN"),
    *("planted", "proof_case"),
]

LEFT_OUT = "inputs left out"
UNKNOWN = "inputs that are none"
TREES = "trees compared, by their patches"
SEEN = "inputs said to differ that don't"
MISSED = "inputs said to be equal that differ"
CAN = "inputs said to happen that can't"
CANNOT = "inputs said to be impossible that can happen"
FIRST = "the patch that must come before 16"
TABLE = "BEFORE_16"


def planted(what: str) -> str:
    """Give the name under which a proof tells of a planted mistake."""
    return f"the proof, when {what}"


def proof_case(letter: str) -> CallCase:
    """Give the case of a part: its proof is whole, and rejects each planted mistake."""
    part = PARTS[letter]
    wanted: dict[str, Any] = {LEFT_OUT: (), UNKNOWN: (), TREES: (part.patch - 1, part.patch)}
    wanted |= {SEEN: (), MISSED: ()} | {planted(what): "fails" for what in part.planted}
    if letter in "bc":
        wanted |= {CAN: (), CANNOT: ()}
    if letter == "b":
        wanted[FIRST] = 15

    def look(answers: Answers) -> dict[str, Any]:
        return _tried(answers, letter, part)

    happens = (
        f"Your functions compare {part.patch - 1} patches with {part.patch}, on every input of yours. Then "
        "mistakes are planted, one at a time."
    )
    return CallCase(f"part {letter}", happens, look, wanted, {"part": part}, _said)


def _said(name: str, value: Any) -> str:
    if name in (TREES, FIRST) or not isinstance(value, tuple):
        return f"{name}: {value}"
    return f"{name}: {len(value)}, such as {value[0]}" if value else f"{name}: none"


def _tried(answers: Answers, letter: str, part: Part) -> dict[str, Any]:
    """Try a proof; give lists of inputs, the trees that it asked for, and what it says of each mistake."""
    given = answers.call(f"domain_{letter}")
    if not given:
        raise Unwritten(f"domain_{letter} gives no input yet.")
    try:
        chosen = set(given)
    except TypeError:
        raise HandlerFault("wrong result", f"domain_{letter} must give a list of tuples.") from None
    cases = [case for case in part.cases() if case in chosen]
    asked: set[int] = set()

    def same(case: Case, mistake: str = "") -> bool:
        def decide(patches: int, one: Case) -> Any:
            decision = part.decide(patches, one, mistake)
            asked.add(patches)
            return decision

        return _truth(answers, f"same_{letter}", decide, case)

    equal = {case: same(case) for case in cases}
    found: dict[str, Any] = {
        LEFT_OUT: tuple(case for case in part.cases() if case not in chosen),
        UNKNOWN: tuple(sorted(chosen - part.inputs, key=repr)),
        SEEN: tuple(case for case in cases if part.same(case) and not equal[case]),
        MISSED: tuple(case for case in cases if equal[case] and not part.same(case)),
    }
    for what, side in part.planted.items():
        telling = [case for case in cases if part.same(case) and not part.same(case, side)]
        found[planted(what)] = "holds" if all(same(case, what) for case in telling) else "fails"
    found[TREES] = tuple(sorted(asked))
    if letter in "bc":
        happens = {case: _truth(answers, f"happens_{letter}", case) for case in cases}
        found[CAN] = tuple(case for case in cases if happens[case] and not part.happens(case))
        found[CANNOT] = tuple(case for case in cases if part.happens(case) and not happens[case])
    if letter == "b":
        found[FIRST] = answers.value(TABLE)
        if found[FIRST] is None:
            raise Unwritten(f"{TABLE} still is None.")
    return found


def _truth(answers: Answers, name: str, *args: Case | Callable[..., Any]) -> bool:
    """Ask a function that says yes or no; None is no answer."""
    said = answers.call(name, *args)
    if said is None:
        raise Unwritten(f"{name} gives None.")
    return bool(said)
