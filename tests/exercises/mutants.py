"""Wrong answers made by operators: ``python -m tests.exercises.mutants [EXERCISE...]``.

The operators change one thing in a right answer; of what they give, some are drawn by lot and judged as a
learner's answer. One that gets all points survives. Survivors have to stand in ``equivalent.toml``, each with
the difference from the right answer, and the reason why no check can tell it from that.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyemu.stubs
from course.checks.judge import judge
from course.checks.library import checks_of, exercise_ids, exercise_of
from course.checks.verdict import Outcome
from tests.exercises.answers import COMPILED, cells_of
from tests.exercises.operators import changed_lines, further
from tests.mutation.kernel import SEED, Verdict, lots, read_verdicts
from tests.mutation.operators import Mutant, mutants

N_DRAWN = 50
LEAST_CAUGHT = 0.9
OF_CASES = "mutants"  # draws the numbers of the scenarios
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@cache
def every_mutant(exercise: str) -> tuple[Mutant, ...]:
    """Give every mutant of an exercise's right answer, each as the source of all answer cells."""
    cells = cells_of(exercise_of(exercise))
    return tuple(
        Mutant(exercise, one.function, one.what, "\n\n".join((cells | {cell: one.source}).values()))
        for cell, text in cells.items()
        for one in _of_cell(exercise, text)
    )


def _of_cell(exercise: str, text: str) -> Iterator[Mutant]:
    if exercise not in COMPILED:
        yield from mutants(exercise, text, vars(pyemu.stubs), further, tables=True)
        return
    (row,) = ast.parse(text).body
    assert isinstance(row, ast.Assign)
    name = ast.unparse(row.targets[0])
    for what, changed in changed_lines(ast.literal_eval(row.value)):
        yield Mutant(exercise, name, what, f"{name} = {changed!r}")


def drawn(exercise: str, n: int = N_DRAWN, seed: int = SEED) -> list[Mutant]:
    """Draw mutants of an exercise's answer by lot."""
    return lots(every_mutant(exercise), n, seed)


def difference(mutant: Mutant) -> str:
    """Give the lines in which a mutant differs from the right answer."""
    right = "\n\n".join(map(_plain, cells_of(exercise_of(mutant.module)).values()))
    rows = difflib.unified_diff(right.splitlines(), _plain(mutant.source).splitlines(), n=0, lineterm="")
    return "\n".join(row for row in rows if row.startswith(("+", "-")) and not row.startswith(("+++", "---")))


def _plain(source: str) -> str:
    """Give a source as Python writes it, and a Cython text as it stands."""
    tree = ast.parse(source)
    match tree.body:
        case [ast.Assign(value=ast.Constant(value=str(text)))]:
            return text
    return ast.unparse(tree)


def check(mutant: Mutant) -> Verdict:
    """Judge a mutant as an answer; what it lost stands in the verdict."""
    exercise = exercise_of(mutant.module)
    given = judge(exercise, checks_of(mutant.module), mutant.source, OF_CASES)
    lost = [row.behaviour.id for row in given.rows if row.outcome is Outcome.FAILED]
    assert given.full != bool(lost)
    return Verdict(mutant, ", ".join(lost))


def equivalents() -> dict[str, dict[str, str]]:
    """Give the mutants that are as right as the right answer, by name: ``difference`` and ``reason``."""
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return {row["mutant"]: row for row in rows}


def main() -> int:
    """Draw, judge, print what survived; status 0 when every survivor is known to be equivalent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="ids (default: all)")
    parser.add_argument("-n", type=int, default=N_DRAWN, help="how many of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--verdicts", type=Path, metavar="FILE", help="JSON lines: read what is known, add what is found"
    )
    asked = parser.parse_args()
    known, unknown = equivalents(), 0
    for exercise in asked.exercises or exercise_ids():
        chosen = drawn(exercise, asked.n, asked.seed)
        verdicts = read_verdicts(asked.verdicts, chosen) if asked.verdicts else []
        done = {one.mutant.name for one in verdicts}
        for mutant in (one for one in chosen if one.name not in done):
            verdicts.append(check(mutant))
            if asked.verdicts:
                with asked.verdicts.open("a", encoding="utf-8") as file:
                    print(json.dumps(verdicts[-1].row()), file=file)
        survivors = [one.mutant for one in verdicts if not one.killed]
        new = [one for one in survivors if one.name not in known]
        unknown += len(new)
        print(
            f"{exercise}: {len(every_mutant(exercise))} mutants, {len(verdicts)} drawn, "
            f"{len(verdicts) - len(survivors)} caught, {len(survivors) - len(new)} equivalent, "
            f"{len(new)} surviving.",
            flush=True,
        )
        for mutant in new:
            print(f"\n{mutant.name}\n{difference(mutant)}\n", flush=True)
    return int(unknown > 0)


if __name__ == "__main__":
    sys.exit(main())
