"""The 53 hostile and damaged notebooks of ``tests/attacks`` under nbgrader, otter-grader and nbval: run here.

::

    python -m tests.peers.attacked --out tests/peers/attacked.json

Each attack is graded in a folder of its own together with the notebook of an honest neighbour, in the sandbox
of `tests.peers.confined`; ``faultlab grade`` brings its own. What is written down are the facts;
`tests.peers.compared` makes the page of them.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyemu
from course.checks.library import exercise_of
from tests.exercises.answers import cells_of
from tests.peers.assignment import Assignment, released
from tests.peers.confined import LIMIT_SECONDS, Confined, become_subreaper, run_confined, run_watched
from tests.peers.tools import TOOLS, Nbgrader, Ours, Tool
from tests.peers.venvs import PACKAGES, ROOT, version_of

__all__ = ["EXERCISE", "Facts", "attacks", "main", "under"]

EXERCISE, CELL = "e04_loop", "loop"
SIGNATURE = "async def do_user_addr_fault(regs, error_code, address)"
LOOP = sum(one.points for one in exercise_of(EXERCISE).behaviours if not one.id.startswith("mutant-"))
KEPT = ("group", "max_score", "outcome", "doc")  # of the manifest
NEIGHBOUR = "zoe"  # after all attacks in the order of names: graded when they have had their turn
# A tool's own traceback begins a line; that of a learner's cell stands in a report of the cell.
TRACEBACK = re.compile(r"^(\s*Traceback \(most recent call last\)|INTERNALERROR)", re.MULTILINE)
PLANTED = ("usercustomize.py", "numpy.py", "pyemu.py", "json.py", "pytest.py")


@dataclass(frozen=True, slots=True)
class Facts:
    """What became of one attack under one tool.

    Attributes
    ----------
    points : float or None
        What it was given; None without a grade.
    neighbour : float or None
        What the honest neighbour was given; None without a grade.
    ended : str
        Why it had to be ended from outside, empty when it ended by itself.
    seconds : float
        Wall time for both.
    peak_mb : int
        The most memory of all processes together.
    left : int
        Processes left when the tool was done.
    files : list of str
        Files that the attack planted and that were still there.
    traceback : bool
        Whether the tool itself ended a submission with a traceback.
    """

    points: float | None
    neighbour: float | None
    ended: str
    seconds: float
    peak_mb: int
    left: int
    files: list[str]
    traceback: bool


def attacks(folder: Path) -> tuple[list[dict[str, Any]], Path]:
    """Write the attacks' files; give the manifest, and the honest neighbour's notebook."""
    assignment = released(EXERCISE)
    # The loop is what is attacked: nobody gets the points of the tests beside it.
    base = folder / "base.ipynb"
    base.write_text(
        assignment.text(cells_of(exercise_of(EXERCISE)) | {"tests": "TESTS = [1]"}), encoding="utf-8"
    )
    words = ["--base", str(base), "--cell", CELL, "--signature", SIGNATURE]
    made = folder / "made"
    maker = [sys.executable, str(ROOT / "tests" / "attacks" / "make_attacks.py"), str(made), *words]
    subprocess.run(maker, check=True, capture_output=True)
    manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    return [one | {"path": str(made / one["file"])} for one in manifest], base


def under(tool: Tool, assignment: Assignment, name: str, submissions: Mapping[str, Path]) -> Facts:
    """Grade an attack beside its neighbour, in the sandbox."""
    with tempfile.TemporaryDirectory(prefix=f"{tool.name}-", ignore_cleanup_errors=True) as made:
        folder = Path(made) / "course"
        folder.mkdir()
        tool.prepare(folder, assignment, submissions)
        commands = tool.commands(folder)
        if isinstance(tool, Nbgrader):
            commands = commands[:1]  # the grades alone: feedback runs no code
        run = run_watched if isinstance(tool, Ours) else run_confined
        done = run(tool.name, folder, commands)
        points = tool.points(folder, assignment)
    return _facts(done, points.get(name), points.get(NEIGHBOUR))


def _facts(done: Confined, own: Mapping[str, float] | None, neighbour: Mapping[str, float] | None) -> Facts:
    planted = [
        one
        for one in done.files
        if "pyemu-canary" in one
        or one.endswith(PLANTED)
        or "/profile_default/startup/00.py" in one
        or one == "/tmp/results.json"
    ]
    return Facts(
        None if own is None else sum(own.values()),
        None if neighbour is None else sum(neighbour.values()),
        done.ended,
        round(done.seconds, 1),
        done.peak_bytes >> 20,
        done.left,
        sorted({Path(one).name for one in planted}),
        TRACEBACK.search(done.log) is not None,
    )


def main() -> None:
    """Run all attacks under all tools and write what became of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="a JSON file; what is in it is not run again")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these attacks alone")
    parser.add_argument("--tools", nargs="*", default=["faultlab", *PACKAGES])
    parser.add_argument("--workers", type=int, default=1, help="attacks at the same time")
    asked = parser.parse_args()
    stored = json.loads(asked.out.read_text()) if asked.out.is_file() else {"attacks": {}}
    assignment = released(EXERCISE)
    become_subreaper()
    with tempfile.TemporaryDirectory(prefix="attacks-") as made:
        manifest, base = attacks(Path(made))
        honest = dict.fromkeys(("honest", NEIGHBOUR), base)
        jobs = [("honest", honest)]
        jobs += [(one["name"], {one["name"]: Path(one["path"]), NEIGHBOUR: base}) for one in manifest]

        def run(tool: Tool, name: str, submissions: Mapping[str, Path]) -> None:
            facts = under(tool, assignment, name, submissions)
            stored["attacks"].setdefault(name, {})[tool.name] = asdict(facts)
            print(tool.name, name, asdict(facts), flush=True)
            _write(asked.out, stored)

        todo = [
            (tool, name, submissions)
            for name, submissions in jobs
            for tool in (Ours(), *TOOLS)
            if tool.name in asked.tools
            and (not asked.only or name in asked.only)
            and tool.name not in stored["attacks"].get(name, {})
        ]
        for one in todo:
            if isinstance(one[0], Ours):  # what it leaves is found among this process's children
                run(*one)
        with ThreadPoolExecutor(asked.workers) as pool:
            started = [pool.submit(run, *one) for one in todo if not isinstance(one[0], Ours)]
            for future in started:
                future.result()
        stored |= {
            "date": date.today().isoformat(),
            "python": sys.version.split()[0],
            "exercise": EXERCISE,
            "limit_seconds": LIMIT_SECONDS,
            "versions": {name: version_of(PACKAGES[name], name) for name in PACKAGES}
            | {"faultlab": pyemu.__version__},
            "points": LOOP,
            "wanted": {one["name"]: {key: one[key] for key in KEPT} for one in manifest},
        }
        _write(asked.out, stored)


def _write(path: Path, stored: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
