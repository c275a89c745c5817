"""Steps and faults a second of the kernel's paths, as ratios to a bare coroutine.

``python -m tests.bench.bench_kernel`` runs one scenario for each path by turns. A step is an applied effect,
a fault an attempt (a call of handle_mm_fault). "Bare" is a loop that resumes a coroutine and looks a name up,
and does nothing else (`bench_effects.bare`), measured in the same turn: the floor of any executor of
coroutines.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from pyemu import Machine, Scenario, Tree
from tests.bench.bench_effects import bare

Step = dict[str, Any]
ANON: Step = {"name": "V", "pages": 512}
SERVED: Step = {**ANON, "userfaultfd": True}


def each_page(n: int, do: str, **keys: Any) -> list[Step]:
    """Give a step for each of the first `n` pages."""
    return [{"do": do, "area": "V", "page": page, **keys} for page in range(n)]


def paths(n: int) -> dict[str, dict[str, Any]]:
    """Give the scenarios: path -> area, victim's program, monitor's program. Each makes about `n` faults."""
    answers = [one for page in range(n) for one in ({"do": "wait_message"}, *each_page(1, "copy", page=page))]
    return {
        "demand zero, write": {"area": ANON, "T": each_page(n, "write")},
        "zero page, then write": {"area": ANON, "T": each_page(n // 2, "read") + each_page(n // 2, "write")},
        "userfaultfd, copy": {"area": SERVED, "T": each_page(n, "read"), "M": answers},
        "kernel copy": {"area": ANON, "T": each_page(n, "read_zero")},
        "get_user_pages": {"area": ANON, "T": each_page(n, "mlock")},
    }


def scenario(name: str, path: dict[str, Any]) -> Scenario:
    """Give the scenario of a path."""
    monitor = [{"name": "M", "monitor": True, "program": path["M"]}] if "M" in path else []
    return Scenario.from_dict(
        {
            "version": 1,
            "name": name,
            "title": "A path of the kernel, again and again",
            "machine": {"ram_pages": 2048},
            "areas": [path["area"]],
            "tasks": [{"name": "T", "program": path["T"]}, *monitor],
        }
    )


def measure(n: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure each path by turns.

    Parameters
    ----------
    n : int
        Faults of each scenario, about.
    rounds : int
        Runs of each path; the median counts.

    Returns
    -------
    dict of str to dict
        Path -> ``steps_per_second``, ``faults_per_second`` and ``ratio``: of its steps to those of a bare
        coroutine.
    """
    scenarios = {name: scenario(name, path) for name, path in paths(n).items()}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in scenarios}
    for _ in range(rounds):
        for name, one in scenarios.items():
            machine = Machine(one, Tree.v5_7)
            start = time.process_time()
            result = machine.run(strict=True)
            seconds = time.process_time() - start
            steps, faults = machine.world.step, result.tasks["T"].stats["attempts"]
            rows[name].append((steps / seconds, faults / seconds, bare(steps) / seconds))
    keys = ("steps_per_second", "faults_per_second", "ratio")
    return {
        name: dict(zip(keys, map(median, zip(*found, strict=True)), strict=True))
        for name, found in rows.items()
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; with ``--json FILE`` write the figures as well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faults", type=int, default=400, help="faults of each scenario, about; at most 512")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each path; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    figures = measure(options.faults, options.rounds)
    table = Table(title=f"{options.faults} faults a path, tree v5_7")
    for heading in ("path", "steps/s", "faults/s", "ratio to bare"):
        table.add_column(heading, justify="left" if heading == "path" else "right")
    for name, row in figures.items():
        speeds = (f"{row[key]:,.0f}" for key in ("steps_per_second", "faults_per_second"))
        table.add_row(name, *speeds, f"{row['ratio']:.3f}")
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
