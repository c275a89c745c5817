"""What a learner sees after `make lab`: lesson 00 runs in a real browser, and nothing asks another host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from course import shelf
from tests.browser.labpage import LabPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

LESSON = "lessons/00-one-fault.ipynb"


@pytest.fixture(scope="module")
def lesson(lab: Lab, chromium: Browser) -> LabPage:
    """Lesson 00, found where JupyterLab opens, after all its cells ran in this browser."""
    page = LabPage.open(chromium, lab)
    page.clear()
    page.run_all()
    return page


def test_jupyterlab_opens_on_lesson_00(lesson: LabPage) -> None:
    assert urlsplit(lesson.page.url).path == f"/lab/tree/{LESSON}"


def test_the_same_access_ends_in_sigbus_and_in_an_answer(lesson: LabPage, tmp_path: Path) -> None:
    lesson.page.screenshot(path=tmp_path / "lesson-00.png")
    said = lesson.outputs()
    assert "SIGBUS" in said
    assert "ret=5" in said
    assert "Traceback" not in said


def test_the_stepper_is_drawn_and_keys_move_it_and_not_the_notebook(lesson: LabPage, tmp_path: Path) -> None:
    where = lesson.page.locator(".jp-Notebook .fl-stepper .fl-where")
    place = int(where.inner_text().split()[1])
    slider = lesson.page.locator(".jp-Notebook .fl-stepper input[type=range]")
    slider.focus()
    cells = lesson.page.locator(".jp-Notebook .jp-Cell").count()
    sent = len(lesson.to_kernels)
    assert sent > 0
    for key in (
        "ArrowRight",
        "a",
        "b",
        "r",
        "Home",
        "ArrowRight",
        "ArrowRight",
    ):  # a and b: new cells, in JupyterLab
        lesson.page.keyboard.press(key)
    lesson.page.wait_for_function(
        "() => document.querySelector('.fl-where').textContent.startsWith('Event 3 ')"
    )
    assert place > 3
    assert len(lesson.to_kernels) == sent  # no step asks the kernel
    assert lesson.page.locator(".jp-Notebook .jp-Cell").count() == cells
    lesson.page.locator(".jp-Notebook .fl-stepper").screenshot(path=tmp_path / "stepper.png")


def test_no_request_leaves_the_machine(lesson: LabPage, lab: Lab) -> None:
    assert len(lesson.requests) > 20
    assert lesson.outside(lab) == []


def test_a_request_to_another_host_would_be_seen_and_fails(lab: Lab, chromium: Browser) -> None:
    page = LabPage(chromium.new_page())
    page.page.goto("about:blank")
    assert page.page.evaluate("fetch('http://example.org/').catch(() => 'refused')") == "refused"
    assert page.outside(lab) == ["http://example.org/"]


def test_there_is_no_news_and_no_question_for_updates(lesson: LabPage) -> None:
    paths = [urlsplit(url).path for url in lesson.requests]
    asking = ("/lab/api/news", "/lab/api/update", "/lab/api/extensions")
    assert [path for path in paths if path.startswith(asking)] == []
    assert lesson.page.locator(".Toastify__toast").count() == 0


def test_the_page_has_no_errors(lesson: LabPage) -> None:
    assert lesson.errors == []


def test_running_and_saving_a_lesson_changes_the_copy_and_not_the_course(lesson: LabPage, lab: Lab) -> None:
    material = shelf.material("lessons") / Path(LESSON).name
    before = material.read_bytes()  # the copy may differ already: JupyterLab saves by itself
    lesson.save()
    assert (lab.directory / LESSON).read_bytes() != before
    assert material.read_bytes() == before
