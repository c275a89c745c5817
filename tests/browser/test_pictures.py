"""The pictures of README and guides, taken of what people see; ``make pictures`` puts them in their place."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.grading.batch import grade_all
from course.grading.collect import collect
from course.material.learner import with_answers
from course.material.source import write_notebook
from tests.browser.labpage import LabPage
from tests.exercises.answers import cells_of, wrong

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
TAKEN = ROOT / "build" / "pictures"
KEPT = ROOT / "course" / "guides" / "pictures"
WIDTH = 1100  # pixels of each picture
CELLS = ("imports", "loop", "tests", "s13")


def take(page: Page, name: str, height: float, left: float = 0, top: float = 0) -> None:
    """Take a picture of a part of a page, and hold it against the one that the guides show.

    Fonts differ from machine to machine, so it is not the pixels that are compared: the picture that is
    kept shows as much as the one that was taken now, to a fifth, and neither is empty.
    """
    TAKEN.mkdir(parents=True, exist_ok=True)
    taken = TAKEN / f"{name}.png"
    page.screenshot(path=taken, clip={"x": left, "y": top, "width": WIDTH, "height": height})
    if os.environ.get("FAULTLAB_PICTURES"):
        KEPT.mkdir(parents=True, exist_ok=True)
        shutil.copy(taken, KEPT / taken.name)
    kept = KEPT / taken.name
    assert kept.exists(), f"`make pictures` makes {kept.name}"
    wide, high = size(kept)
    assert wide == WIDTH
    assert abs(high - height) <= height / 5
    assert min(taken.stat().st_size, kept.stat().st_size) > 10_000


def size(picture: Path) -> tuple[int, int]:
    """Give width and height of a PNG file."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return int(width), int(height)


def test_a_lesson_with_the_stepper(lab: Lab, chromium: Browser) -> None:
    page = LabPage.open(chromium, lab, "/lab/workspaces/picture-1/tree/lessons/00-one-fault.ipynb")
    try:
        page.run_all()
        page.page.set_viewport_size({"width": WIDTH, "height": 900})
        stepper = page.page.locator(".jp-Notebook .fl-stepper").first
        stepper.scroll_into_view_if_needed()
        stepper.locator("input[type=range]").focus()
        page.page.keyboard.press("r")
        page.page.wait_for_timeout(500)
        take(page.page, "lesson", 900)
    finally:
        page.close(lab)


def test_what_a_check_says_of_a_wrong_answer(lab: Lab, chromium: Browser) -> None:
    e04 = exercise_of("e04_loop")
    notebook = with_answers(pristine(e04.id), cells_of(e04, wrong(e04, "still-clears").file))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] in CELLS]
    (lab.directory / "exercises" / "picture.ipynb").write_text(write_notebook(notebook), encoding="utf-8")
    page = LabPage.open(chromium, lab, "/lab/workspaces/picture-2/tree/exercises/picture.ipynb")
    try:
        page.clear()
        page.run_all()
        page.page.set_viewport_size({"width": WIDTH + 500, "height": 2000})
        page.page.wait_for_timeout(500)
        assert "FAIL" in page.outputs()
        # The check and what it says; not the answer above it.
        box = page.page.locator(".jp-Notebook .jp-CodeCell").last.bounding_box()
        assert box is not None
        take(page.page, "exercise", box["height"], box["x"], box["y"])
    finally:
        page.close(lab)


def test_what_the_grader_tells_a_learner(chromium: Browser, tmp_path: Path) -> None:
    e04 = exercise_of("e04_loop")
    answers = cells_of(e04, wrong(e04, "still-clears").file)
    (tmp_path / "anna.ipynb").write_text(write_notebook(with_answers(pristine(e04.id), answers)))
    found, _ = collect([tmp_path / "anna.ipynb"])
    (record,) = grade_all(found, e04.id, "a seed", tmp_path / "out")
    assert 0 < (record.points or 0) < record.max_points
    page = chromium.new_page(viewport={"width": WIDTH, "height": 900})
    page.goto((tmp_path / "out" / "anna" / "feedback.html").as_uri())
    take(page, "feedback", 900)
    page.close()
