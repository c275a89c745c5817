"""One stepper in a page of its own, as a reader drives it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from course.views.steps import Stepper


class StepPage:
    """A stepper that is open in a browser.

    Parameters
    ----------
    browser : playwright Browser
        Which one.
    view : Stepper
        What is shown.
    folder : Path
        Where its page is written.
    **options
        Of the browser's page: ``color_scheme``, ``forced_colors``, ``device_scale_factor``, ``viewport``.

    Attributes
    ----------
    page : playwright Page
        The page.
    requests, errors : list of str
        Every address that it asked for; errors that reached its console.
    """

    def __init__(self, browser: Browser, view: Stepper, folder: Path, **options: Any) -> None:
        file = folder / "stepper.html"
        file.write_text(view.page(), encoding="utf-8")
        options.setdefault("viewport", {"width": 1200, "height": 1400})
        self.page = browser.new_page(**options)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector(".fl-stepper canvas:not([hidden])")
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, *keys: str) -> StepPage:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()
        return self

    def click(self, name: str) -> StepPage:
        """Click a button by its words."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.settle()
        return self

    @property
    def place(self) -> int:
        """Where the cursor stands, from 0."""
        return int(self.page.locator(".fl-where").inner_text().split()[1]) - 1

    @property
    def said(self) -> str:
        """The sentence that is read out."""
        return self.page.locator(".fl-said").inner_text()

    def rows(self, caption: str) -> dict[str, list[str]]:
        """Give the lines of a panel."""
        found: dict[str, list[str]] = self.page.evaluate(
            """(caption) => {
                const all = [...document.querySelectorAll(".fl-panel")];
                const one = all.find((table) => table.caption.textContent.startsWith(caption));
                const rows = [...one.tBodies[0].rows].filter((row) => !row.hidden);
                return Object.fromEntries(rows.map((row) => [...row.cells].map((cell) => cell.textContent))
                    .map(([name, ...cells]) => [name, cells]));
            }""",
            caption,
        )
        return found

    def marked(self) -> list[str]:
        """Give the marked line of each source."""
        return self.page.locator(".fl-here").all_inner_texts()

    def colours(self) -> int:
        """Count the colours of the strip near the cursor."""
        found: int = self.page.evaluate(
            """() => {
                const [, canvas] = document.querySelectorAll(".fl-stepper canvas");
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return new Set(new Uint32Array(data.buffer)).size;
            }"""
        )
        return found
