"""Hostile and damaged notebooks: each gets what it deserves, touches no other, and leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from course.grading.batch import grade_all
from course.grading.collect import Submission
from course.grading.record import Record
from course.grading.sandbox import find_sandbox
from pyemu.proctree import descendants
from tests.exercises.answers import cells_of, wrong
from tests.grading.conftest import answered

SANDBOX = find_sandbox()
pytestmark = pytest.mark.skipif(SANDBOX.level < 2, reason=SANDBOX.reason or "there is a sandbox")

SEED = "a seed"
E04 = exercise_of("e04_loop")
LOOP = sum(one.points for one in E04.behaviours if not one.id.startswith("mutant-"))
HERE = Path(__file__).parent
# What differs from the file's own words, and why.
OTHERWISE = {
    # It asks ipykernel for the folder of a kernel's sockets: there is no kernel here, and no such folder.
    "disk_fill_connection_dir": ("failed", "No module named 'ipykernel'"),
    # It drops modules beside the notebook; the first one is refused, since no answer writes files.
    "shadow_modules": ("killed", "disk"),
    # "graded" with no points and "failed" are one and the same here: it ran, and nothing of it was right.
    "prompt_injection": ("failed", ""),
}
FAMILIES = (("anna", None), ("ben", "still-clears"))


@dataclass(frozen=True)
class Batch:
    """A batch with all attacks in it, and the same batch without them."""

    attacks: list[dict[str, object]]
    records: dict[str, Record]
    out: Path
    alone: Path
    left: set[str]


def processes() -> set[str]:
    """Give the processes that this one has started, and those that an attack leaves behind."""
    found = {str(number) for number in descendants(os.getpid())}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"import time;time.sleep(60)" in path.read_bytes():
                found.add(path.parent.name)
    return found


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("attacks")
    base = folder / "base.ipynb"
    # The loop is what is attacked: nobody gets the points of the tests beside it.
    base.write_text(answered(cells_of(E04) | {"tests": "TESTS = [1]"}), encoding="utf-8")
    made = folder / "made"
    command = [
        sys.executable,
        str(HERE / "make_attacks.py"),
        str(made),
        "--base",
        str(base),
        "--cell",
        "loop",
    ]
    signature = "async def do_user_addr_fault(regs, error_code, address)"
    subprocess.run([*command, "--cell", "loop", "--signature", signature], check=True, capture_output=True)
    attacks = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    honest = []
    for name, mistake in FAMILIES:
        answers = cells_of(E04, wrong(E04, mistake).file if mistake is not None else None)
        path = folder / f"{name}.ipynb"
        path.write_text(answered(answers), encoding="utf-8")
        honest.append(Submission(name, path))
    before = processes()
    grade_all(honest, "e04_loop", SEED, folder / "alone", sandbox=SANDBOX)
    all_of_them = [
        honest[0],
        *(Submission(str(one["name"]), made / str(one["file"])) for one in attacks),
        honest[1],
    ]
    records = grade_all(all_of_them, "e04_loop", SEED, folder / "out", sandbox=SANDBOX)
    return Batch(
        attacks,
        {one.submission: one for one in records},
        folder / "out",
        folder / "alone",
        processes() - before,
    )


def test_all_files_of_the_attacks_are_there(batch: Batch):
    assert len(batch.attacks) == 53
    assert set(batch.records) == {str(one["name"]) for one in batch.attacks} | {"anna", "ben"}


def test_each_attack_gets_its_outcome_its_message_and_no_point_too_many(batch: Batch):
    wrong_ones = []
    for attack in batch.attacks:
        name = str(attack["name"])
        outcome, message = OTHERWISE.get(name, (attack["outcome"], str(attack["message"])))
        record = batch.records[name]
        text = (batch.out / name / "results.json").read_text(encoding="utf-8").lower()
        most = float(str(attack["max_score"])) * LOOP
        if (
            record.status != outcome
            or message.lower() not in text
            or (record.points or 0) > most
            or (attack["outcome"] in ("graded", "repaired") and most and record.points != most)
        ):
            wrong_ones.append((name, outcome, message, record.status, record.points, record.headline))
    assert wrong_ones == []


def test_every_other_result_is_as_it_was_without_attackers(batch: Batch):
    for name, _ in FAMILIES:
        for path in sorted((batch.alone / name).iterdir()):
            assert path.read_bytes() == (batch.out / name / path.name).read_bytes(), path


def test_no_process_and_no_file_is_left(batch: Batch):
    assert batch.left == set()
    canary = "pyemu-canary"
    for folder in (Path.cwd(), Path.home(), Path("/tmp"), Path("/dev/shm"), batch.out.parent, HERE):
        assert [one for one in os.listdir(folder) if canary in one] == []  # noqa: PTH208  names are enough
    assert not Path("/tmp/results.json").exists()


def printed(batch: Batch, name: str) -> str:
    results = json.loads((batch.out / name / "results.json").read_bytes())
    return str(results["extra_data"]["faultlab"]["printed"])


@pytest.mark.parametrize("name", ["read_hidden_tests", "read_environment"])
def test_what_an_attack_prints_shows_nothing_of_this_machine(batch: Batch, name: str):
    assert not [word for word in ("ipynb", str(Path.cwd()), "/proc/", "PATH") if word in printed(batch, name)]


def test_an_attack_reaches_no_network(batch: Batch):
    assert "NET" in printed(batch, "network_out")
    assert ") 0\n" not in printed(batch, "network_out")
