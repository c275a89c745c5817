"""A scenario that a learner writes is read, or it is said why it can't be."""

from __future__ import annotations

import pytest

from course.checks.call_case import Unwritten
from course.checks.sketched import scenario_of
from course.sketch import sketch
from pyemu.handler import HandlerFault

WORDS = {"T": "read 1", "M": "wait_message; copy 1"}


def test_it_is_the_scenario_of_the_same_words():
    assert scenario_of(WORDS, "MINE") == sketch("MINE", **WORDS)


@pytest.mark.parametrize("words", [None, {**WORDS, "M": None}])
def test_what_still_holds_none_is_not_written_yet(words: object):
    with pytest.raises(Unwritten, match=r"^MINE still holds None\.$"):
        scenario_of(words, "MINE")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("read 1", "MINE must be a dict of texts"),
        ({1: "read 1"}, "MINE must be a dict of texts"),
        ({"T": 1}, "MINE must be a dict of texts"),
        ({"T": "read 1;" * 80}, "MINE is too large: at most 10 keys, and 400 characters for each"),
        ({f"T{n}": "read 1" for n in range(11)}, "MINE is too large"),
        ({"M": "copy 1"}, "MINE has no task T: add its steps, such as 'T': 'read 1'"),
        ({"T": "reed 1"}, "MINE is no scenario: task T: 'reed' is no step"),
        ({**WORDS, "area": "disk"}, "MINE is no scenario: area is 'disk'"),
    ],
)
def test_what_is_no_scenario_is_told_why(words: object, message: str):
    with pytest.raises(HandlerFault) as refused:
        scenario_of(words, "MINE")
    assert message in str(refused.value)
