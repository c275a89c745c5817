"""Figures in a real browser: they follow the page's theme, forced colours win, and axe finds nothing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from course import figures
from pyemu import Tree

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PAGE = '<!DOCTYPE html><html lang="en"><title>t</title><body {theme}><main><h1>Figures</h1>{figures}</main>'
HTML = figures.sleeps()._repr_html_() + figures.retry_loop(Tree.before, Tree.after)._repr_html_()
LIGHT, DARK = 255, 17


def paper(page: Any) -> int:
    """How bright the corner of the first figure is, 0 to 255."""
    from matplotlib.image import imread

    picture = page.locator("img").first.screenshot()
    return round(255 * float(imread(io.BytesIO(picture))[3, 3, 0]))


@pytest.mark.parametrize(
    ("theme", "options", "brightness"),
    [
        ("", {"color_scheme": "light"}, LIGHT),
        ("", {"color_scheme": "dark"}, DARK),
        # JupyterLab's theme wins over the system's.
        ('data-jp-theme-light="false"', {"color_scheme": "light"}, DARK),
        ('data-jp-theme-light="true"', {"color_scheme": "dark"}, LIGHT),
    ],
)
def test_a_figure_follows_the_theme_of_its_page(
    chromium: Browser, theme: str, options: dict[str, Any], brightness: int
) -> None:
    page = chromium.new_page(**options)
    page.set_content(PAGE.format(theme=theme, figures=HTML))
    assert paper(page) == brightness
    page.close()


def test_forced_colours_win(chromium: Browser) -> None:
    page = chromium.new_page(color_scheme="dark", forced_colors="active")
    page.set_content(PAGE.format(theme="", figures=HTML))
    assert paper(page) != DARK  # the system's own, not ours
    page.close()


def test_axe_finds_nothing(chromium: Browser) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="carries axe-core")
    page = chromium.new_page()
    page.set_content(PAGE.format(theme="", figures=HTML))
    assert axe.Axe().run(page).response["violations"] == []
    page.close()
