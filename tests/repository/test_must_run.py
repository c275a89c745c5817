"""In CI a test of tests/must_run.txt that was skipped, or is gone, fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import wanted

HERE = Path(__file__).parents[2]


def run(folder: Path, must_run: str, *options: str, ci: str = "1") -> subprocess.CompletedProcess[str]:
    """Run a small suite of three tests under the project's conftest.py."""
    (folder / "conftest.py").write_bytes((HERE / "tests" / "conftest.py").read_bytes())
    (folder / "must_run.txt").write_text(must_run)
    (folder / "test_it.py").write_text(
        "import pytest\n"
        "def test_runs(): pass\n"
        "def test_skips(): pytest.skip('no compiler')\n"
        "@pytest.mark.skip(reason='never')\n"
        "def test_is_marked(): pass\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
        *options,
    ]
    env = os.environ | {"FAULTLAB_CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=folder)


def test_a_test_that_ran_satisfies_the_list(tmp_path: Path) -> None:
    assert run(tmp_path, "# a comment\n\ntest_it.py::test_runs  # why\n").returncode == 0


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("test_it.py::test_skips", "test_it.py::test_skips was skipped; in CI it has to run"),
        ("test_it.py::test_is_marked", "test_it.py::test_is_marked was skipped"),
        ("test_it.py", "test_it.py::test_skips was skipped"),
        ("test_it.py::test_renamed", "test_it.py::test_renamed did not run"),
        ("test_gone.py", "test_gone.py did not run"),
    ],
)
def test_a_test_that_did_not_run_fails_the_run_and_is_named(
    tmp_path: Path, prefix: str, message: str
) -> None:
    result = run(tmp_path, prefix)
    assert result.returncode == 1
    assert message in result.stdout


def test_tests_that_run_in_other_processes_are_counted_too(tmp_path: Path) -> None:
    options = ["-p", "xdist.plugin", "-n", "1"]
    assert run(tmp_path, "test_it.py::test_runs", *options).returncode == 0
    assert run(tmp_path, "test_it.py::test_skips", *options).returncode == 1


def test_outside_ci_a_skip_is_a_skip(tmp_path: Path) -> None:
    assert run(tmp_path, "test_it.py::test_skips", ci="0").returncode == 0


def test_every_line_of_the_list_names_a_file_that_exists() -> None:
    files = [line.partition("::")[0] for line in wanted((HERE / "tests" / "must_run.txt").read_text())]
    assert files
    assert [file for file in files if not (HERE / file).exists()] == []
