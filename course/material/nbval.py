"""Run a notebook under stock ``pytest --nbval``, and say what became of each cell.

The notebook is copied to a folder of its own, with a pytest configuration of its own, so that no
conftest, plug-in option or start-up file of the surroundings takes part. What runs is what anyone gets
who types ``pytest --nbval notebook.ipynb``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from course.material.execute import CELL_SECONDS, kernel_environment
from pyemu.errors import MaterialError

__all__ = ["CellResult", "run_nbval"]


@dataclass(frozen=True, slots=True)
class CellResult:
    """One code cell under nbval.

    Parameters
    ----------
    number : int
        Its place among the code cells, from 0.
    outcome : str
        ``passed``, ``failed`` or ``skipped``.
    message : str
        The report of a failure, empty otherwise.
    """

    number: int
    outcome: str
    message: str


def run_nbval(notebook: Path) -> list[CellResult]:
    """Run a notebook strictly: every cell's outputs are compared with the stored ones.

    Parameters
    ----------
    notebook : pathlib.Path
        A notebook file; it is left as it is.

    Returns
    -------
    list of CellResult
        One for each code cell, in order.

    Raises
    ------
    MaterialError
        pytest itself did not run: nbval is not installed, or the file is not a notebook.
    """
    with tempfile.TemporaryDirectory(prefix="nbval-") as name, tempfile.TemporaryDirectory() as profile:
        folder = Path(name)
        copy = folder / notebook.name
        copy.write_bytes(notebook.read_bytes())
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        report = folder / "report.xml"
        environment = {
            k: v for k, v in kernel_environment(Path(profile)).items() if not k.startswith("PYTEST_")
        }
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "nbval.plugin", "--nbval", copy.name, "-q"),
                "--nbval-current-env",  # a kernel of the same name may be in the home folder
                f"--nbval-cell-timeout={CELL_SECONDS}",  # nbval itself would wait 2000 seconds
                *("-p", "no:cacheprovider", "--color=no", f"--junitxml={report.name}"),
            ],
            cwd=folder,
            # Other installed plug-ins stay out: they take no part, and cost seconds to load.
            env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise MaterialError(
                f"pytest --nbval {notebook} did not run:{os.linesep}{done.stdout}{done.stderr}"
            )
        return [_result(n, case) for n, case in enumerate(ET.parse(report).iter("testcase"))]


def _result(number: int, case: ET.Element) -> CellResult:
    for child in case:
        if child.tag in ("failure", "error"):
            return CellResult(number, "failed", child.text or child.get("message") or "")
        if child.tag == "skipped":
            return CellResult(number, "skipped", child.get("message") or "")
    return CellResult(number, "passed", "")
