"""Every kind of event that a view shows has a phrase that makes a sentence."""

from __future__ import annotations

import pytest

from course.views.words import SHOWN, Names, phrase, sentence
from pyemu.trace import KINDS, Event, Trace


def event(name: str) -> Event:
    kind = next(one for one in KINDS if one.name == name)
    a, b = ("outcome" if one.endswith("_name") else 1 if one else 0 for one in (kind.a, kind.b))
    return Event(0, 0, 1, 0, 0, name, a, b)


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
def test_a_kind_of_event_is_shown_with_words_or_not_at_all(name: str):
    words = phrase(Names.of(Trace(("T",))), event(name))
    assert bool(words) == (name in SHOWN)
    assert words == words.strip()


def test_every_kind_of_the_story_is_shown():
    assert {kind.name for kind in KINDS if kind.level == 0} <= SHOWN


def test_the_only_page_of_a_trace_is_called_the_page():
    one, two = Trace(("T",)), Trace(("T",))
    one.add(0, 0, 1, 0, 0, "access", 0x1010, "read")
    for va in (0x1010, 0x2000):
        two.add(0, 0, 1, 0, 0, "access", va, "read")
    message = Event(0, 0, 1, 0, 0, "message", 0x1000, 0)
    assert phrase(Names.of(one), message) == "sends the monitor a message: the page is missing"
    assert phrase(Names.of(two), message) == "sends the monitor a message: page 0x1000 is missing"


def test_a_sentence_has_a_subject_and_one_full_stop():
    assert sentence("T", "ends") == "T ends."
    assert sentence("-", "stands still: nobody runs.") == "The machine stands still: nobody runs."
