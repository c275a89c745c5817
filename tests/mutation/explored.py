"""Which mutants break a rule, and does the explorer find it? ``python -m tests.mutation.explored``.

For each mutant of the draw (`tests.mutation.kernel`) each scenario of the library runs on each tree of which
it says what happens. Where a rule is broken that is neither expected there nor permitted, the explorer looks
at the same scenario on the same tree: it has to find a rule that is broken as well.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from tests.mutation.kernel import N_DRAWN, SEED, code_of, drawn
from tests.mutation.operators import Mutant
from tests.mutation.paths import ROOT

SECONDS = 60  # of CPU: the library takes three
MAX_STATES = 60_000
LARGE = ("B1", "S15b", "signal-storm")  # explorations of minutes: looked at last


def look() -> dict[str, str]:
    """Run the library on the code that is loaded, and explore where that breaks a rule."""
    import tests.mutation.plugin as _plugin  # before the kernel is imported: it puts the mutant in its place
    from pyemu import Scenario, Tree, run
    from pyemu.errors import FaultlabError
    from pyemu.explore import explore

    found = {"plugin": _plugin.__name__, "timed": "", "explored": "", "unfinished": ""}
    for name in sorted(Scenario.library(), key=LARGE.__contains__):
        scenario = Scenario.load(name)
        for said in scenario.expect:
            known = {*said.violations, *scenario.permits}
            for tree in map(Tree.parse, said.trees):
                try:
                    result = run(scenario, tree)
                    rules = {one.rule for one in (*result.findings, *result.violations)}
                    rules |= {result.end} - {said.end, "done"} | ({"spin"} if result.spins else set())
                    broken = sorted(rules - known)
                    if not broken:
                        continue
                    found["timed"] = f"{name} on {tree}: {', '.join(broken)}"
                    explored = explore(scenario, tree, max_states=MAX_STATES)
                except FaultlabError as error:  # the mutant asks for what the machine refuses
                    found["timed"] = ""
                    found["unfinished"] = (
                        f"{name} on {tree}: refused: {error}"  # no rule: nothing was explored
                    )
                    return found
                new = sorted({one.rule for one in explored.findings} - known)
                found["explored"] = ", ".join(new)
                found["unfinished"] = "" if explored.finished else f"{explored.n_states} states"
                return found
    return found


def check(mutant: Mutant) -> dict[str, str]:
    """Look at a mutant in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.py"
        path.write_text(f"# {mutant.module}\n{mutant.source}\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "tests.mutation.explored", "--look"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=os.environ | {"FAULTLAB_MUTANT": str(path), "FAULTLAB_MUTANT_CPU": str(SECONDS)},
            check=False,
        )
    row = {"mutant": mutant.name, "code": code_of(mutant)}
    if done.returncode:
        last = (done.stderr.splitlines() or ["no end"])[-1]
        return {**row, "timed": "", "explored": "", "unfinished": f"status {done.returncode}: {last}"[:200]}
    return {**row, **json.loads(done.stdout.splitlines()[-1])}


def main() -> int:
    """Look at each mutant of the draw; print how many break a rule, and which of them is not found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=N_DRAWN, help="how many to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: %(default)s)")
    parser.add_argument(
        "--rows", type=Path, metavar="FILE", help="JSON lines: read what is known, add the rest"
    )
    parser.add_argument("--look", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.look:
        print(json.dumps(look()))
        return 0
    chosen = drawn(asked.n, asked.seed)
    lines = asked.rows.read_text(encoding="utf-8").splitlines() if asked.rows and asked.rows.exists() else []
    known = {(row["mutant"], row["code"]): row for row in map(json.loads, lines)}
    rows = [known[key] for one in chosen if (key := (one.name, code_of(one))) in known]
    left = [one for one in chosen if (one.name, code_of(one)) not in known]
    with ThreadPoolExecutor(asked.jobs) as pool:
        for done in tqdm(as_completed([pool.submit(check, one) for one in left]), total=len(left)):
            rows.append(done.result())
            if asked.rows:
                with asked.rows.open("a", encoding="utf-8") as file:
                    print(json.dumps(rows[-1]), file=file)
    timed = [row for row in rows if row["timed"]]
    missed = [row for row in timed if not row["explored"]]
    for row in missed:
        how = row["unfinished"] or "every interleaving explored"
        print(f"not found: {row['mutant']}: {row['timed']} ({how})")
    undecided = [row for row in rows if not row["timed"] and row["unfinished"]]
    for row in undecided:
        print(f"undecided: {row['mutant']}: {row['unfinished']}")
    print(f"{len(rows)} mutants: {len(timed)} break a rule; the explorer finds {len(timed) - len(missed)}.")
    print(f"{len(undecided)} are refused, crash the emulator or have no end: nothing is said of them.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
