"""Draws mutants of the kernel modules and runs the tests on each: ``python -m tests.mutation.kernel``.

A mutant is killed when a test fails, or doesn't come to an end. The tests run in an order in which most
mutants die early; one that survives has seen them all. Survivors have to stand in ``equivalent.toml``, each
with the reason why no run can tell it from the kernel's own code.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
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
QUICK_SECONDS = 60  # of CPU: then a run counts as one without an end; the quick tests take less than ten
OWN_SECONDS = 120  # a module's own tests take some seconds,
SECONDS = 1_500  # and all the others, without a mutant, some minutes
# Tests of a module that stand in a file of another name.
ELSEWHERE = {
    "apparatus": ["test_filemap"],
    "arch_fault": ["test_kvm_s390"],
    "areas": ["test_gup"],
    "cow": ["test_memory"],
    "direct_io": ["test_splice"],
    "fault": ["test_fault_kernel", "test_fault_later"],
    "fault_errors": ["test_fault", "test_fault_kernel"],
    "file_fault": ["test_shmem"],
    "filemap": ["test_page_lock"],
    "fork": ["test_cow"],
    "gup": ["test_gup_memory"],
    "gup_locked": ["test_gup"],
    "hugetlb_areas": ["test_hugetlb"],
    "hugetlb_gup": ["test_hugetlb"],
    "iov_iter": ["test_splice"],
    "mcontinue": ["test_hugetlb", "test_hole"],
    "mcopy_hugetlb": ["test_hugetlb"],
    "mcopy": ["test_userfaultfd_ioctl"],
    "mprotect": ["test_cow", "test_memory"],
    "readahead": ["test_filemap"],
    "retry": ["test_page_lock"],
    "syscalls": ["test_userfaultfd_ioctl"],
    "truncate": ["test_file_fault", "test_filemap"],
    "userfaultfd": ["test_userfaultfd_ioctl"],
    "writeback": ["test_file_fault"],
}
TESTS = (  # those that see most come first
    "tests/pyemu/explore/test_explore.py",
    "tests/conform/test_not_recorded.py",
    "tests/pyemu/kernel",
    "tests/pyemu",
    "tests/conform",
    "tests/course/series",
)
PYTEST = ("pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutation.plugin")
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: the test that killed it, or nothing."""

    @classmethod
    def from_row(cls, mutant: Mutant, row: dict[str, str]) -> Verdict:
        """Read what `row` gives."""
        return cls(mutant, row["killer"])

    def row(self) -> dict[str, str]:
        """Give the verdict as plain data; `code` tells which text of the function it is about."""
        return {"mutant": self.mutant.name, "code": code_of(self.mutant), "killer": self.killer}

    mutant: Mutant
    killer: str

    @property
    def killed(self) -> bool:
        """Some test failed."""
        return bool(self.killer)


def code_of(mutant: Mutant) -> str:
    """Give a short name for a mutant's text."""
    return sha256(mutant.source.encode()).hexdigest()[:16]


@cache
def every_mutant() -> tuple[Mutant, ...]:
    """Give every mutant of every kernel module."""
    found: list[Mutant] = []
    for path in sorted(KERNEL.rglob("*.py")):
        if path.name != "__init__.py":
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found += mutants(dotted, path.read_text(encoding="utf-8"))
    return tuple(found)


def drawn(n: int = N_DRAWN, seed: int = SEED, modules: Collection[str] = ()) -> list[Mutant]:
    """Draw mutants by lot, of some modules or of all: the seed gives each name a number, and the lowest win.

    So a change of one function changes the lots of its own mutants alone, and the draw stays what it was.
    """
    return lots(
        (one for one in every_mutant() if not modules or one.module.rpartition(".")[2] in modules), n, seed
    )


def lots(asked: Iterable[Mutant], n: int, seed: int) -> list[Mutant]:
    """Give the mutants with the lowest lots."""
    return sorted(asked, key=lambda one: sha256(f"{seed} {one.name}".encode()).digest())[:n]


def tests_for(mutant: Mutant) -> list[str]:
    """Give the module's own tests."""
    module = mutant.module.rpartition(".")[2]
    names = (f"test_{module}", *ELSEWHERE.get(module, ()))
    paths = [f"tests/pyemu/kernel/{name}.py" for name in names]
    return [path for path in paths if (ROOT / path).exists()]


def check(mutant: Mutant) -> Verdict:
    """Run the quick tests on a mutant, its own, then all that look at the kernel, until one fails."""
    found = check_by_own_tests(mutant)
    return found if found.killed else Verdict(mutant, _killer(mutant, [*PYTEST, *TESTS], SECONDS))


def check_by_own_tests(mutant: Mutant) -> Verdict:
    """Run the quick tests and the module's own."""
    found, own = check_quickly(mutant), tests_for(mutant)
    if found.killed or not own:
        return found
    return Verdict(mutant, _killer(mutant, [*PYTEST, *own], OWN_SECONDS))


def check_quickly(mutant: Mutant) -> Verdict:
    """Run the quick tests alone."""
    return Verdict(mutant, _killer(mutant, ["tests.mutation.quick"], QUICK_SECONDS))


def _killer(mutant: Mutant, command: list[str], seconds: int) -> str:
    """Run a module on a mutant, for so many seconds of CPU at most; give what failed in it, or nothing."""
    # Without FAULTLAB_CI: it makes a run fail that leaves out tests of tests/must_run.txt.
    environment = {name: value for name, value in os.environ.items() if name != "FAULTLAB_CI"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.py"
        path.write_text(f"# {mutant.module}\n{mutant.source}\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment | {"FAULTLAB_MUTANT": str(path), "FAULTLAB_MUTANT_CPU": str(seconds)},
            check=False,
        )
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "no end"
    if done.returncode == 0:
        return ""
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or lines[-1:] or ["no word"])[0][:160]


def check_all(chosen: list[Mutant], jobs: int, how: Callable[[Mutant], Verdict] = check) -> Iterator[Verdict]:
    """Run the tests on each mutant, some at a time, and give the verdicts as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(how, mutant) for mutant in chosen]):
            yield done.result()


def read_verdicts(path: Path, chosen: list[Mutant]) -> list[Verdict]:
    """Read the verdicts of an earlier run, as far as the mutants still are what they were."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
    known = {(row["mutant"], row["code"]): row for row in rows}
    keys = {(mutant.name, code_of(mutant)): mutant for mutant in chosen}
    return [Verdict.from_row(mutant, known[key]) for key, mutant in keys.items() if key in known]


def equivalents() -> dict[str, str]:
    """Give the mutants that no run can tell from the kernel's own code: name -> reason."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return {row["mutant"]: row["reason"] for row in rows}


def main() -> int:
    """Draw, run, print what survived; status 0 when every survivor is known to be equivalent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=N_DRAWN, help="how many to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--modules", nargs="+", default=(), metavar="NAME", help="of these alone (default: all)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: %(default)s)")
    parser.add_argument(
        "--verdicts", type=Path, metavar="FILE", help="JSON lines: read what is known, add what is found"
    )
    parser.add_argument("--own", action="store_true", help="a first pass: each module's own tests alone")
    asked = parser.parse_args()
    chosen = drawn(asked.n, asked.seed, asked.modules)
    known = equivalents()
    verdicts = read_verdicts(asked.verdicts, chosen) if asked.verdicts else []
    done = {verdict.mutant.name for verdict in verdicts}
    left = [mutant for mutant in chosen if mutant.name not in done]
    for verdict in tqdm(
        check_all(left, asked.jobs, check_by_own_tests if asked.own else check),
        total=len(left),
        desc="mutants",
    ):
        verdicts.append(verdict)
        if asked.verdicts and (verdict.killed or not asked.own):  # other tests may kill what own tests don't
            with asked.verdicts.open("a", encoding="utf-8") as file:
                print(json.dumps(verdict.row()), file=file)
    survivors = [one.mutant for one in verdicts if not one.killed]
    for mutant in survivors:
        print(f"survived: {mutant.name}: {known.get(mutant.name, 'NOT KNOWN')}")
    print(f"{len(verdicts)} drawn with seed {asked.seed}, {len(verdicts) - len(survivors)} killed.")
    return int(any(mutant.name not in known for mutant in survivors))


if __name__ == "__main__":
    sys.exit(main())
