"""Predictions and answers: asked the same way each time, kept in the working copy, compared with the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course import workcopy
from course.notes import note, noted
from course.predictions import answer, predict, reveal
from course.questions import load_question, questions_of
from pyemu.errors import MaterialError

QUESTIONS = """
[wake]
ask = "What does it give?"
choices = [{ text = "the value", outcome = "ret=5" }, { text = "a signal", outcome = "SIGBUS(code=2)" }]

[rerun]
ask = "Who?"
choices = [
    { text = "the kernel", right = true, why = "It loops." },
    { text = "the CPU", why = "It is still inside the kernel." },
]
"""


def with_choices(choices: str) -> str:
    return f"[q]\nask = 'x'\nchoices = [{choices}]\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with two questions, and a working copy whose lessons are the current folder."""
    (tmp_path / "course" / "lessons").mkdir(parents=True)
    (tmp_path / "course" / "lessons" / "00-first.toml").write_text(QUESTIONS)
    monkeypatch.setattr("course.questionfile.material", lambda kind: tmp_path / "course" / kind)
    copy = tmp_path / "copy"
    (copy / "lessons").mkdir(parents=True)
    (copy / ".faultlab").mkdir()
    (copy / workcopy.MANIFEST).write_text("{}")
    monkeypatch.chdir(copy / "lessons")
    return copy


def test_a_question_is_shown_with_its_choices_and_what_to_do(capsys: pytest.CaptureFixture[str]):
    predict("00-wake")
    assert capsys.readouterr().out.splitlines() == [
        "What does it give?",
        "  A  the value",
        "  B  a signal",
        "",
        'Your prediction: none yet. Choose "A" or "B", for example predict("00-wake", "A"), and run this',
        "cell again.",
    ]


def test_nothing_is_stored_before_a_choice(here: Path):
    predict("00-wake", "")
    reveal("00-wake", "ret=5")
    answer("00-rerun", "")
    assert not (here / ".faultlab" / "predictions.json").exists()


def test_a_prediction_is_kept_in_the_working_copy_the_same_way_each_time(here: Path):
    predict("00-wake", "b")
    path = here / ".faultlab" / "predictions.json"
    stored = path.read_bytes()
    assert json.loads(stored) == {"version": 1, "questions": {"00-wake": {"first": "B", "choice": "B"}}}
    predict("00-wake", " B ")
    assert path.read_bytes() == stored


def test_outside_a_working_copy_it_is_kept_beside_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    alone = tmp_path / "alone"
    alone.mkdir()
    monkeypatch.chdir(alone)
    predict("00-wake", "A")
    assert noted("00-wake", alone) == {"first": "A", "choice": "A"}
    assert (alone / ".faultlab" / "predictions.json").is_file()


@pytest.mark.parametrize("wrong", ["C", "AB", "the value", 2, None])
def test_a_choice_that_does_not_exist_is_told_with_those_that_do(
    wrong: str, capsys: pytest.CaptureFixture[str]
):
    predict("00-wake", wrong)
    said = capsys.readouterr().out
    assert f"{wrong!r} is none of the choices" in said
    assert 'Choose "A" or "B"' in said
    assert noted("00-wake") == {}


def test_the_run_is_revealed_without_a_prediction_and_reminds(capsys: pytest.CaptureFixture[str]):
    reveal("00-wake", "SIGBUS(code=2)")
    said = capsys.readouterr().out
    assert said.startswith("The run gave SIGBUS(code=2). That is B: a signal\n")
    assert "You made no prediction" in said


@pytest.mark.parametrize(
    ("choice", "words"), [("B", "B: it came true"), ("A", "You predicted A. Good to know")]
)
def test_a_prediction_is_compared_with_the_run(choice: str, words: str, capsys: pytest.CaptureFixture[str]):
    predict("00-wake", choice)
    reveal("00-wake", "SIGBUS(code=2)")
    assert words in capsys.readouterr().out
    assert noted("00-wake") == {"first": choice, "choice": choice, "run": "B"}


def test_the_first_prediction_stays_when_it_is_changed_later():
    predict("00-wake", "A")
    reveal("00-wake", "SIGBUS(code=2)")
    predict("00-wake", "B")
    assert noted("00-wake") == {"first": "A", "choice": "B", "run": "B"}


def test_a_kept_prediction_is_shown_again(capsys: pytest.CaptureFixture[str]):
    predict("00-wake", "A")
    capsys.readouterr()
    predict("00-wake", "")
    assert "Your prediction: A." in capsys.readouterr().out


def test_a_run_that_gives_something_else_is_told_in_words(capsys: pytest.CaptureFixture[str]):
    reveal("00-wake", "killed:9")
    assert "none of the choices (ret=5, SIGBUS(code=2))" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("choice", "words"),
    [("A", "A is right. It loops."), ("B", "B is not right. It is still inside the kernel. Choose again.")],
)
def test_each_answer_has_its_own_feedback(choice: str, words: str, capsys: pytest.CaptureFixture[str]):
    answer("00-rerun", choice)
    assert capsys.readouterr().out.splitlines()[-1] == words
    assert noted("00-rerun")["choice"] == choice


def test_an_unanswered_question_gives_nothing_away(capsys: pytest.CaptureFixture[str]):
    answer("00-rerun")
    said = capsys.readouterr().out
    assert "It loops" not in said
    assert "right" not in said


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1, "questions": {"a": 1}}'])
def test_a_damaged_file_is_left_alone_and_the_lesson_goes_on(
    text: str, here: Path, capsys: pytest.CaptureFixture[str]
):
    path = here / ".faultlab" / "predictions.json"
    path.write_text(text)
    predict("00-wake", "B")
    reveal("00-wake", "ret=5")
    said = capsys.readouterr().out.replace("\n", " ")
    assert "can't be read" in said
    assert "Your prediction: B" in said
    assert "The run gave ret=5" in said
    assert path.read_text() == text


def test_notes_of_other_questions_stay():
    note("00-wake", choice="A")
    note("00-rerun", choice="B")
    assert noted("00-wake")["choice"] == "A"


def test_an_unknown_question_is_told_with_those_that_exist():
    with pytest.raises(MaterialError, match="no question '00-wak'; lesson '00' has: 00-wake, 00-rerun"):
        load_question("00-wak")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[q\n", "is not TOML"),
        ("q = 1\n", "has the keys 'ask'"),
        ("[q]\nask = 'x'\n", "has the keys 'ask'"),
        (with_choices("{ text = 'a', outcome = '1' }"), "two or more"),
        (with_choices("{ text = 'a', colour = '1' }, { text = 'b' }"), "choice A"),
        (with_choices("{ text = 'a', right = 'yes' }, { text = 'b' }"), "'right' is 'yes', not a bool"),
        (with_choices("{ text = 'a', outcome = '1' }, { text = 'b', outcome = '1' }"), "of its own"),
        (with_choices("{ text = 'a', right = true, why = 'w' }, { text = 'b' }"), "each has a 'why'"),
        (with_choices("{ text = 'a', right = true, why = 'w' }, " * 2), "one is 'right'"),
    ],
)
def test_a_malformed_question_is_told_with_file_question_and_rule(text: str, words: str, tmp_path: Path):
    (tmp_path / "course" / "lessons" / "01-bad.toml").write_text(text)
    with pytest.raises(MaterialError, match=words) as error:
        questions_of("01")
    assert "01-bad.toml" in str(error.value)


def test_the_last_prediction_of_a_lesson_brings_its_score(capsys: pytest.CaptureFixture[str]):
    predict("00-wake", "A")
    reveal("00-wake", "ret=5")
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "That was the last prediction of this lesson. 1 of 1 came true at the first choice."


def test_a_score_counts_the_first_choice_and_comes_with_the_last_prediction_only(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    path = here.parent / "course" / "lessons" / "00-first.toml"
    path.write_text(QUESTIONS + QUESTIONS[: QUESTIONS.index("[rerun]")].replace("[wake]", "[again]"))
    for name, choices in (("00-wake", "BA"), ("00-again", "A")):
        for choice in choices:
            predict(name, choice)
        reveal(name, "ret=5")
        if name == "00-wake":
            assert "last prediction" not in capsys.readouterr().out
    assert "1 of 2 came true at the first choice." in capsys.readouterr().out
