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
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyemu.stubs
from course.checks.judge import Judge
from course.checks.library import checks_of, exercise_ids, exercise_of
from course.checks.verdict import Outcome
from course.material.solution import solved, stubbed
from tests.exercises.answers import COMPILED, cells_of
from tests.exercises.operators import changed_lines, further
from tests.mutation.kernel import SEED, Verdict, lots, read_verdicts
from tests.mutation.operators import Mutant, mutants

N_DRAWN = 50
LEAST_CAUGHT = 0.9
LONGEST = 110  # characters of a line of a difference; a longer one is a table
OF_CASES = "mutants"  # draws the numbers of the scenarios
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@cache
def every_mutant(exercise: str) -> tuple[Mutant, ...]:
    """Give every mutant of what a learner writes, each as the source of all answer cells."""
    cells = cells_of(exercise_of(exercise))
    own = {
        one["id"]: own_lines(one["source"]) for one in exercise_of(exercise).master() if one["id"] in cells
    }
    return tuple(
        Mutant(exercise, one.function, one.what, "\n\n".join((cells | {cell: one.source}).values()))
        for cell, text in cells.items()
        for one in _of_cell(exercise, text)
        if exercise in COMPILED or line_of(ast.parse(text), ast.parse(one.source)) in own[cell]
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


def own_lines(source: str) -> frozenset[int]:
    """Give the numbers of the lines of a solved answer cell that are not given to the learner."""
    given, right = (one(source, "").splitlines() for one in (stubbed, solved))
    changes = difflib.SequenceMatcher(None, given, right, autojunk=False).get_opcodes()
    return frozenset(
        n + 1 for kind, _, _, first, last in changes if kind != "equal" for n in range(first, last)
    )


def line_of(right: ast.AST, other: ast.AST, line: int = 0) -> int:
    """Give the line of the first node of a tree that is not the same in another one; 0 when there is none."""
    line = getattr(right, "lineno", line)
    if type(right) is not type(other):
        return line
    for name, value in ast.iter_fields(right):
        ours, theirs = (one if isinstance(one, list) else [one] for one in (value, getattr(other, name)))
        for left, other_one in zip(ours, theirs, strict=False):
            if isinstance(left, ast.AST):
                if found := line_of(left, other_one, line):
                    return found
            elif left != other_one:
                return line
        if len(ours) != len(theirs):
            return line
    return 0


def drawn(exercise: str, n: int = N_DRAWN, seed: int = SEED) -> list[Mutant]:
    """Draw mutants of an exercise's answer by lot."""
    return lots(every_mutant(exercise), n, seed)


def difference(mutant: Mutant) -> str:
    """Give the lines in which a mutant differs from the right answer."""
    right = "\n\n".join(map(_plain, cells_of(exercise_of(mutant.module)).values()))
    rows = difflib.unified_diff(right.splitlines(), _plain(mutant.source).splitlines(), n=0, lineterm="")
    return "\n".join(row for row in rows if row.startswith(("+", "-")) and not row.startswith(("+++", "---")))


def _plain(source: str) -> str:
    """Give a source as Python writes it, an entry of a table a line, and a Cython text as it stands."""
    tree = ast.parse(source)
    match tree.body:
        case [ast.Assign(value=ast.Constant(value=str(text)))]:
            return text
    lines = ast.unparse(tree).splitlines()
    return "\n".join(
        re.sub(r", (?=['({\[])", ",\n ", line) if len(line) > LONGEST else line for line in lines
    )


@cache
def judge_of(exercise: str) -> Judge:
    """Give the judge of an exercise's mutants."""
    return Judge(exercise_of(exercise), checks_of(exercise), OF_CASES)


def check(mutant: Mutant) -> Verdict:
    """Judge a mutant as an answer; what it lost stands in the verdict."""
    given = judge_of(mutant.module).verdict(mutant.source)
    lost = [row.behaviour.id for row in given.rows if row.outcome is Outcome.FAILED]
    assert given.full != bool(lost)
    return Verdict(mutant, ", ".join(lost))


def equivalents(kind: str = "equivalent") -> dict[str, dict[str, str]]:
    """Give the mutants that are as right as the right answer, by name: ``difference`` and ``reason``.

    Those of the kind ``open`` are wrong, and no check notices: the reason says what one would have to ask.
    """
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get(kind, [])
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
