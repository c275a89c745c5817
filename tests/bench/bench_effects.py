"""Effects a second: the executor, a learner's function in this process, and one in a child process.

``python tests/bench/bench_effects.py`` runs one scenario, in which a monitor wakes a reader very often and
brings no page, in each of these ways by turns, and compares each with the kernel's own code by its median.
Each run must show the same events. "Bare" is a loop that resumes a coroutine and looks a name up, and does
nothing else: the floor.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from course.handlers import ChildHandler
from pyemu import Machine, Scenario, Tree
from pyemu.effects.handles import current as current_task
from pyemu.effects.signals import signal_pending
from pyemu.stubs import *  # noqa: F403  the handler below is written as a learner writes it

NAME = "do_user_addr_fault"
HANDLER = f"""
async def {NAME}(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER
    await perf_sw_event("page-faults")
    major = 0
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        start = await vma.vm_start
        if await access_error(error_code, vma):
            return
        fault = await handle_mm_fault(vma, address, flags)
        major |= fault & VM_FAULT_MAJOR
        if await fault_signal_pending(fault, regs):
            return
        if not fault & VM_FAULT_RETRY:
            break
        flags |= FAULT_FLAG_TRIED
    await up_read(mm)
    await count("maj_flt" if major else "min_flt")
    await perf_sw_event("major-faults" if major else "minor-faults")
"""


def scenario(n_wakes: int) -> Scenario:
    """Give the scenario: one fault, `n_wakes` wakes without a page."""
    answer = [{"do": "wait_message"}, {"do": "wake", "area": "V"}]
    copy = [{"do": "wait_message"}, {"do": "copy", "area": "V"}]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "many wakes",
            "title": "A fault that is asked for again and again",
            "areas": [{"name": "V", "userfaultfd": True}],
            "tasks": [
                {"name": "T", "program": [{"do": "read", "area": "V"}]},
                {"name": "M", "monitor": True, "program": answer * n_wakes + copy},
            ],
        }
    )


def bare(n_effects: int) -> float:
    """Give the seconds that a loop takes to get `n_effects` effects out of a coroutine and do nothing."""

    async def ask() -> None:
        for _ in range(n_effects):
            await signal_pending(current_task)

    table = {"signal_pending": False}
    coroutine = ask()
    start = time.process_time()
    try:
        effect = coroutine.send(None)
        while True:
            effect = coroutine.send(table[effect.op])
    except StopIteration:
        return time.process_time() - start


def timed(machine: Machine, clock: Callable[[], float]) -> tuple[float, int, list[Any]]:
    """Run a machine; give the seconds, the number of effects and what happened, task by task.

    Where another function makes one operation more or less, the tasks take turns a little differently.
    """
    start = clock()
    result = machine.run(strict=True)
    seconds = clock() - start
    events = [(event.task, event.t, event.kind, event.a) for event in result.trace]
    return seconds, machine.world.step, sorted(events, key=lambda one: one[0])


def measure(n_wakes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure each way by turns.

    Parameters
    ----------
    n_wakes : int
        Length of the scenario.
    rounds : int
        Runs of each way.

    Returns
    -------
    dict of str to dict
        Way -> ``effects_per_second`` (median) and ``ratio`` to the executor with the kernel's own code.
    """
    spec = scenario(n_wakes)
    namespace: dict[str, Any] = dict(globals())
    exec(HANDLER, namespace)
    speeds: dict[str, list[float]] = {
        "bare coroutine": [],
        "kernel's own code": [],
        "override": [],
        "child": [],
    }
    for _ in range(rounds):
        seconds, n_effects, events = timed(Machine(spec, Tree.after), time.process_time)
        speeds["kernel's own code"].append(n_effects / seconds)
        speeds["bare coroutine"].append(n_effects / bare(n_effects))
        seconds, n_effects, own = timed(Machine(spec, Tree.after, {NAME: namespace[NAME]}), time.process_time)
        speeds["override"].append(n_effects / seconds)
        with ChildHandler(HANDLER, NAME) as handler:  # two processes: wall time, remote effects alone
            machine = Machine(spec, Tree.after, {NAME: handler})
            seconds, _, remote = timed(machine, time.perf_counter)
            speeds["child"].append(machine.world.tasks[1].n_override_effects / seconds)
        if not events == own == remote:
            raise AssertionError("the three ways differ in what happened")
    middle = {way: median(values) for way, values in speeds.items()}
    floor = middle["kernel's own code"]
    return {way: {"effects_per_second": value, "ratio": value / floor} for way, value in middle.items()}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; with ``--json FILE`` write the figures as well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wakes", type=int, default=2_000, help="wakes without a page in the scenario")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    figures = measure(options.wakes, options.rounds)
    table = Table(title=f"one fault, {options.wakes:,} wakes without a page")
    for heading in ("where the handler runs", "effects/s", "ratio"):
        table.add_column(heading, justify="left" if heading.startswith("where") else "right")
    for way, row in figures.items():
        table.add_row(way, f"{row['effects_per_second']:,.0f}", f"{row['ratio']:.3f}")
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
