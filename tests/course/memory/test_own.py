"""A learner's expectations of page faults, compared access by access; a function, fault by fault."""

from __future__ import annotations

import pytest

from course.memory import own_faults, try_fault
from course.memory.own import SEVEN, Decide
from course.memory.touch import touch
from pyemu.errors import FaultlabError


def right(letter: str) -> list[str]:
    """What an expectation of a sequence has to be."""
    steps, file = SEVEN[letter]
    return [
        f"{one.faults[0].error_code:#x} {one.faults[0].cr2:#x} {one.faults[0].counted}"
        if one.faults
        else "no"
        for one in touch(*steps, file=file).accesses
        if one.step.accesses
    ]


def test_right_expectations_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    own_faults(**{letter: right(letter) for letter in SEVEN})
    assert capsys.readouterr().out == "All 15 accesses are right.\n"


@pytest.mark.parametrize(
    ("letter", "place", "own", "said"),
    [
        ("A", 0, "no", "it does fault"),
        ("A", 0, "0x7 0x5010 minor", "bit 0x1"),
        ("B", 0, "0x6 0x6010 minor", "bit 0x2"),
        ("C", 1, "0x0 0x5010 minor", "bit 0x4"),
        ("D", 1, "0x7 0x5000 neither", "the whole address"),
        ("D", 1, "0x7 0x5ff8 minor", "ends in an error"),
        ("F", 0, "0x4 0x5010 minor", "had to wait"),
        ("G", 1, "0x4 0x5010 minor", "mapped already"),
        ("E", 0, "?", "not yet"),
        ("E", 0, "0x4", "three words"),
        ("E", 0, "four 0x9010 minor", "are numbers"),
        ("E", 0, "0x4 0x9010 many", "must be minor"),
    ],
)
def test_a_wrong_expectation_hears_what_to_look_at_and_not_what_is_right(
    letter: str, place: int, own: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = right(letter)
    texts[place], wanted = own, texts[place]
    own_faults(**{letter: texts})
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert wanted == "no" or wanted not in out


def test_a_sequence_has_a_known_letter_and_a_text_for_each_access() -> None:
    with pytest.raises(FaultlabError, match="no sequence 'X'"):
        own_faults(X=["no"])
    with pytest.raises(FaultlabError, match="needs 2 texts"):
        own_faults(A=["no"])


def decide(area: str, write: bool, present: bool, owners: int) -> str:
    if not area:
        return "SIGSEGV 1"
    if write and area == "r":
        return "SIGSEGV 2"
    if not present:
        return "fresh frame" if write else "zero page"
    return "same frame" if owners == 1 else "fresh frame"


def test_the_rules_of_the_lesson_are_those_of_the_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    try_fault(decide)
    assert "agree on all 127 faults of 60 sequences" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda a, w, p, o: "?", "gap is still open"),
        (lambda a, w, p, o: "copy it", "one of the five words"),
        (lambda a, w, p, o: 1 / 0, "ZeroDivisionError"),
        (lambda a, w, p, o: "fresh frame" if a and not p else decide(a, w, p, o), "all such pages share one"),
        (
            lambda a, w, p, o: "same frame" if a and p else decide(a, w, p, o),
            "Another process has this frame",
        ),
        (lambda a, w, p, o: "fresh frame" if p and a == "rw" else decide(a, w, p, o), "Who else has this"),
        (lambda a, w, p, o: "zero page" if a == "rw" and not p else decide(a, w, p, o), "frame of its own"),
    ],
)
def test_a_wrong_function_hears_why(wrong: Decide, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_fault(wrong)
    assert said in " ".join(capsys.readouterr().out.split())
