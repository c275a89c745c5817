"""How long it takes to begin, as ratios within one run: imports against an empty Python, lesson 00 against an
empty notebook.

::

    python -m tests.bench.bench_start

Ways take turns, and of each the quickest of several rounds counts: what else the machine does only adds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LESSON = Path(__file__).parents[2] / "lessons" / "00-one-fault.ipynb"


def quickest(ways: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Seconds of the quickest round of each way."""
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    return seconds


def imports(rounds: int, statements: tuple[str, ...] = ("import pyemu", "import course")) -> dict[str, float]:
    """How often as long as an empty Python each statement takes."""

    def python(statement: str) -> None:
        subprocess.run([sys.executable, "-c", statement], check=True)

    ways = {one: lambda one=one: python(one) for one in ("pass", *statements)}
    seconds = quickest(ways, rounds)
    return {one: seconds[one] / seconds["pass"] for one in statements}


def first_output(rounds: int) -> float:
    """How often as long as an empty notebook lesson 00 takes from a new kernel to its first output."""
    lesson = json.loads(LESSON.read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in lesson["cells"] if cell["cell_type"] == "code"]
    seconds = quickest({"empty": lambda: _run("1"), "lesson": lambda: _run(code[0])}, rounds)
    return seconds["lesson"] / seconds["empty"]


def _run(source: str) -> None:
    """Run one cell that has an output in a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    made: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(made, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    if not made.cells[0].outputs:
        raise AssertionError(f"a cell has no output: {source!r}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    for statement, ratio in imports(rounds).items():
        print(f"{statement}: {ratio:.2f} times an empty Python")
    print(f"lesson 00 to its first output: {first_output(rounds):.2f} times an empty notebook")


if __name__ == "__main__":
    main()
