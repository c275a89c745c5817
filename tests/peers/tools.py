"""nbgrader, otter-grader and nbval on one assignment: what is prepared, what is run, what points come of it.

Each tool is used as its documentation says, with its default settings. nbgrader and nbval take all
submissions with one command, ``otter run`` takes one: ``otter grade`` runs the same in a container for each.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from tests.peers.assignment import Assignment
from tests.peers.venvs import activated, peer_bin

__all__ = ["TOOLS", "Nbgrader", "Nbval", "Otter", "Ours", "Points", "Tool"]

Points = dict[str, dict[str, float]]
"""By student and check; a student without an entry has no grade."""


class Tool(Protocol):
    """One of the tools, in a folder of its own."""

    name: str

    def prepare(self, folder: Path, assignment: Assignment, submissions: Mapping[str, Path]) -> None:
        """Write what has to be there before submissions are graded; this is not measured."""

    def commands(self, folder: Path) -> list[list[str]]:
        """Give the commands that grade all submissions and write feedback, to be run in the folder."""

    def points(self, folder: Path, assignment: Assignment) -> Points:
        """Read what the commands left."""


class Nbgrader:
    """``nbgrader autograde`` and ``generate_feedback``."""

    name = "nbgrader"
    # Our release has taken the solutions out; nbgrader would replace the stubs, head of the function and all.
    config = "c = get_config()\nc.CourseDirectory.course_id = 'course'\nc.ClearSolutions.enabled = False\n"

    def prepare(self, folder: Path, assignment: Assignment, submissions: Mapping[str, Path]) -> None:
        """Make a course with the released notebook as its source."""
        course = _course(self, assignment.exercise, assignment.text())
        shutil.copytree(course.name, folder, dirs_exist_ok=True)
        for student, path in submissions.items():
            place = folder / "submitted" / student / "ps1" / f"{assignment.exercise}{path.suffix}"
            place.parent.mkdir(parents=True)
            shutil.copy(path, place)

    def run(self, folder: Path, *words: str) -> str:
        """Run one of its commands and give what it says."""
        done = subprocess.run(
            self._command(*words),
            cwd=folder,
            env=activated(self.name),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"nbgrader {' '.join(words)}: {done.stderr[-2000:]}")
        return done.stdout + done.stderr

    def commands(self, folder: Path) -> list[list[str]]:
        """Give the commands."""
        return [self._command("autograde", "ps1"), self._command("generate_feedback", "ps1")]

    def points(self, folder: Path, assignment: Assignment) -> Points:
        """Read the gradebook; who has feedback was graded to the end."""
        found: Points = {}
        with closing(sqlite3.connect(f"file:{folder / 'gradebook.db'}?mode=ro", uri=True)) as gradebook:
            rows = gradebook.execute(
                "SELECT student.id, base_cell.name, grade.auto_score FROM grade"
                " JOIN base_cell ON grade.cell_id = base_cell.id"
                " JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id"
                " JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id"
                " JOIN student ON submitted_assignment.student_id = student.id"
            )
            for student, check, score in rows:
                if (folder / "autograded" / student / "ps1").is_dir():
                    found.setdefault(student, {})[check] = float(score or 0)
        return found

    def _command(self, *words: str) -> list[str]:
        bin_ = peer_bin("nbgrader")
        return [str(bin_ / "python"), str(bin_ / "nbgrader"), *words]


@cache
def _course(nbgrader: Nbgrader, exercise: str, text: str) -> tempfile.TemporaryDirectory[str]:
    """Make a course of one assignment, once: it takes nbgrader seconds."""
    made = tempfile.TemporaryDirectory(prefix="course-")
    folder = Path(made.name)
    (folder / "nbgrader_config.py").write_text(nbgrader.config)
    source = folder / "source" / "ps1" / f"{exercise}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(text)
    nbgrader.run(folder, "generate_assignment", "ps1")
    return made


TEST = """
from otter.test_files import test_case

OK_FORMAT = False
name = {check!r}
points = {points}

@test_case(points={points})
def test_it(env):
    {body}
"""
CHECKED = """import contextlib, io
    from course import check
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        check({exercise!r}, {check!r})
    assert said.getvalue().startswith("PASS"), said.getvalue()"""


class Otter:
    """``otter run`` on each submission."""

    name = "otter"

    def prepare(self, folder: Path, assignment: Assignment, submissions: Mapping[str, Path]) -> None:
        """Pack the autograder: a test file a check, exception-based, asking what the check cell asks."""
        with zipfile.ZipFile(folder / "autograder.zip", "w") as packed:
            packed.writestr("otter_config.json", json.dumps({"lang": "python"}))
            for number, (check, points) in enumerate(assignment.points.items()):
                body = (
                    "pass" if assignment.idle else CHECKED.format(exercise=assignment.exercise, check=check)
                )
                text = TEST.format(check=check, points=points, body=body)
                packed.writestr(f"tests/q{number:02}.py", text)
        for student, path in submissions.items():
            (folder / "out" / student).mkdir(parents=True)
            (folder / "submitted").mkdir(exist_ok=True)
            shutil.copy(path, folder / "submitted" / f"{student}{path.suffix}")

    def commands(self, folder: Path) -> list[list[str]]:
        """Give the commands."""
        bin_ = peer_bin("otter")
        return [
            [
                *(str(bin_ / "python"), "-m", "otter", "run", f"submitted/{path.name}"),
                *("-a", "autograder.zip", "-o", f"out/{path.stem}", "--no-logo"),
            ]
            for path in sorted((folder / "submitted").iterdir())
        ]

    def points(self, folder: Path, assignment: Assignment) -> Points:
        """Read each ``results.json``."""
        found: Points = {}
        for path in sorted((folder / "out").glob("*/results.json")):
            with suppress(ValueError):
                tests = json.loads(path.read_bytes())["tests"]
                scores = {one["name"].partition(" ")[0]: float(one.get("score") or 0) for one in tests}
                found[path.parent.name] = {check: scores.get(check, 0.0) for check in assignment.points}
        return found


NBVAL_SECONDS = 30
"""A cell's limit under nbval, as nbgrader has it by default; nbval's own default is 2000 seconds."""


class Nbval:
    """Plain ``pytest --nbval`` on all notebooks: a check cell that is green has its points."""

    name = "nbval"

    def prepare(self, folder: Path, assignment: Assignment, submissions: Mapping[str, Path]) -> None:
        """Put the notebooks there; a conftest beside them would take part, so the configuration is named."""
        (folder / "pytest.ini").write_text("[pytest]\njunit_family = xunit1\n")
        for student, path in submissions.items():
            shutil.copy(path, folder / f"{student}{path.suffix}")

    def commands(self, folder: Path) -> list[list[str]]:
        """Give the command."""
        names = sorted(path.name for path in folder.iterdir() if path.suffix in (".ipynb", ".zip"))
        python = str(peer_bin("nbval") / "python")
        limit = f"--nbval-cell-timeout={NBVAL_SECONDS}"
        return [[python, "-m", "pytest", "--nbval", limit, *names, "--junitxml=report.xml", "-q"]]

    def points(self, folder: Path, assignment: Assignment) -> Points:
        """Read the report: cell numbers count the code cells of the file."""
        try:
            cases = list(ET.parse(folder / "report.xml").iter("testcase"))
        except (OSError, ET.ParseError):
            return {}
        green: dict[str, dict[int, bool]] = {}
        for case in cases:
            number = case.get("name", "").removeprefix("Cell ")
            if number.isdecimal():
                student = Path(case.get("file", "")).stem
                green.setdefault(student, {})[int(number)] = not case.findall("*")
        return {
            student: self._of(folder / f"{student}.ipynb", shown, assignment)
            for student, shown in green.items()
        }

    @staticmethod
    def _of(path: Path, green: Mapping[int, bool], assignment: Assignment) -> dict[str, float]:
        cells = json.loads(path.read_bytes().decode("utf-8-sig"))["cells"]
        code = [cell.get("id") for cell in cells if cell["cell_type"] == "code"]
        shown = {code[number]: passed for number, passed in green.items()}
        return {check: points * shown.get(check, False) for check, points in assignment.points.items()}


class Ours:
    """``faultlab grade``, feedback and sandbox included."""

    name = "faultlab"

    def prepare(self, folder: Path, assignment: Assignment, submissions: Mapping[str, Path]) -> None:
        """Put the files into a folder."""
        (folder / "submitted").mkdir()
        (folder / "exercise.txt").write_text(assignment.exercise)
        for student, path in submissions.items():
            shutil.copy(path, folder / "submitted" / f"{student}{path.suffix}")

    def commands(self, folder: Path) -> list[list[str]]:
        """Give the command; files that are no notebooks are named, since a folder's are left out."""
        exercise = (folder / "exercise.txt").read_text()
        files = [f"submitted/{path.name}" for path in sorted((folder / "submitted").iterdir())]
        command = [sys.executable, "-m", "course.cli", "grade", *files, "--out", "out"]
        return [[*command, "--exercise", exercise, "--seed", "a seed"]]

    def points(self, folder: Path, assignment: Assignment) -> Points:
        """Read each ``results.json``; what was rejected has no grade."""
        found: Points = {}
        for path in sorted((folder / "out").glob("*/results.json")):
            ours = json.loads(path.read_bytes())["extra_data"]["faultlab"]
            if ours["status"] != "rejected":
                nothing = dict.fromkeys(assignment.points, 0.0)
                found[path.parent.name] = nothing | {
                    one["id"]: float(one["points"]) for one in ours["behaviours"]
                }
        return found


TOOLS: tuple[Tool, ...] = (Nbgrader(), Otter(), Nbval())
