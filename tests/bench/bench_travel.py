"""A seek to any step of a long run, as a ratio to running from the start; and what a history costs.

``python -m tests.bench.bench_travel`` runs one scenario of at least 100,000 steps with and without a history,
by turns, and seeks steps that are drawn with a fixed seed. "From the start" is the time of the plain run up
to the step that is sought, in proportion.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

from rich.console import Console
from rich.table import Table

from pyemu import Machine, Scenario, Tree
from pyemu.machine import Result
from pyemu.travel import History

PAGES = 64
STEPS_A_ROUND = 33  # a write that faults, and MADV_DONTNEED


def scenario(n_steps: int) -> Scenario:
    """Give a scenario of at least so many steps: a task writes pages and gives them back, again and again."""
    program = [
        {"do": do, "area": "V", "page": number % PAGES}
        for number in range(n_steps // STEPS_A_ROUND + 1)
        for do in ("write", "madvise_dontneed")
    ]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "long",
            "title": "A long run",
            "machine": {"max_ticks": 1_000_000},
            "areas": [{"name": "V", "pages": PAGES}],
            "tasks": [{"name": "T", "program": program}],
        }
    )


def timed(action: Callable[[], object]) -> float:
    """Give the seconds of processor time that something takes."""
    start = time.process_time()
    action()
    return time.process_time() - start


def run(one: Scenario, *, history: bool) -> tuple[float, Result]:
    """Run it; give the seconds of the run alone."""
    machine, found = Machine(one, Tree.after, history=history), []
    return timed(lambda: found.append(machine.run(strict=True))), found[0]


def measure(n_steps: int, rounds: int, n_seeks: int = 200) -> dict[str, float]:
    """Measure.

    Parameters
    ----------
    n_steps : int
        Steps of the run, at least.
    rounds : int
        Runs of each kind; the median counts.
    n_seeks : int
        Steps that are sought.

    Returns
    -------
    dict of str to float
        ``steps``; ``seek`` and ``seek_and_read``: how many times faster than running from the start;
        ``recording``: time of a run with a history, to one without; ``forward``, ``back``: seconds a step.
    """
    one = scenario(n_steps)
    plain, recorded = [], []
    for _ in range(rounds):
        plain.append(run(one, history=False)[0])
        seconds, result = run(one, history=True)
        recorded.append(seconds)
    history = result.history
    draw = random.Random(5_007)
    steps = [draw.randrange(history.last + 1) for _ in range(n_seeks)]
    from_start = median(plain) * mean(steps) / history.last
    address = one.area("V").address
    seek = timed(lambda: [history.at(step) for step in steps]) / n_seeks
    read = timed(lambda: [history.at(step).byte(1, address) for step in steps]) / n_seeks
    return {
        "steps": history.last,
        "seek": from_start / seek,
        "seek_and_read": from_start / read,
        "recording": median(recorded) / median(plain),
        **walks(history),
    }


def walks(history: History) -> dict[str, float]:
    """Give the seconds of a step forwards and of one backwards, over a whole history."""
    cursor = history.cursor()
    forward = timed(lambda: repeat(cursor.forward, history.last))
    back = timed(lambda: repeat(cursor.back, history.last))
    return {"forward": forward / history.last, "back": back / history.last}


def repeat(action: Callable[[], None], n: int) -> None:
    """Do something again and again."""
    for _ in range(n):
        action()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; with ``--json FILE`` write the figures as well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000, help="steps of the run, at least")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    figures = measure(options.steps, options.rounds)
    table = Table(title=f"A run of {figures['steps']:,.0f} steps")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("a seek, faster than from the start", f"{figures['seek']:,.0f} times")
    table.add_row("a seek and the first byte read", f"{figures['seek_and_read']:,.0f} times")
    table.add_row("a run with a history, to one without", f"{figures['recording']:.2f}")
    for way in ("forward", "back"):
        table.add_row(f"a step {way}", f"{figures[way] * 1e6:.2f} us")
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
