"""The same experiment gives the same bytes: twice, on both twins, in another process with other hashes."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course.conform.experiment import ACCESSES, Experiment
from course.conform.kernels import TREES
from course.conform.script import Script
from course.conform.slow_file import SlowFault
from pyemu import COMPILED, Scenario, Tree, run

N_EXPERIMENTS = 50
EVENTS = ("none", "sig1", "sig1r", "sig3", "stop", "kill", "wake1", "wake3", "unreg", "close")
SCRIPTS = (
    ("WP", "user_write", "anon", "handler", "m p10 cwp m p20 u1 p60 st wp-"),
    ("S15b", "pvm_remote", "anon", "handler", "m p10 Q w p20 st kill T"),
    ("storm", "user_read", "anon", "storm", "m p150 c"),
    ("S12b", "tmpfs_write2", "anon", "handler", "m p30 u1 p30 c p5 poll c"),
    ("slow", "pvm", "filer", "handler", "p60 kill T"),
)


def drawn() -> list[tuple[str, Scenario, Tree]]:
    """Draw experiments and trees; the same ones in every process."""
    lot = random.Random(20200401)
    trees = [*TREES.values(), Tree.upto(9), Tree.v5_7 - 13, Tree.v5_7 - 10, Tree.v5_7 + "B5"]
    found: list[tuple[str, Scenario, Tree]] = []
    while len(found) < N_EXPERIMENTS:
        tree = lot.choice(trees)
        one: Any = Experiment(lot.choice([*ACCESSES]), lot.choice(EVENTS), lot.choice(["anon", "shmem"]))
        if len(found) % 5 == 0:
            one = Script(*lot.choice(SCRIPTS))
        elif len(found) % 5 == 1:
            one = SlowFault(lot.choice(["readahead", "random"]), lot.choice(["none", "sig1", "stop", "kill"]))
        found.append((f"{one} on {tree}", one.scenario(), tree))
    return found


def lines(twin: str) -> list[str]:
    """Give, for each experiment, its name and the digest of its trace as JSON lines and of its counters."""
    found = []
    for name, scenario, tree in drawn():
        result = run(scenario, tree, twin=twin)
        rest = repr((result.tasks, result.vmstat, result.violations, result.reports))
        found.append(f"{name} {hashlib.sha256((result.trace.to_jsonl() + rest).encode()).hexdigest()}")
    return found


@pytest.fixture(scope="module")
def first() -> list[str]:
    return lines("ref")


@pytest.mark.parametrize("twin", ["ref", *(["fast"] if COMPILED else [])])
def test_each_twin_gives_the_same_bytes(twin: str, first: list[str]) -> None:
    assert lines(twin) == first


def test_another_process_with_other_hashes_gives_the_same_bytes(first: list[str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.conform.test_determinism import lines; print(*lines('ref'), sep='\\n')",
        ],
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == first


def test_the_lot_is_what_it_claims_to_be(first: list[str]) -> None:
    assert len({line.rpartition(" ")[2] for line in first}) >= 30, "most of them differ from each other"
