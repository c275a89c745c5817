"""What answers have said is known: a case is played for each that says something new, and for no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import conversations
from course.child_functions import Answers
from course.conversations import Conversations, Talk
from course.handlers import start_process
from course.tape import recorded
from pyemu import wire
from pyemu.errors import WireError
from pyemu.handler import HandlerFault

Told = tuple[list[Any], str]

COUNTS = "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n * x\n"
COUNTS_ELSEWHERE = f"# the same,\n# further down\n{COUNTS}"
STOPS = COUNTS.replace("n * x", "n * x if n < 3 else -1")
PRINTS = COUNTS.replace("    return", "    print(n)\n    return")
RAISES = COUNTS.replace("    return", "    1 / (3 - n)\n    return")
SAME_END = COUNTS.replace("n * x", "n * x if n == 3 else 0")


class Case:
    """Asks for f of a few numbers, and counts how often it was played."""

    def __init__(self) -> None:
        self.known: Conversations[Told] = Conversations(start_process)
        self.n_played = 0

    def play(self, source: str) -> tuple[Told, bool]:
        self.n_played += 1
        with Answers(source, ["f"]) as answers:
            given = [answers.call("f", x) for x in (10, 20, 30)]
        return (given, answers.printed), True

    def result(self, source: str) -> Told:
        return self.known.result(source, lambda: self.play(source))


def test_an_answer_that_says_the_same_needs_no_playing():
    case = Case()
    assert case.result(COUNTS) == case.result(COUNTS_ELSEWHERE) == ([10, 40, 90], "")
    assert case.n_played == 1


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (STOPS, ([10, 40, -1], "")),
        (PRINTS, ([10, 40, 90], "1\n2\n3\n")),
        (SAME_END, ([0, 0, 90], "")),
    ],
)
def test_what_an_answer_says_anew_counts_and_nothing_is_asked_twice(other: str, told: Told):
    case = Case()
    case.result(COUNTS)
    assert case.result(other) == told
    assert case.result(COUNTS) == ([10, 40, 90], "")
    assert case.result(other) == told
    assert case.n_played == 2


def test_a_fault_in_the_middle_is_that_of_the_answer_itself_and_is_not_kept():
    case = Case()
    case.result(COUNTS)
    for lines in range(3):
        with pytest.raises(HandlerFault, match=rf"ZeroDivisionError.*line {lines + 5}"):
            case.result("\n" * lines + RAISES)
    assert case.n_played == 4


def test_the_tape_of_an_answer_that_is_known_is_the_same():
    case = Case()
    tapes = []
    for _ in range(3):
        with recorded() as tape:
            case.result(PRINTS)
        tapes.append(tape.to_bytes())
    assert case.n_played == 1
    assert tapes[0] == tapes[1] == tapes[2]


def test_what_depends_on_more_than_words_is_not_kept():
    case = Case()

    def play() -> tuple[Told, bool]:
        talk = conversations.talk_in_use()
        assert talk is not None
        talk.leaves_out()
        return case.play(COUNTS)

    for _ in range(2):
        case.known.result(COUNTS, play)
    assert case.n_played == 2


def test_what_was_decided_without_running_the_answer_is_not_kept():
    known: Conversations[int] = Conversations(start_process)
    assert known.result("", lambda: (0, True)) == 0
    assert known.result("", lambda: (1, True)) == 1


def test_a_case_that_may_not_be_kept_is_played_again():
    case = Case()
    for n in range(2):
        case.known.result(COUNTS, lambda: (case.play(COUNTS)[0], False))
        assert case.n_played == n + 1


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversations, "MOST_STEPS", 10)
    case = Case()
    for source in (COUNTS, STOPS, STOPS, COUNTS):
        case.result(source)
    assert case.known.n_steps <= 10
    assert case.n_played == 3


def test_a_talk_that_is_interrupted_leaves_no_process():
    talk = Talk(COUNTS, start_process)
    process = talk.process()
    process.exchange(wire.encode("define", COUNTS, ["f"]))
    talk.close()
    with pytest.raises(KeyError):
        process.printed()


# ------------------------------------------------------------------------------------------ what is the same

_TEXTS = st.text(alphabet='",[]\\x\n\x00ü ', max_size=6)
_ANSWERS = st.tuples(st.just("effect"), st.integers(0, 3), _TEXTS, st.lists(_TEXTS, max_size=2), _TEXTS)


@given(_ANSWERS, st.integers(0, 80), st.integers(0, 3), st.binary(max_size=4))
def test_two_answers_that_count_as_the_same_differ_in_a_line_only(
    words: tuple[Any, ...], place: int, n_cut: int, put: bytes
):
    answer = wire.encode(*words)
    place = min(place, len(answer))
    changed = answer[:place] + put + answer[place + n_cut :]
    if conversations._key(answer) == conversations._key(changed):
        assert wire.decode(changed)[:-1] == wire.decode(answer)[:-1]


@pytest.mark.parametrize(
    "forged",
    [
        b'["effect",1,"up_read",{"tuple":[]},"x"\n',
        b'["effect",1,"up_read",{"tuple":[]},"\x00"]\n',
        b'["effect",1,"up_read",{"tuple":[]},"\\"]\n',
        b'["effect",1,"up_read",{"tuple":[]},"x","y"]\n',
        b'["effect",1,"up_read",{"tuple":[]},"\xff"]\n',
        b'["effect",1,"up_read",{"tuple":[]},"x"]\n\n',
    ],
)
def test_what_is_no_message_looks_like_none(forged: bytes):
    honest = wire.encode("effect", 1, "up_read", {"tuple": []}, " (line 3)")
    assert conversations._key(forged) != conversations._key(honest)
    assert conversations._key(honest) == conversations._key(honest.replace(b"3", b"14"))
    if forged.count(b"\n") == 1 and b"y" not in forged:
        with pytest.raises((WireError, json.JSONDecodeError)):
            wire.decode(forged)
