"""Two hundred damaged notebooks in one batch: each has a result, and the honest have theirs."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.grading.command import TRUST
from course.grading.grade import Status
from course.material.findings import Severity
from course.material.learner import with_answers
from course.material.source import write_notebook
from tests.exercises.answers import cells_of, wrong
from tests.grading.damage import ANSWER, HARMLESS, KINDS, Damaged, damages

N = 200
SEED = 8
WRONG = {"e01_truth_table": "user-kill-only", "e04_loop": "still-clears"}
# What a person who reads a finding is told to do, or what was done already.
STEP = re.compile(
    r"\b(hand|save|write|remove|turn|put|keep|clear|look|shorten)\b"
    r"|\b(restored|skipped|taken|was found|read all|counts?)\b"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, graded.

    Attributes
    ----------
    out : Path
        Its folder of results.
    stderr : str
        What the command said there.
    drawn : list of Damaged
        The damages in it.
    n_honest : int
        How many notebooks in it are not damaged.
    """

    out: Path
    stderr: str
    drawn: list[Damaged]
    n_honest: int

    def result(self, name: str) -> dict[str, Any]:
        """Give what is stored of a submission."""
        results: dict[str, Any] = json.loads((self.out / name / "results.json").read_bytes())
        return results

    def ours(self, name: str) -> dict[str, Any]:
        """Give our part of it."""
        part: dict[str, Any] = self.result(name)["extra_data"]["faultlab"]
        return part

    def damaged(self) -> Iterator[tuple[Damaged, dict[str, Any]]]:
        """Give each damage with our part of its result."""
        return ((one, self.ours(one.name)) for one in self.drawn)


def graded(exercise: str, folder: Path, out: Path) -> str:
    words = ["grade", str(folder), "--out", str(out), "--exercise", exercise, "--seed", "s", TRUST]
    command = [sys.executable, "-m", "course.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def notebooks(exercise: str) -> list[str]:
    """Give three notebooks as honest learners fill them in: two right answers and a wrong one."""
    one = exercise_of(exercise)
    files = (None, wrong(one, WRONG[exercise]).file, one.right[0].file)
    return [write_notebook(with_answers(pristine(exercise), cells_of(one, file))) for file in files]


@pytest.fixture(scope="module", params=["e01_truth_table", pytest.param("e04_loop", marks=pytest.mark.long)])
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """All of them graded together."""
    folder, out = tmp_path_factory.mktemp("damaged"), tmp_path_factory.mktemp("out")
    honest = notebooks(request.param)
    for number, text in enumerate(honest):
        (folder / f"honest-{number}.ipynb").write_text(text, encoding="utf-8")
    drawn = list(damages(N, SEED, [json.loads(text) for text in honest]))
    for one in drawn:
        one.write(folder / f"{one.name}.ipynb")
    return Batch(out, graded(request.param, folder, out), drawn, len(honest))


def test_each_kind_of_damage_is_among_them_twice(batch: Batch):
    assert len(batch.drawn) == N
    assert N // len(KINDS) >= 2


def test_each_is_graded_or_rejected_and_the_batch_goes_on(batch: Batch):
    rows = (batch.out / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + N + batch.n_honest
    assert {
        one.name: ours["status"] for one, ours in batch.damaged() if ours["status"] not in set(Status)
    } == {}


def test_each_damage_is_called_by_its_name(batch: Batch):
    other = {}
    for one, ours in batch.damaged():
        names = {finding["name"] for finding in ours["findings"]}
        full = ours["points"] == batch.ours(f"honest-{one.base}")["points"]
        judged = any(row["outcome"] == "failed" for row in ours["behaviours"]) and bool(ours["headline"])
        harmless = HARMLESS in one.findings and not names and full
        if not (names & one.findings or harmless or (ANSWER in one.findings and judged and not full)):
            other[one.name] = (sorted(names), ours["headline"])
    assert other == {}


def test_each_finding_says_in_a_sentence_what_is_wrong_and_what_to_do(batch: Batch):
    for one, ours in batch.damaged():
        for finding in ours["findings"]:
            message = finding["message"]
            assert 30 < len(message) < 400, (one.name, message)
            assert message.endswith("."), (one.name, message)
            assert finding["name"] == "unanswered" or STEP.search(message.lower()), (one.name, message)


def test_what_was_not_run_says_so_and_has_no_points(batch: Batch):
    for one, ours in batch.damaged():
        severities = {finding["severity"] for finding in ours["findings"]}
        rejected = Severity.REJECTED.name.lower() in severities
        assert (ours["status"] == Status.REJECTED) == (ours["points"] is None) == rejected, one.name


def test_no_damage_gives_more_points_than_the_undamaged_notebook(batch: Batch):
    more = {
        one.name: ours["points"]
        for one, ours in batch.damaged()
        if (ours["points"] or 0) > batch.ours(f"honest-{one.base}")["points"]
    }
    assert more == {}


def test_no_traceback_stands_anywhere(batch: Batch):
    assert batch.stderr == ""
    for path in batch.out.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            assert b"Traceback" not in data, path
            assert str(Path(__file__).parents[2]).encode() not in data, path


def test_the_honest_get_what_they_get_without_the_damaged(batch: Batch, tmp_path: Path):
    exercise = batch.ours("honest-0")["exercise"]
    folder = tmp_path / "honest"
    folder.mkdir()
    for number, text in enumerate(notebooks(exercise)):
        (folder / f"honest-{number}.ipynb").write_text(text, encoding="utf-8")
    graded(exercise, folder, tmp_path / "out")
    for number in range(batch.n_honest):
        alone, among = (place / f"honest-{number}" for place in (tmp_path / "out", batch.out))
        for path in alone.iterdir():
            assert (among / path.name).read_bytes() == path.read_bytes()
        assert len(list(among.iterdir())) == len(list(alone.iterdir())) == 4
