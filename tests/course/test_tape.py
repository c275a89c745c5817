"""What a learner's processes said is enough to judge it again."""

from __future__ import annotations

import gzip

import pytest

from course.checks.library import exercise_of
from course.child_functions import Answers
from course.handlers import ChildHandler
from course.tape import Diverged, Tape, played, recorded
from pyemu import Tree, run
from pyemu.errors import MaterialError
from pyemu.handler import HandlerFault
from tests.exercises.answers import master

NAME = "do_user_addr_fault"
SOURCE = f"print('hello')\n{master(exercise_of('e04_loop'))}"


def go(source: str = SOURCE, scenario: str = "S13") -> tuple[list[object], str]:
    with ChildHandler(source, NAME) as handler:
        result = run(scenario, Tree.after, {NAME: handler})
    return list(result.trace), handler.printed


def test_a_played_tape_gives_the_same_trace_and_prints_the_same(monkeypatch: pytest.MonkeyPatch):
    with recorded() as tape:
        real = go()
    monkeypatch.setattr("course.handlers.Process", None)  # none may be started
    with played(Tape.from_bytes(tape.to_bytes())):
        assert go() == real
    assert real[1] == "hello\n"
    assert len(real[0]) > 50


def test_a_fault_is_played_too():
    source = "def f():\n    return 1 / 0\n"
    with recorded() as tape, Answers(source, ["f"]) as answers, pytest.raises(HandlerFault):
        answers.call("f")
    with (
        played(tape),
        Answers(source, ["f"]) as answers,
        pytest.raises(HandlerFault, match="ZeroDivision") as found,
    ):
        answers.call("f")
    assert found.value.rule == "crash"


@pytest.mark.parametrize(
    ("source", "scenario"), [(SOURCE, "S10a"), (f"# other\n{SOURCE}", "S13")], ids=["scenario", "source"]
)
def test_another_question_is_noticed(source: str, scenario: str):
    with recorded() as tape:
        go()
    with played(tape), pytest.raises(Diverged):
        go(source, scenario)


def test_a_process_too_many_is_noticed():
    with recorded() as tape:
        go()
    with played(tape):
        go()
        with pytest.raises(Diverged, match="a process more"):
            go()


def test_equal_talks_give_equal_bytes():
    tapes = []
    for _ in range(2):
        with recorded() as tape:
            go()
        tapes.append(tape.to_bytes())
    assert tapes[0] == tapes[1]


DAMAGED = {
    "empty": b"",
    "noise": b"noise",
    "list": gzip.compress(b"[]", mtime=0),
    "newer": gzip.compress(b'{"version": 2}', mtime=0),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_tape_says_so(data: bytes):
    with pytest.raises(MaterialError, match="grade it again"):
        Tape.from_bytes(data)
