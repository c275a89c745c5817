"""Every lesson, top to bottom, in real JupyterLab: no error, no request to other hosts, a picture of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from course.curriculum import lesson_place
from tests.browser.labpage import LabPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.conftest import Lab

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
LESSONS = sorted((path.stem for path in (ROOT / "lessons").glob("*.ipynb")), key=lesson_place)
PICTURES = ROOT / "build" / "lessons"


def run_through(lab: Lab, chromium: Browser, stem: str) -> Iterator[LabPage]:
    """Run a lesson in a tab of its own, and leave no kernel behind."""
    page = LabPage.open(chromium, lab, f"/lab/workspaces/{stem}/tree/lessons/{stem}.ipynb")
    try:
        page.clear()
        page.run_all()
        yield page
    finally:
        page.close(lab)


@pytest.mark.parametrize("stem", LESSONS)
def test_a_lesson_runs_top_to_bottom(stem: str, lab: Lab, chromium: Browser) -> None:
    for page in run_through(lab, chromium, stem):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.picture(PICTURES / f"{stem}.png")
        assert page.failed_outputs() == []
        assert page.errors == []
        assert page.outside(lab) == []
        assert len(page.outputs()) > 1_000


def test_a_cell_that_fails_is_noticed(lab: Lab, chromium: Browser) -> None:
    notebook = json.loads((lab.directory / "lessons" / f"{LESSONS[0]}.ipynb").read_text(encoding="utf-8"))
    last = notebook["cells"][-1]
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    notebook["cells"] = [
        code | {"id": "warns", "source": "import sys\nprint('a warning', file=sys.stderr)"},
        code | {"id": "fails", "source": "1 / 0"},
        last,
    ]
    (lab.directory / "lessons" / "zz-fails.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for page in run_through(lab, chromium, "zz-fails"):
        warning, failure = page.failed_outputs()
        assert "a warning" in warning
        assert "ZeroDivisionError" in failure


def test_no_kernel_is_left_behind(lab: Lab, chromium: Browser) -> None:
    answer = chromium.new_page().request.get(lab.url("/api/kernels"))
    assert answer.json() == []
