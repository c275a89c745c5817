"""The static site in a real browser: three lessons and an exercise run in the page, and ask nothing else."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome
from course.inline import NOTE
from course.lite.fetch import ROOT
from course.lite.lessons import LEFT_OUT, lessons_in
from course.lite.site import build, size
from course.views.setup import TEXT
from tests.browser.litepage import LitePage
from tests.exercises.answers import master, stub, verdict

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.long]

PICTURES = ROOT / "build" / "pictures"
EXERCISE = "e01_truth_table"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` serves with, without its log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Path:
    """Build the site as `make lite` does; skipped where npm is missing."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH (apt-get install npm): make lite fetches Pyodide by it")
    PICTURES.mkdir(parents=True, exist_ok=True)
    build(ROOT / "build" / "site", ROOT / "build" / "lite")
    return ROOT / "build" / "site"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve it as the README says."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def exercise(chromium: Browser, address: str) -> Iterator[LitePage]:
    page = LitePage(chromium, address, f"exercises/{EXERCISE}.ipynb")
    yield page
    page.page.context.close()


def test_it_is_small_enough_for_a_slow_line(site: Path):
    assert 20e6 < size(site) < 60e6
    assert list((site / "static" / "pyodide").glob("faultlab-*-py3-none-any.whl"))


def test_the_start_page_leads_to_the_lessons(chromium: Browser, address: str):
    page = chromium.new_page(viewport={"width": 900, "height": 1600})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/")
    assert page.locator('a[href^="lab/index.html?path=lessons/"]').count() == 1 + len(lessons_in())
    assert all(page.get_by_text(why).count() for why in LEFT_OUT.values())
    page.screenshot(path=PICTURES / "lite-start.png", full_page=True)
    assert all(url.startswith(f"{address}/") for url in asked)
    page.context.close()


# What each shows, beside the stepper.
@pytest.mark.parametrize(
    ("lesson", "said"),
    [("00-one-fault", "ret=5"), ("04-who-waits", "mmap_sem"), ("08-special-case", "use after free")],
)
def test_a_lesson_runs_to_its_end_and_its_stepper_is_walked_by_keyboard(
    chromium: Browser, address: str, lesson: str, said: str
):
    page = LitePage(chromium, address, f"lessons/{lesson}.ipynb")
    print(f"\n{lesson}: first output after {page.seconds:.1f} s")
    shown = page.outputs()
    assert f"{TEXT} pyemu runs uncompiled here (in a browser)" in shown
    assert said in shown.lower()
    assert "Traceback" not in shown
    page.page.screenshot(path=PICTURES / f"lite-{lesson[:2]}.png", clip=beginning(page))
    stepper = page.page.locator(".jp-Notebook .fl-stepper").first
    assert stepper.locator("canvas:not([hidden])").count() == 1
    stepper.locator("input[type=range]").focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        page.page.keyboard.press(key)
    page.page.wait_for_function(
        "() => document.querySelector('.fl-where').textContent.startsWith('Event 3 ')"
    )
    page.page.keyboard.press("End")
    page.page.wait_for_function(
        "() => !document.querySelector('.fl-where').textContent.startsWith('Event 3 ')"
    )
    stepper.screenshot(path=PICTURES / f"lite-{lesson[:2]}-stepper.png")
    assert page.outside() == []
    assert page.errors == []
    page.page.context.close()


def test_a_check_of_the_stub_says_what_is_missing(exercise: LitePage):
    given = verdict(EXERCISE, stub(exercise_of(EXERCISE)))
    first = given.rows[0]
    assert first.feedback is not None
    said = exercise.run(exercise.cell(f'check("{EXERCISE}", "{first.behaviour.id}")'))
    assert " ".join(first.feedback.headline.split()) in " ".join(said.split())
    assert NOTE in " ".join(said.split())


def test_a_check_of_a_right_answer_passes(exercise: LitePage):
    source = master(exercise_of(EXERCISE))
    exercise.write(exercise.cell(f"def {checks_of(EXERCISE).answers[0]}("), source)
    given = verdict(EXERCISE, source)
    for row in given.rows:
        assert row.outcome is Outcome.PASSED
        said = exercise.run(exercise.cell(f'check("{EXERCISE}", "{row.behaviour.id}")'))
        assert said.startswith("PASS")
        assert row.behaviour.title in " ".join(said.split())
        assert NOTE in " ".join(said.split())
    place = exercise.cell(f'check("{EXERCISE}", "{given.rows[0].behaviour.id}")')
    exercise.page.locator(".jp-Notebook .jp-CodeCell").nth(place).screenshot(path=PICTURES / "lite-check.png")
    assert exercise.outside() == []
    assert exercise.errors == []


def beginning(page: LitePage) -> Any:
    """Give the place of the notebook's beginning on the page."""
    box = page.page.locator(".jp-Notebook").first.bounding_box()
    assert box is not None
    return {**box, "height": min(box["height"], 4000)}
