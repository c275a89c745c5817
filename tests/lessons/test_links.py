"""What a notebook points to exists: files, exercises, lessons; and it keeps no state of widgets."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from course.curriculum import LESSONS, lesson_place
from course.shelf import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "lessons").glob("*.ipynb"), key=lesson_place)
NOTEBOOKS += sorted(path for path in ROOT.glob("exercises/*/*.ipynb") if path.stem == path.parent.name)

LINK = re.compile(r"\]\(([^)\s]+)\)")
EXERCISE = re.compile(r"`?exercises/([a-z]\w+)`?")
LESSON = re.compile(r"\blessons? (\d\d[ab]?)\b")
BRIDGE = re.compile(r"\bbridge (B\d)\b")


def faults(prose: str, folder: str) -> list[str]:
    """What in a notebook's prose leads nowhere in a working copy; links to the web are not followed."""
    there = notebooks()
    found = [
        f"link {target}"
        for target in LINK.findall(prose)
        if not urlsplit(target).scheme
        and not target.startswith("#")
        and posixpath.normpath(f"{folder}/{target.partition('#')[0]}") not in there
    ]
    found += [
        f"exercise {name}" for name in EXERCISE.findall(prose) if f"exercises/{name}.ipynb" not in there
    ]
    numbers = [*LESSON.findall(prose), *BRIDGE.findall(prose)]
    return found + [f"lesson {number}" for number in numbers if number not in LESSONS]


def prose_of(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_leads_nowhere(path: Path) -> None:
    assert faults(prose_of(path), path.relative_to(ROOT).parts[0]) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_lesson_needs_is_in_the_curriculum(path: Path) -> None:
    needs = json.loads(path.read_text(encoding="utf-8"))["metadata"]["faultlab"].get("needs", [])
    numbered = [one for one in needs if re.fullmatch(r"\d\d[ab]?|B\d", one)]
    assert [one for one in numbered if one not in LESSONS] == []
    assert [one for one in numbered if lesson_place(f"{one}-x")[0] >= lesson_place(path)[0]] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_state_of_widgets_is_stored(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    kinds = {
        kind
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert "application/vnd.jupyter.widget-view+json" not in kinds


@pytest.mark.parametrize(
    ("prose", "said"),
    [
        ("see [this](nowhere.md#part)", "link nowhere.md#part"),
        ("do `exercises/e99_nothing` now", "exercise e99_nothing"),
        ("as in lesson 99", "lesson 99"),
        ("as in bridge B9", "lesson B9"),
    ],
)
def test_what_leads_nowhere_is_noticed(prose: str, said: str) -> None:
    assert faults(prose, "lessons") == [said]


def test_what_leads_somewhere_is_not() -> None:
    prose = "[a](#b) [c](https://d.e) [f](../exercises/e04_loop.ipynb) `exercises/e04_loop` lesson 07a"
    assert faults(prose, "lessons") == []
