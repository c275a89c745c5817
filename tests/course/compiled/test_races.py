"""A ratio is told in rounded words; what can't be compiled is told and doesn't raise."""

from __future__ import annotations

import pytest

from course.compiled import Calls, Compiled, Python, ask, each_missing, figures, race
from course.compiled.building import why_not
from course.compiled.figures import compiler, figure, kept
from course.compiled.races import Race, rounded
from course.views.steps import WIDGET_VIEW
from pyemu.errors import NoCompilerError

needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())
NOTHING = "def walk_all(ram, root, vas, pas):\n    pass"
LOOP = "def walk_all(ram, root, vas, pas):\n    for va in vas:\n        pass"


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (9.9, "less than 10 times as fast"),
        (10.0, "10 to 50 times as fast"),
        (49.0, "10 to 50 times as fast"),
        (50.0, "more than 50 times as fast"),
    ],
)
def test_a_ratio_lies_between_its_marks(ratio: float, said: str) -> None:
    assert Race(ratio, (10, 50)).outcome == said


@pytest.mark.parametrize(("ratio", "said"), [(1.74, "2"), (7.4, "7"), (234.0, "200"), (3456.0, "3,000")])
def test_a_ratio_is_worth_one_digit(ratio: float, said: str) -> None:
    assert rounded(ratio) == said


@needs_compiler
def test_the_faster_one_wins() -> None:
    assert race(Python(LOOP), Python(NOTHING), 2).outcome == "more than 2 times as fast"
    assert race(Python(NOTHING), Python(LOOP), 2).outcome == "less than 2 times as fast"
    one = "def walk_one(ram, root, va):\n    return va"
    assert race(Calls(one), Compiled(NOTHING), 10).outcome == "more than 10 times as fast"


@needs_compiler
def test_the_number_itself_is_in_a_widget_alone() -> None:
    bundle = Race(123.0, (50,))._repr_mimebundle_()
    assert bundle.pop(WIDGET_VIEW)["model_id"]
    assert bundle == {"text/plain": "more than 50 times as fast"}


@needs_compiler
def test_a_text_that_is_refused_is_told() -> None:
    assert "undeclared name" in race(Python(NOTHING), Compiled("def f():\n    nothing")).outcome
    assert "undeclared name" in str(each_missing("def f(a):\n    a = nothing", {"a": "int"}))
    assert "undeclared name" in ask("def f():\n    return nothing", "f")


@needs_compiler
def test_an_exception_of_a_function_is_its_answer() -> None:
    assert ask("def f(int n):\n    return 1 // n", "f", 0).startswith("ZeroDivisionError")
    assert ask("def f(int n):\n    return n + 1", "f", 1) == 2


def test_without_a_compiler_the_lesson_says_so_and_its_text_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    text = compiler().text
    monkeypatch.setenv("CC", "no-such-compiler")
    assert compiler().text == text
    assert "no C compiler (no-such-compiler)" in compiler().more
    assert compiler()._repr_mimebundle_()[WIDGET_VIEW]["model_id"]


def test_without_a_compiler_figures_are_those_of_the_same_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    key = figures._key("race", "these texts")
    monkeypatch.setattr(figures, "kept", lambda: {key: 7})
    assert figure("race", "these texts", lambda: 8) == 7
    with pytest.raises(NoCompilerError, match="nothing was measured"):
        figure("race", "other texts", lambda: 8)


def test_the_file_of_figures_has_figures_of_each_kind() -> None:
    kinds = {key.split()[0] for key in kept()}
    assert kinds == {"ask", "lines", "missing", "race", "refusal", "serve", "try"}
