"""Draws mutants of the kernel modules and runs the tests on each: ``python -m tests.mutation.kernel``.

A mutant is killed when a test fails, or doesn't come to an end. The tests run in an order in which most
mutants die early; one that survives has seen them all. Survivors have to stand in ``equivalent.toml``, each
with the reason why no run can tell it from the kernel's own code.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from tests.mutation.operators import Mutant, mutants
from tests.mutation.paths import ROOT

KERNEL = ROOT / "pyemu" / "kernel"
SEED = 20200220  # the day on which the series was posted
N_DRAWN = 200
QUICK_SECONDS = 120  # then a run counts as one without an end: the quick tests take less than ten
SECONDS = 900  # and all the others, on a busy machine, a few minutes
TESTS = ("tests/pyemu/kernel", "tests/pyemu", "tests/conform", "tests/course/series")
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: the test that killed it, or nothing."""

    mutant: Mutant
    killer: str

    @property
    def killed(self) -> bool:
        """Some test failed."""
        return bool(self.killer)


@cache
def every_mutant() -> tuple[Mutant, ...]:
    """Give every mutant of every kernel module."""
    found: list[Mutant] = []
    for path in sorted(KERNEL.rglob("*.py")):
        if path.name != "__init__.py":
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found += mutants(dotted, path.read_text(encoding="utf-8"))
    return tuple(found)


def drawn(n: int = N_DRAWN, seed: int = SEED) -> list[Mutant]:
    """Draw mutants by lot: the seed gives each name a number, and the lowest win.

    So a change of one function changes the lots of its own mutants alone, and the draw stays what it was.
    """
    return sorted(every_mutant(), key=lambda one: sha256(f"{seed} {one.name}".encode()).digest())[:n]


def tests_for(mutant: Mutant) -> list[str]:
    """Give the tests in the order in which they run: those of the module first."""
    own = f"tests/pyemu/kernel/test_{mutant.module.rpartition('.')[2]}.py"
    return [path for path in (own, *TESTS) if (ROOT / path).exists()]


def check(mutant: Mutant) -> Verdict:
    """Run the quick tests on a mutant, then all that look at the kernel, until one fails."""
    found = check_quickly(mutant)
    if found.killed:
        return found
    pytest = ["pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutation.plugin"]
    return Verdict(mutant, _killer(mutant, [*pytest, *tests_for(mutant)], SECONDS))


def check_quickly(mutant: Mutant) -> Verdict:
    """Run the quick tests alone."""
    return Verdict(mutant, _killer(mutant, ["tests.mutation.quick"], QUICK_SECONDS))


def _killer(mutant: Mutant, command: list[str], seconds: int) -> str:
    """Run a module on a mutant, for so long at most; give what failed in it, or nothing."""
    # Without FAULTLAB_CI: it makes a run fail that leaves out tests of tests/must_run.txt.
    environment = {name: value for name, value in os.environ.items() if name != "FAULTLAB_CI"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.py"
        path.write_text(f"# {mutant.module}\n{mutant.source}\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                capture_output=True,
                text=True,
                timeout=seconds,
                cwd=ROOT,
                env=environment | {"FAULTLAB_MUTANT": str(path)},
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "no end"
    if done.returncode == 0:
        return ""
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or lines[-1:] or ["no word"])[0][:160]


def check_all(chosen: list[Mutant], jobs: int) -> Iterator[Verdict]:
    """Run the tests on each mutant, some at a time, and give the verdicts in order."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(check, chosen)


def equivalents() -> dict[str, str]:
    """Give the mutants that no run can tell from the kernel's own code: name -> reason."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {row["mutant"]: row["reason"] for row in rows}


def main() -> int:
    """Draw, run, print what survived; status 0 when every survivor is known to be equivalent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=N_DRAWN, help="how many to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict to this file")
    asked = parser.parse_args()
    chosen = drawn(asked.n, asked.seed)
    known = equivalents()
    verdicts = []
    for verdict in tqdm(check_all(chosen, asked.jobs), total=len(chosen), desc="mutants"):
        verdicts.append(verdict)
        if not verdict.killed:
            tqdm.write(f"survived: {verdict.mutant.name}: {known.get(verdict.mutant.name, 'NOT KNOWN')}")
    survivors = [one.mutant for one in verdicts if not one.killed]
    print(f"{len(verdicts)} drawn with seed {asked.seed}, {len(verdicts) - len(survivors)} killed.")
    if asked.json is not None:
        rows = [{"mutant": one.mutant.name, "killer": one.killer} for one in verdicts]
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(any(mutant.name not in known for mutant in survivors))


if __name__ == "__main__":
    sys.exit(main())
