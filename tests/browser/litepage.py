"""One notebook of the static site in a browser: JupyterLab with no server behind it, Python in the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tests.browser.labpage import CLEARED, FINISHED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

SECONDS = 240  # Python starts in the page, and other tests may take the processors meanwhile
# JupyterLab draws the cells in view only, and takes the others out of the page; here all stay in it.
TALL: ViewportSize = {"width": 1280, "height": 15_000}


class LitePage:
    """A notebook of the site.

    Parameters
    ----------
    browser : playwright Browser
        Which one.
    address : str
        ``http://127.0.0.1:PORT``.
    path : str
        The notebook in the site.

    Attributes
    ----------
    page : playwright Page
        The page.
    requests, errors : list of str
        Every address that was asked for, by the page, its workers too; errors that reached its console.
    seconds : float
        From the call for the page to the first output.
    """

    def __init__(self, browser: Browser, address: str, path: str) -> None:
        self.address = address
        self.page = browser.new_page(viewport=TALL)  # a context of its own: nothing is kept of other pages
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        start = time.monotonic()
        self.page.goto(f"{address}/lab/index.html?path={quote(path)}")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=SECONDS * 1000)
        self.menu("Edit", "Clear Outputs of All Cells")
        self.page.wait_for_function(CLEARED, timeout=SECONDS * 1000)
        self.menu("Run", "Run All Cells")
        self.page.locator(".jp-Notebook .jp-OutputArea-output").first.wait_for(timeout=SECONDS * 1000)
        self.seconds = time.monotonic() - start
        self.page.wait_for_function(FINISHED, timeout=SECONDS * 1000)

    def menu(self, *names: str) -> None:
        """Choose an entry of the main menu by its words."""
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{names[0]}")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{names[1]}")')

    def cell(self, words: str) -> int:
        """Find a code cell by words of its source; give its place among the code cells."""
        sources = self.page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").all_inner_texts()
        return next(n for n, source in enumerate(sources) if words in source)

    def write(self, place: int, source: str) -> None:
        """Put other source into a code cell, and run it."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(place)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)
        self.run(place)

    def run(self, place: int) -> str:
        """Run a code cell, wait until it has, and give the text of its outputs."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(place)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            "([place, before]) => { const now = document.querySelectorAll('.jp-Notebook .jp-CodeCell')[place]"
            ".querySelector('.jp-InputPrompt').innerText; return now !== before && /\\d/.test(now); }",
            arg=[place, before],
            timeout=SECONDS * 1000,
        )
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def outputs(self) -> str:
        """Give the text of all outputs."""
        return "\n".join(self.page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts())

    def outside(self) -> list[str]:
        """Give the requests that left this machine, or would have."""
        asked = [url for url in self.requests if urlsplit(url).scheme not in {"data", "blob"}]
        return [url for url in asked if not url.startswith(f"{self.address}/")]
