"""Terms in lessons: each once a lesson, not before it is taught, and each word where it is taught."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from course.curriculum import LESSONS, lesson_number, lesson_place
from course.glossary import explain, terms

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    (path for path in (ROOT / "lessons").glob("*.py") if path.stem != "__init__"), key=lesson_place
)
LINK = re.compile(r"\[[^\]\n]+\]\(term:([^)\n]+)\)")


def linked(path: Path) -> list[str]:
    """The terms that a lesson's source links to."""
    return [explain(name).name for name in LINK.findall(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_term_is_linked_once_and_not_before_it_is_taught(path: Path) -> None:
    found, place = linked(path), LESSONS.index(lesson_number(path))
    assert sorted(set(found)) == sorted(found)
    assert [name for name in found if LESSONS.index(explain(name).lessons[0]) > place] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_heading_is_a_term(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("# #") and LINK.search(line)] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_notebook_says_what_each_linked_term_means(path: Path) -> None:
    cells = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    prose = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert len(re.findall(r'<abbr title="[^"<>]{20,}">[^<>\n]+</abbr>', prose)) == len(linked(path))


def test_each_word_is_linked_where_it_is_taught() -> None:
    found = {lesson_number(path): linked(path) for path in SOURCES}
    words = [one for one in terms().values() if one.kind == "word"]
    assert len(words) > 10
    assert [one.name for one in words if one.name not in found.get(one.lessons[0], [])] == []
