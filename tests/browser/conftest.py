"""A real JupyterLab on a fresh working copy, and a real Chromium that can reach nothing else."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START_SECONDS = 60

CHROMIUM_OPTIONS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True, slots=True)
class Lab:
    """A running JupyterLab.

    Attributes
    ----------
    directory : Path
        The working copy that it serves.
    address : str
        ``http://127.0.0.1:PORT``.
    token : str
        What it asks from a visitor.
    log : Path
        What the server says.
    """

    directory: Path
    address: str
    token: str
    log: Path

    def url(self, path: str) -> str:
        """Return an address on this server, with what opens the door."""
        return f"{self.address}{path}?token={self.token}"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until_served(lab: Lab, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(lab.url("/api/status"), timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{lab.log.read_text()}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab as `make lab` starts it, for a user with an empty home."""
    folder = tmp_path_factory.mktemp("lab")
    served = Lab(
        folder / "my-course", f"http://127.0.0.1:{free_port()}", secrets.token_hex(16), folder / "log"
    )
    (folder / "home").mkdir()
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "XDG_"))
    }
    options = [
        "--no-browser",
        f"--ServerApp.port={served.address.rpartition(':')[2]}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={served.token}",
    ]
    command = [sys.executable, "-m", "course.cli", "lab", str(served.directory), *options]
    with served.log.open("wb") as log:
        server = subprocess.Popen(
            command, env=env | {"HOME": str(folder / "home")}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_served(served, server)
        yield served
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless; skipped where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on PATH (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*CHROMIUM_OPTIONS, *as_root])
        yield browser
        browser.close()
