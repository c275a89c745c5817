"""What holds for each lesson: no answer in it, each choice answered, spelt right, and no need of numpy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from course.curriculum import lesson_place
from course.gaps import gaps_of
from course.ordering import orderings_of
from course.predictions import answer, fill, order
from course.questions import questions_of
from tests.lessons.learner import code_cells
from tests.material.spelling import misspelt, texts

NOTEBOOKS = sorted((Path(__file__).parents[2] / "lessons").glob("*.ipynb"), key=lesson_place)
LESSONS = {path.name.split("-")[0]: path for path in NOTEBOOKS}
# A prediction is compared with a run and explains nothing; a question says why each choice is right or wrong.
EXPLAINED = [
    (lesson, name) for lesson in LESSONS for name, one in questions_of(lesson).items() if one.choices[0].why
]


def test_each_lesson_has_its_two_questions() -> None:
    explained = Counter(lesson for lesson, _ in EXPLAINED)
    assert {lesson for lesson in LESSONS if explained[lesson] < 2} == set()


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_notebook_gives_no_answer_away(lesson: str) -> None:
    text = json.dumps(json.loads(LESSONS[lesson].read_text(encoding="utf-8")))
    whys = [choice.why for one in questions_of(lesson).values() for choice in one.choices if choice.why]
    whys += [line.why for one in orderings_of(lesson).values() for line in (*one.lines, *one.extra)]
    gaps = [gap for one in gaps_of(lesson).values() for gap in one.gaps.values()]
    whys += [why for gap in gaps for why in (gap.hint, *(why for _, why in gap.wrong))]
    assert [why for why in whys if why in text] == []


@pytest.mark.parametrize(("lesson", "name"), EXPLAINED)
def test_every_choice_of_a_question_is_answered(
    lesson: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for choice in questions_of(lesson)[name].choices:
        answer(f"{lesson}-{name}", choice.letter)
        said = capsys.readouterr().out
        assert ("is right" in said) == choice.right


@pytest.mark.parametrize("lesson", LESSONS)
def test_lines_and_gaps_can_be_done(
    lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, one in orderings_of(lesson).items():
        letters = {line.text: letter for letter, line in one.lettered.items()}
        if len(letters) == len(one.lettered):  # lines that look alike have a test of their own
            order(f"{lesson}-{name}", "".join(letters[line.text] for line in one.lines))
            assert f"All {len(one.lines)} lines are in place." in capsys.readouterr().out
    for name, task in gaps_of(lesson).items():
        fill(f"{lesson}-{name}", **{gap: one.right[0] for gap, one in task.gaps.items()})
        assert "not right" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".py", ".toml"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_it_is_spelt_right(lesson: str, suffix: str) -> None:
    path = LESSONS[lesson].with_suffix(suffix)
    assert misspelt("\n\n".join(texts(path))) == [], "mend it, or add a term to tests/material/words.txt"


@pytest.mark.parametrize("lesson", LESSONS)
def test_it_needs_no_numpy(lesson: str, tmp_path: Path) -> None:
    cells = code_cells(json.loads(LESSONS[lesson].read_text(encoding="utf-8")), {})
    script = "import sys\nsys.modules['numpy'] = None\n" + "\n".join(cells.values())
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=tmp_path)
