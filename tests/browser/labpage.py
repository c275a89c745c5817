"""One page of JupyterLab in a browser, as a learner drives it: by menus, with eyes on the cells."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Response, WebSocket

    from tests.browser.conftest import Lab

# The prompts of all cells that hold code: "" before a cell ran, "*" while it waits or runs, then a number.
PROMPTS = """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')]
    .filter(cell => cell.querySelector('.cm-content')?.innerText.trim())
    .map(cell => cell.querySelector('.jp-InputPrompt').innerText.replace(/[\\[\\]:\\s]/g, ''))"""
FINISHED = (
    f"() => {{ const all = ({PROMPTS})(); return all.length > 0 && all.every(one => /^\\d+$/.test(one)) }}"
)
HEIGHT = """() => Math.max(...[...document.querySelectorAll('.jp-Notebook, .jp-Notebook *')]
    .map(one => one.scrollHeight))"""
TO_TOP = "() => document.querySelectorAll('.jp-WindowedPanel-outer').forEach(one => { one.scrollTop = 0 })"
TALLEST = 16_000  # pixels of a picture; more is no use to eyes, and Chromium draws no more than 16,384
CLEARED = f"() => {{ const all = ({PROMPTS})(); return all.length > 0 && all.every(one => one === '') }}"


@dataclass
class LabPage:
    """A notebook that is open in JupyterLab.

    Attributes
    ----------
    page : playwright Page
        The browser's page.
    requests : list of str
        Every address that the page asked for.
    errors : list of str
        Errors that reached the page's console.
    to_kernels : list of int
        Length of each message that the page sent to a kernel.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    to_kernels: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("websocket", self._listen)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _listen(self, socket: WebSocket) -> None:
        if urlsplit(socket.url).path.endswith("/channels"):
            socket.on("framesent", lambda frame: self.to_kernels.append(len(frame)))

    @classmethod
    def open(cls, browser: Browser, lab: Lab, path: str = "/") -> LabPage:
        """Visit an address of JupyterLab that shows a notebook, and wait until its kernel has answered."""
        self = cls(browser.new_page(viewport={"width": 1280, "height": 1600}))
        self.page.goto(lab.url(path))
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.wait_for_kernel(lab)
        return self

    def wait_for_kernel(self, lab: Lab, seconds: float = 60) -> None:
        """Wait until a kernel has reported to the server that it is idle.

        The page shows "Idle" already while a kernel starts, and a restart would hit a half-started one.
        """
        deadline = time.monotonic() + seconds
        states: list[str] = []
        while states != ["idle"]:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"after {seconds} seconds the kernels are {states or 'none'}; see {lab.log}"
                )
            self.page.wait_for_timeout(100)
            answer = self.page.request.get(lab.url("/api/kernels"))
            kernels = answer.json() if answer.ok else []  # a server under load may answer 500 once
            states = [kernel["execution_state"] for kernel in kernels if kernel["connections"]]

    def menu(self, *names: str) -> None:
        """Choose an entry of the main menu by its words."""
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{names[0]}")')
        for name in names[1:]:
            self.page.click(f'.lm-Menu-itemLabel:text-is("{name}")')

    def clear(self) -> None:
        """Clear all outputs, so that whatever is seen later was made here."""
        self.menu("Edit", "Clear Outputs of All Cells")
        self.page.wait_for_function(CLEARED, timeout=20_000)

    def run_all(self, seconds: float = 120) -> None:
        """Run all cells in a fresh kernel and wait until each has its number."""
        self.menu("Run", "Restart Kernel and Run All Cells…")
        self.page.click('.jp-Dialog button:has-text("Restart")')
        self.page.wait_for_function(FINISHED, timeout=seconds * 1000)

    def save(self) -> None:
        """Save the notebook and wait until that is done."""
        with self.page.expect_response(_saved_notebook):
            self.menu("File", "Save Notebook")

    def outputs(self) -> str:
        """Return the text of all outputs as it is shown."""
        return "\n".join(self.page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts())

    def failed_outputs(self) -> list[str]:
        """Return the text of each output that is an error or was written to stderr."""
        kinds = ("error", "stderr")
        wanted = ", ".join(f'.jp-Notebook [data-mime-type="application/vnd.jupyter.{one}"]' for one in kinds)
        return self.page.locator(wanted).all_inner_texts()

    def picture(self, path: Path) -> None:
        """Take a picture of the whole notebook, from its first cell on."""
        height = self.page.evaluate(HEIGHT)
        self.page.set_viewport_size({"width": 1280, "height": min(height + 200, TALLEST)})
        self.page.evaluate(TO_TOP)
        self.page.wait_for_timeout(1_000)  # JupyterLab draws the cells that come into view
        self.page.locator(".jp-NotebookPanel").first.screenshot(path=path)

    def close(self, lab: Lab) -> None:
        """Close the tab, and end the kernels that nobody looks at any more."""
        request = self.page.request
        for kernel in request.get(lab.url("/api/kernels")).json():
            if kernel["connections"]:
                request.delete(lab.url(f"/api/kernels/{kernel['id']}"))
        self.page.close()

    def outside(self, lab: Lab) -> list[str]:
        """Return the requests that left this machine, or would have."""
        own = urlsplit(lab.address).netloc
        asked = [url for url in self.requests if urlsplit(url).scheme not in {"data", "blob"}]
        return [url for url in asked if urlsplit(url).netloc != own]


def _saved_notebook(answer: Response) -> bool:
    """Say whether an answer is that to a saved notebook; JupyterLab saves the open tabs by PUT, too."""
    path = urlsplit(answer.url).path
    return answer.request.method == "PUT" and answer.ok and path.startswith("/api/contents/")
