"""States and moves a second of the explorer, as ratios to a plain run, and how they grow.

``python -m tests.bench.bench_explore`` explores scenarios of the library by turns: with the kernel's own
code, with a handler in this process, and with the same handler in a child. "Plain" is `Machine.run` of the
same scenario, measured in the same turn: its operations a second are what the executor makes of the machine
when nothing is kept and nothing is gone back to. ``--plot FILE`` draws how states and moves grow with the
number of tasks and with the steps of each.
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

import pyemu.stubs as stubs
from course.handlers import ChildHandler
from pyemu import Machine, Scenario, Tree
from pyemu.explore.explorer import Explorer

FUNCTION = "do_user_addr_fault"
HANDLER = """
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        fault = await handle_mm_fault(vma, address, flags)
        if await fault_signal_pending(fault, regs):
            return
        if fault & VM_FAULT_RETRY:
            flags |= FAULT_FLAG_TRIED
            continue
        await up_read(mm)
        return
"""
LESSONS = ("S10a", "S10b", "S10c", "S13", "S14", "S15", "W2", "S12", "syzbot-2017")
PIPED = ("S13", "S10a")
KEYS = ("states", "moves", "seconds", "states_per_second", "ratio")
MAX_STATES = 200_000


def seconds_of(explorer: Explorer) -> tuple[float, int, int]:
    """Explore; give seconds of wall time, states, moves."""
    start = time.perf_counter()
    found = explorer.run("sleep", MAX_STATES)
    if not found.finished:
        raise AssertionError(f"{found.scenario} has more than {MAX_STATES} states")
    return time.perf_counter() - start, found.n_states, found.n_moves


def plain(scenario: Scenario, tree: Tree, n: int) -> float:
    """Give the operations a second of plain runs, of `n` operations at least."""
    steps, spent = 0, 0.0
    while steps < n:
        machine = Machine(scenario, tree)
        start = time.perf_counter()
        machine.run()
        spent += time.perf_counter() - start
        steps += machine.world.step
    return steps / spent


def measure(names: tuple[str, ...], tree: Tree, rounds: int) -> dict[str, dict[str, float]]:
    """Measure each scenario by turns.

    Parameters
    ----------
    names : tuple of str
        Scenarios of the library.
    tree : Tree
        On which tree.
    rounds : int
        Explorations of each; the median counts.

    Returns
    -------
    dict of str to dict
        Scenario -> ``states``, ``moves``, ``seconds`` (of wall time), ``states_per_second`` and ``ratio``: of
        its moves a second to the operations a second of a plain run. A scenario with `` here`` or `` piped``
        behind its name ran with a handler in this process, or in a child.
    """
    rows: dict[str, list[tuple[float, ...]]] = {}

    def note(title: str, explorer: Explorer, bare: float) -> None:
        seconds, states, moves = seconds_of(explorer)
        rows.setdefault(title, []).append((states, moves, seconds, states / seconds, moves / seconds / bare))

    handler: dict[str, Any] = {name: getattr(stubs, name) for name in stubs.__all__}
    exec(HANDLER, handler)  # as a cell of a notebook does
    for _ in range(rounds):
        for name in names:
            scenario = Scenario.load(name)
            bare = plain(scenario, tree, 2_000)
            note(name, Explorer(scenario, tree), bare)
            if name in PIPED:
                note(f"{name} here", Explorer(scenario, tree, {FUNCTION: handler[FUNCTION]}), bare)
                with ChildHandler(HANDLER, FUNCTION) as child:
                    note(f"{name} piped", Explorer(scenario, tree, {FUNCTION: child}), bare)
    return {
        title: dict(zip(KEYS, map(median, zip(*found, strict=True)), strict=True))
        for title, found in rows.items()
    }


def family(n_tasks: int, n_steps: int) -> Scenario:
    """Give a scenario of so many tasks of one process, each of which reads so many fresh pages."""
    tasks = [
        {
            "name": f"T{task}",
            "process": "P",
            "program": [
                {"do": "read", "area": "V", "page": task * n_steps + step} for step in range(n_steps)
            ],
        }
        for task in range(n_tasks)
    ]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": f"{n_tasks} tasks, {n_steps} steps",
            "title": "Reads of fresh pages",
            "areas": [{"name": "V", "pages": 64}],
            "tasks": tasks,
        }
    )


def growth(tree: Tree, sizes: list[tuple[int, int]]) -> list[dict[str, float]]:
    """Explore the family; give tasks, steps, states, moves (by sleep sets, and all), seconds of each."""
    rows = []
    for n_tasks, n_steps in sizes:
        scenario = family(n_tasks, n_steps)
        seconds, states, moves = seconds_of(Explorer(scenario, tree))
        local = Explorer(scenario, tree).run("local", MAX_STATES)
        rows.append(
            {
                "tasks": n_tasks,
                "steps": n_steps,
                "states": states,
                "moves": moves,
                "local_states": local.n_states,
                "seconds": seconds,
            }
        )
    return rows


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Draw how the states grow with the tasks, and with the steps of each."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, key, other, fixed in zip(axes, ("tasks", "steps"), ("steps", "tasks"), (1, 2), strict=True):
        chosen = sorted((row for row in rows if row[other] == fixed), key=lambda row: row[key])
        at = [row[key] for row in chosen]
        for what, mark in (("states", "o-"), ("moves", "s--"), ("local_states", "^:")):
            axis.plot(at, [row[what] for row in chosen], mark, label=what.replace("_", ", "))
        axis.set_yscale("log")
        axis.set_xticks(at)
        axis.set_xlabel(f"{key} ({fixed} {other if fixed > 1 else other.removesuffix('s')})")
        axis.grid(visible=True, alpha=0.3)
    axes[0].set_ylabel("number")
    axes[0].legend()
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; with ``--json FILE`` write the figures, with ``--plot FILE`` draw the growth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tree", default="after")
    parser.add_argument("--rounds", type=int, default=3, help="explorations of each; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--plot", type=Path, help="draw the growth, as SVG or PNG by the file's name")
    options = parser.parse_args(arguments)
    tree = Tree.parse(options.tree)
    figures = measure(LESSONS, tree, options.rounds)
    table = Table(title=f"explored on tree {tree}")
    for heading in ("scenario", "states", "moves", "seconds", "states/s", "ratio to a plain run"):
        table.add_column(heading, justify="left" if heading == "scenario" else "right")
    for name, row in figures.items():
        counts = (f"{row[key]:,.0f}" for key in ("states", "moves"))
        speed = f"{row['states_per_second']:,.0f}"
        table.add_row(name, *counts, f"{row['seconds']:.2f}", speed, f"{row['ratio']:.2f}")
    sizes = [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (2, 3), (2, 4), (2, 6)]
    rows = growth(tree, sizes)
    grown = Table(title="how it grows: tasks of one process that read fresh pages")
    for key in rows[0]:
        grown.add_column(key.replace("_", ", "), justify="right")
    for row in rows:
        grown.add_row(
            *(f"{value:,.2f}" if key == "seconds" else f"{value:,.0f}" for key, value in row.items())
        )
    console = Console()
    console.print(table)
    console.print(grown)
    if options.json is not None:
        text = json.dumps({"explored": figures, "growth": rows}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.plot is not None:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
