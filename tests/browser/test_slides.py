"""Slides in a real browser: by keyboard to the end, nothing beyond its slide, no other host asked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from course.curriculum import lesson_number
from course.npm import unpacked
from course.shelf import material
from course.slides.__main__ import ROOT
from course.slides.pages import PACKAGE, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.long]

PICTURES = ROOT / "build" / "pictures"
WIDTH, HEIGHT = 960, 700
# Of the slide in front: where it is, its height, and how far to the right something of it reaches.
MEASURED = """() => {
    const slide = Reveal.getCurrentSlide(), { h, v } = Reveal.getIndices();
    const left = slide.getBoundingClientRect().left, scale = Reveal.getScale();
    const ends = [...slide.querySelectorAll("*")].map((one) => one.getBoundingClientRect().right);
    return [`${h}.${v}`, slide.scrollHeight, Math.floor((Math.max(...ends) - left) / scale)];
}"""
AT_END = "() => Reveal.isLastSlide() && !Reveal.availableFragments().next"
HIDDEN = "() => document.querySelectorAll('section.present:not(.stack) .fragment:not(.visible)').length"


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slides of all lessons; skipped where npm is missing."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH (apt-get install npm): make slides fetches reveal.js by it")
    PICTURES.mkdir(parents=True, exist_ok=True)
    folder = tmp_path_factory.mktemp("slides")
    write(folder, material("lessons").glob("*.ipynb"), unpacked(PACKAGE, ROOT / "build" / "npm"))
    return folder


def walked(page: Page) -> dict[str, tuple[int, int]]:
    """Go to the end by the right arrow; give height and width of each slide."""
    found: dict[str, tuple[int, int]] = {}
    for _ in range(500):
        place, height, width = page.evaluate(MEASURED)
        found[place] = max(found.get(place, (0, 0)), (height, width))
        if page.evaluate(AT_END):
            return found
        page.keyboard.press("ArrowRight")
    pytest.fail("500 keys did not lead to the end")


@pytest.mark.parametrize("number", ["00", "08"])
def test_a_lesson_is_walked_to_its_end_and_all_of_it_fits(chromium: Browser, slides: Path, number: str):
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto((slides / f"{number}.html").as_uri())
    page.wait_for_function("() => Reveal.isReady()")
    page.screenshot(path=PICTURES / f"slides-{number}-first.png")
    found = walked(page)
    assert len(found) > 20
    assert {place: one for place, one in found.items() if one[0] > HEIGHT or one[1] > WIDTH} == {}
    assert [url for url in asked if not url.startswith((slides.as_uri(), "data:"))] == []
    assert errors == []
    page.close()


def test_what_a_run_gave_comes_at_a_key_press(chromium: Browser, slides: Path):
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto((slides / "00.html").as_uri())
    page.wait_for_function("() => Reveal.isReady()")
    while "print(before)" not in page.evaluate("() => Reveal.getCurrentSlide().innerText"):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(HIDDEN) == 1
    page.screenshot(path=PICTURES / "slides-00-asked.png")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(HIDDEN) == 0
    page.wait_for_timeout(500)  # it fades in
    page.screenshot(path=PICTURES / "slides-00-told.png")
    page.close()


def test_every_lesson_fits_its_slides(chromium: Browser, slides: Path):
    """A whole slide is measured with all that comes later on it, so one look at each is enough."""
    too_large = {}
    for file in sorted(slides.glob("*.html"), key=lesson_number):
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(file.as_uri())
        page.wait_for_function("() => Reveal.isReady()")
        places = page.evaluate("() => Reveal.getSlides().map((one) => Reveal.getIndices(one))")
        for place in places:
            page.evaluate("({ h, v }) => Reveal.slide(h, v)", place)
            name, height, width = page.evaluate(MEASURED)
            if height > HEIGHT or width > WIDTH:
                too_large[f"{file.stem} {name}"] = (height, width)
        page.close()
    assert too_large == {}
