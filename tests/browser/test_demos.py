"""Each demo from the command to its last step, by keyboard, in Chromium, along the speaker's script."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from course.demos import DEMOS, make
from course.demos.page import page as written
from tests.browser.conftest import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = pytest.mark.browser

PICTURES = Path("build/demos")
WIDE, HIGH = 1920, 1080  # of a projector
READABLE = 24  # pixels
SMALLEST = """() => Math.min(...[...document.querySelectorAll(".fd *")]
    .filter((one) => !one.closest(".fd-said") && one.checkVisibility())
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
    .map((one) => parseFloat(getComputedStyle(one).fontSize)))"""
CUT = """() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [scrollWidth - innerWidth, scrollHeight - innerHeight];
}"""


@dataclass
class Served:
    """`faultlab demo` as a speaker starts it."""

    process: subprocess.Popen[str]
    address: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    command = [
        sys.executable,
        "-m",
        "course.cli",
        "demo",
        "one-fault",
        "--no-browser",
        f"--port={free_port()}",
    ]
    with subprocess.Popen(
        command, env=kept | {"HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"one-fault: (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)\n", line)
        assert found, line
        yield Served(process, found[1])
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@dataclass
class Room:
    """A page that is shown to a room, and what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def visit(cls, browser: Browser, address: str, **options: Any) -> Room:
        self = cls(browser.new_page(viewport={"width": WIDE, "height": HIGH}, **options))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._listen)
        self.page.goto(address)
        self.page.wait_for_selector(".fd-title", timeout=120_000)
        return self

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(said.text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def sees(self, where: str = ".fd-main") -> str:
        return " ".join(self.page.locator(where).inner_text().split())

    def hands(self) -> list[str]:
        return self.page.locator(".fd-count").all_inner_texts()


@pytest.fixture
def room(chromium: Browser, tmp_path: Path) -> Iterator[Room]:
    """The first demo as a file, without a server."""
    (tmp_path / "demo.html").write_text(written(make("one-fault")), encoding="utf-8")
    found = Room.visit(chromium, (tmp_path / "demo.html").as_uri())
    yield found
    found.page.close()


@pytest.mark.parametrize("name", DEMOS)
def test_the_room_sees_what_the_script_says(chromium: Browser, served: Served, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    demo = make(name)
    room = Room.visit(chromium, f"{served.address}?demo={name}")
    counted: dict[str, list[str]] = {}
    for place, step in enumerate(demo.steps):
        room.press(*demo.presses(place))
        if step.vote:
            room.press("1", "2", "2", "Shift+Digit2", "Backspace")
            counted[step.vote] = room.hands()
            assert counted[step.vote][:2] == ["1", "2"]
        seen = room.sees()
        assert step.title in seen
        assert [words for words in step.sees if " ".join(words.split()) not in seen] == []
        if step.reveals:
            assert room.hands() == counted[step.reveals]
            answers = room.page.locator(".fd-right").all_inner_texts()
            assert [text.splitlines()[-1] for text in answers] == [
                f"✓ {demo.votes[step.reveals].right[choice]}"
                for choice in demo.votes[step.reveals].choices
                if choice in demo.votes[step.reveals].right
            ]
        room.page.screenshot(path=PICTURES / f"{name}-{place + 1}.png")
        assert room.page.evaluate(SMALLEST) >= READABLE
        assert max(room.page.evaluate(CUT)) <= 0, f"{step.title}: more than fits on a projector"
    assert room.errors == []
    own = urlsplit(served.address).netloc
    assert [url for url in room.requests if urlsplit(url).netloc not in {own, ""}] == []
    room.page.close()


def test_the_speakers_script_is_on_a_key_beside_the_page_and_in_a_window_of_its_own(room: Room) -> None:
    step = make("one-fault").steps[2]
    assert room.page.locator(".fd-notes").is_hidden()
    with room.page.expect_popup() as opened:
        room.press("w")
    window = opened.value
    for _ in range(12):
        window.keyboard.press("ArrowRight")  # the window takes the same keys
    while step.title not in room.sees():
        window.keyboard.press("ArrowRight")
    assert all(words in window.locator("body").inner_text() for words in (step.say, step.ask, step.expect))
    assert room.page.locator(".fd-notes").is_hidden()
    room.press("s")
    assert step.ask in room.sees(".fd-notes")
    room.press("s")
    assert room.page.locator(".fd-notes").is_hidden()


def test_arrows_go_back_too_and_a_remote_control_works(room: Room) -> None:
    first = room.sees()
    room.press("PageDown", "ArrowRight")
    assert room.sees() != first
    room.press("PageUp", "ArrowLeft")
    assert room.sees() == first
    room.press("End", "Home")
    assert room.sees() == first


def test_axe_finds_nothing_in_either_theme(room: Room) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="carries axe-core")
    titles = [make("one-fault").steps[place].title for place in (0, 3, 4)]
    for _ in ("light", "dark"):
        room.press("Home")
        for title in titles:
            while title not in room.sees():
                room.press("ArrowRight")
            assert axe.Axe().run(room.page).response["violations"] == []
        room.press("t")


def test_ctrl_c_ends_the_server_and_its_kernels(served: Served) -> None:
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(served.process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
