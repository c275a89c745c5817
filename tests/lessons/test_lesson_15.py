"""What lesson 15 says is what the records and the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.conform.experiment import Experiment
from course.live.stored import experiment, script
from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("15")
RULE = """def more(one):
    return one["minflt"] - one["minflt_none"]


def agrees(real, model, spins, frame):
    same = all(real[name] == model[name] for name in ("outcome", "majflt", "handler_first"))
    told = spins or real["messages"] == model["messages"]
    return same and told and abs(more(real) - more(model)) <= frame
"""
STUB = LESSON.cell("my-rule")["source"]


def written(rule: str) -> dict[str, dict[str, str]]:
    return {"my-rule": {"".join(STUB): rule}}


def test_a_real_kernel_gave_sigbus_and_the_newer_one_the_value() -> None:
    assert LESSON.row("run-old", "outcome") == ["SIGBUS(code=2)", "SIGBUS(code=2)"]
    assert LESSON.row("run-old", "messages that M read") == ["1", "1"]
    assert LESSON.row("run-old", "minor faults") == ["2", "0", "*"]
    assert LESSON.row("run-new", "messages that M read") == ["2", "2"]
    assert LESSON.row("run-new", "minor faults") == ["1", "0", "*"]
    assert "The run gave minor faults." in LESSON.shown("reveal-fields")


def test_attempt_by_attempt_no_word_differs() -> None:
    for cell in ("trace-old", "trace-new", "trace-spin"):
        assert "*" not in LESSON.shown(cell)
    assert "h70 " in LESSON.shown("trace-old")
    assert "ALLOW_RETRY" not in LESSON.row("trace-old", "h70")[-1]
    assert LESSON.shown("trace-new").count("ALLOW_RETRY|KILLABLE|TRIED") == 2


def test_the_messages_of_a_busy_loop_agree_nowhere_and_its_outcome_everywhere() -> None:
    rows = [line.split() for line in LESSON.shown("run-spin").splitlines() if line.startswith(("5.", "6."))]
    assert [row[1] for row in rows] == ["4", "13", "7295"]
    assert {row[2] for row in rows} == {"3"}
    assert {word for row in rows for word in row[5:]} == {"ret=4096"}
    assert "The run gave 7295." in LESSON.shown("run-spin")


def test_the_hunt_finds_three_causes() -> None:
    rows = {name: LESSON.row("hunt", name) for name in ("none", "wake1", "stop")}
    assert rows["none"] == ["1", "+0", "+0", "1", "+0", "+0"]
    assert rows["wake1"] == ["2", "+1", "+0", "1", "+0", "+0"]
    assert rows["stop"] == ["2", "+1", "+1", "1", "+0", "+0"]
    stopped = experiment("5.4.59", Experiment("user_read", "stop")).values
    assert stopped["handler_runs"] == 0
    assert script("upto8", "S13").values["outcome"] == "SIGBUS(code=2)"
    assert "It counted 1 with SIGBUS and 1 without" in LESSON.source("hunt-one")
    assert "The kernel saw 2 page faults" in LESSON.source("hunt-one")


def test_patch_10_is_missed_in_one_counter_of_one_row() -> None:
    assert "The run gave v5_7-10." in LESSON.shown("run-notice")
    assert "v5_7-10  1 of 15  user_read stop: minor faults" in LESSON.shown("run-notice")
    assert LESSON.shown("own-notice").count("0 of 15") == 3


def test_the_newest_kernel_agrees_except_a_counter() -> None:
    assert LESSON.row("own-s13", "messages that M read") == ["2", "2", "2"]
    assert LESSON.row("own-s13", "major faults") == ["1", "1", "1"]
    assert LESSON.row("own-none", "outcome") == ["ret=5"] * 3
    assert LESSON.row("own-none", "minor faults") == ["1", "1", "0", "*"]
    assert LESSON.row("own-none", "major faults") == ["0", "0", "1", "*"]
    assert LESSON.row("own-copy", "outcome") == ["EFAULT", "EFAULT"]
    assert LESSON.row("own-copy", "messages that M read") == ["0", "0"]


def test_what_stands_there_at_first_is_too_strict() -> None:
    said = " ".join(LESSON.shown("try-rule").split())
    assert said.startswith("True pairs: 0 of 60 accepted. Too strict.")
    assert "A real clock is never twice the same" in said


def test_a_learner_can_do_all_of_it(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, written(RULE) | {"order-steps": {'""': '"B D C E H I G F"'}}, tmp_path)
    assert "True pairs: 60 of 60 accepted." in said["try-rule"]
    assert "False models: 7 of 7 noticed." in said["try-rule"]
    assert "All 8 lines are in place." in said["order-steps"]


def test_who_forgives_a_fault_everywhere_does_not_see_patch_10(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, written(RULE.replace("<= frame", "<= 1")), tmp_path)["try-rule"]
    assert "False models: 6 of 7 noticed." in said
    assert "It takes tree v5_7-10 for the real 5.7.14" in said


def test_the_kernel_that_runs_here_answers_or_it_is_said_why_not(tmp_path: Path) -> None:
    cells = ("own-s13", "own-none", "own-copy")
    edits = {cell: {'own_kernel(""': 'own_kernel("yes"'} for cell in cells}
    said = printed(LESSON.notebook, edits, tmp_path)
    for cell in cells:
        assert said[cell] == "" or said[cell].startswith(("You are an ordinary user", "Your kernel can't"))


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("15")
    for name, outcome in (("fields", "minor faults"), ("spin", "7295"), ("notice", "v5_7-10")):
        assert outcome in [one.outcome for one in questions[name].choices]
