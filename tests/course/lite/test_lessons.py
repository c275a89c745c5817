"""What the site has and what it leaves out, and that nothing of it needs what a browser lacks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from course.checks.library import exercise_of
from course.curriculum import LESSONS, lesson_number
from course.lite import fetch
from course.lite.lessons import LEFT_OUT, exercises_in, lessons_in
from course.lite.site import start_page

# What the wheels of the site do not have, and a module that asks for it at its import is not for a browser.
MISSING = (
    "numpy", "matplotlib", "yaml", "nbformat", "jupytext", "typer", "tqdm", "rich", "Cython",
)  # fmt: skip


def test_each_lesson_is_in_or_left_out_with_a_reason():
    assert [lesson_number(path) for path in lessons_in()] == [one for one in LESSONS if one not in LEFT_OUT]
    assert all(why.endswith(".") for why in LEFT_OUT.values())


def test_exercises_go_with_their_lessons():
    found = [exercise_of(path.stem) for path in exercises_in()]
    assert found
    assert {one.lesson for one in found}.isdisjoint(LEFT_OUT)


def test_the_start_page_opens_every_notebook_and_says_what_is_not_there():
    page = start_page()
    opened = re.findall(r'href="lab/index\.html\?path=([^"]*)"', page)
    files = [f"{path.parent.name}/{path.name}" for path in lessons_in()]
    files += [f"exercises/{path.name}" for path in exercises_in()]
    assert opened[0] == "lessons/00-one-fault.ipynb"
    assert sorted(opened[1:]) == sorted(files)
    assert all(why in page for why in LEFT_OUT.values())
    assert "://" not in page


def test_the_cells_of_the_lessons_import_nothing_that_a_browser_lacks():
    lines: set[str] = set()
    for path in [*lessons_in(), *exercises_in()]:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        lines |= {line for one in code for line in one.splitlines() if re.match(r"(import|from) \w", line)}
    blocked = f"import sys; sys.modules.update(dict.fromkeys({MISSING!r}))"
    modules = "import course.checks.notebook, course.checks.judge, course.checks.library, course.inline"
    program = "\n".join([blocked, modules, *sorted(lines - {"from __future__ import annotations"})])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=fetch.ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_tool_and_wheel_is_pinned():
    pinned: set[str] = set()
    for path in fetch.CONSTRAINTS:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
        names = [re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines]
        assert pinned.isdisjoint(names)
        pinned |= set(names)
    assert {*fetch.TOOLS, *fetch.WHEELS} <= pinned
    assert re.fullmatch(r"[a-z]+@[\d.]+", fetch.PYODIDE)


def test_the_sources_of_the_wheel_are_there():
    assert all((Path(fetch.ROOT) / name).exists() for name in fetch.SOURCES)


def test_no_number_of_linux_comes_from_the_machine_that_runs():
    """A browser's Python has other numbers of errors than Linux; those of the model are in pyemu.flags."""
    of_the_host = {"pyemu/handler.py", "pyemu/child.py", "pyemu/nursery.py", "course/handlers.py"}
    folders = ("pyemu", "course/checks", "course/series", "course/views", "course/decide", "course/memory")
    files = [path for folder in folders for path in sorted((fetch.ROOT / folder).rglob("*.py"))]
    found = {
        path.relative_to(fetch.ROOT).as_posix()
        for path in files
        if re.search(r"^\s*(from|import) (errno|signal)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {one for one in found if not one.startswith("course/checks/h05")} <= of_the_host
