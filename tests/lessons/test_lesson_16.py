"""What lesson 16 says is what the compiler does, with and without one here; its tasks can be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course.compiled.building import why_not
from course.compiled.figures import kept
from course.material.nbval import run_nbval
from course.questions import questions_of
from tests.lessons.learner import FOLDER, Lesson, printed

LESSON = Lesson("16")
needs_compiler = pytest.mark.skipif(bool(why_not()), reason=why_not())


def marked(cell: str) -> list[str]:
    """The lines that a cell shows with a mark."""
    lines = LESSON.shown(cell).splitlines()
    return [line.partition("|")[2].strip() for line in lines if line.startswith("object")]


def test_only_the_walk_with_nine_types_is_fast() -> None:
    assert "The run gave less than 10 times as fast." in LESSON.shown("run-unchanged")
    assert "The run gave less than 50 times as fast." in LESSON.shown("run-typed")
    assert LESSON.shown("run-fast") == "more than 50 times as fast"
    assert "The run gave more than 10 times as fast." in LESSON.shown("run-calls")
    assert LESSON.shown("bounds-race") == "less than 2 times as fast"


def test_the_annotation_points_at_the_number_and_at_nothing_else() -> None:
    assert "table = entry & 0xFFFFFFFFFF000" in marked("trace-unchanged")
    assert len(marked("trace-unchanged")) > 3
    assert marked("trace-typed") == ["table = entry & 0xFFFFFFFFFF000"]
    assert marked("ninth") == marked("one-typed") == []
    assert [line.split()[-1] for line in marked("numbers-text")] == ["0x80000000", "63"]


def test_most_types_cost_most_of_the_speed_and_the_text_names_the_others() -> None:
    rows = [re.split(r"\s{2,}", line.strip()) for line in LESSON.shown("each").splitlines()[2:11]]
    harmless = {name for name, n, left in rows if left == "more than half"}
    assert harmless == {"root", "entry", "i"}
    assert {left for name, n, left in rows if name not in harmless} == {"less than a quarter"}
    assert all((n == "0") == (name in harmless) for name, n, _ in rows)
    text = LESSON.source("each-text")
    assert "Three can go" in text
    assert all(f"`{name}`" in text for name in harmless)


def test_what_is_kept_lies_far_from_the_marks() -> None:
    ratios = sorted(ratio for key, ratio in kept().items() if key.startswith("race"))
    bare, unchanged, calls_over_python, almost, batch, fast = ratios
    assert bare < 2 / 1.3
    assert unchanged < 10 / 2
    assert max(calls_over_python, almost) < 50 / 3
    assert batch > 10 * 2
    assert fast > 50 * 2
    (parts,) = (one for key, one in kept().items() if key.startswith("missing"))
    assert all(part < 0.25 / 1.5 or part > 0.5 * 1.3 for part in parts)


def test_the_traps_are_those_of_the_text() -> None:
    nx, frame = LESSON.shown("traps-run").splitlines()
    assert nx.split() == ["NX:", "-1", "and", "not", "1"]
    assert frame.split() == ["frame:", "0xbcdef", "and", "not", "0xabcdef"]
    checked, bare = LESSON.shown("bounds-code").splitlines()
    assert checked.startswith("IndexError")
    assert bare == "1234"
    assert "line 13: table = entry & 0xFFFFFFFFFF000" in LESSON.shown("refused")
    assert LESSON.shown("free") == "Cython translates the text."


@needs_compiler
@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        (("not entry & 1", "i"), "agree on all"),
        (("entry & 1 == 0", "i"), "agree on all"),
        (("not entry & 1", "None"), "how far it came"),
        (("entry & 1", "i"), "It stopped too early"),
        (("not entry & 1", "i + 1"), "It went on after a fault"),
    ],
)
def test_the_gaps_of_the_walk_are_judged(gaps: tuple[str, str], said: str, tmp_path: Path) -> None:
    cells = {"my-stop": {"if None": f"if {gaps[0]}", "return None": f"return {gaps[1]}"}}
    shown = printed(only("walk", "types", "ninth", "my-stop", "try-mine"), cells, tmp_path)
    assert said in " ".join(shown["try-mine"].split())


@needs_compiler
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('"table": "uint32_t"', "The high half is lost"),
        ('"entry": "uint32_t"', "The high half is lost"),
        ('"0xFFFFFFFFFF000": "uint32_t"', "The high half is lost"),
        ('"i": "unsigned char"', "didn't end in 10 seconds"),
        ('"entry": "int64_t"', "agree on all"),
        ('"shift": "long"', "agree on all"),
        ('"root": "int"', "agree on all"),
        ('"vas": "const uint32_t[::1]"', "Buffer dtype mismatch"),
    ],
)
def test_a_changed_type_is_fast_and_wrong_or_does_no_harm(change: str, said: str, tmp_path: Path) -> None:
    shown = printed(
        only("walk", "types", "ninth", "right", "break-it"),
        {"break-it": {'"shift": "int"': change}},
        tmp_path,
    )
    assert said in " ".join(shown["break-it"].split())


def only(*cells: str) -> dict[str, object]:
    """The notebook with some of its cells, and the imports."""
    wanted = {"setup", *cells}
    return {"cells": [one for one in LESSON.notebook["cells"] if one["id"] in wanted]}


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("16")
    for name, outcome in {
        "unchanged": "less than 10 times as fast",
        "typed": "less than 50 times as fast",
        "calls": "more than 10 times as fast",
    }.items():
        assert outcome in [one.outcome for one in questions[name].choices]


def test_without_a_compiler_every_cell_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    (path,) = FOLDER.glob("16-*.ipynb")
    assert [one for one in run_nbval(path) if one.outcome != "passed"] == []


def test_without_a_compiler_a_changed_text_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    cells = {"break-it": {'"shift": "int"': '"shift": "short"'}}
    said = printed(only("walk", "types", "ninth", "right", "break-it"), cells, tmp_path)["break-it"]
    assert "nothing was measured of this text elsewhere" in " ".join(said.split())
