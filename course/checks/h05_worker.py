"""A learner's compiled walk at work: this file runs in a child, with the standard library alone.

It reads a job from its standard input, a JSON object: the ``libraries`` (the shared one first), the limits,
and ``batches``, each with the hexadecimal bytes of ``ram``, ``vas`` and ``writes``. Where ``rounds`` isn't 0
the last batch is also walked by plain Python, in turns. What comes of it goes to standard output as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
import time
from array import array
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["PLAIN", "main"]

SPARE = 1024  # entries behind the RAM, present, each naming the place of these entries as a table
PLAIN = """def walk_all(ram, root, vas, writes, pas):
    for i in range(len(vas)):
        table = root
        for shift in (39, 30, 21, 12):
            place = (table >> 3) + (vas[i] >> shift & 511)
            if table >> 3 >= len(ram) or not ram[place] & 1:
                return i
            ram[place] |= 0x60 if writes[i] and shift == 12 else 0x20
            table = ram[place] & 0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095
    return len(vas)
"""


def main() -> None:
    """Do the job."""
    job, clock = json.load(sys.stdin), time.thread_time_ns
    for name, most in job["limits"].items():
        resource.setrlimit(getattr(resource, name), (most, most))
    done: dict[str, Any] = {"batches": []}
    try:
        module = [_load(Path(one)) for one in job["libraries"]][-1]
        walk = module.walk_all
        done["kind"] = type(walk).__name__
        for batch in job["batches"]:
            done["batches"].append(_walked(walk, batch))
        if job["rounds"]:
            done["ratio"] = _ratio(walk, job["batches"][-1], job["rounds"], clock)
            done["calls"] = _calls(module, job["batches"][-1])
    except Exception as error:  # noqa: BLE001  whatever a learner's code raises is shown in words
        done["error"] = f"{type(error).__name__}: {error}"
    sys.stdout.write("\n" + json.dumps(done))


def _load(library: Path) -> Any:
    name = library.stem
    spec = importlib.util.spec_from_file_location(
        name, library, loader=ExtensionFileLoader(name, str(library))
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _given(batch: dict[str, Any]) -> tuple[Any, int, Any, Any, Any]:
    """Make the arguments of a walk; a part of a longer array is the RAM, and another one the results."""
    entries = array("Q", bytes.fromhex(batch["ram"]))
    n = len(entries)
    entries.extend([8 * n | 0x67] * SPARE)
    vas = array("Q", bytes.fromhex(batch["vas"]))
    pas = array("Q", bytes(8 * (len(vas) + 64)))
    writes = array("B", bytes.fromhex(batch["writes"]))
    return memoryview(entries)[:n], batch["root"], vas, writes, memoryview(pas)[: len(vas)]


def _walked(walk: Any, batch: dict[str, Any]) -> dict[str, Any]:
    given = _given(batch)
    before = array("Q", given[0].tobytes())
    n_done = walk(*given)
    changed = [[n, new] for n, (new, old) in enumerate(zip(given[0], before, strict=True)) if new != old]
    return {
        "done": n_done if isinstance(n_done, int) else repr(n_done)[:60],
        "changed": changed,
        "pas": given[4].tobytes().hex(),
    }


def _ratio(walk: Any, batch: dict[str, Any], rounds: int, clock: Any) -> float:
    """Median of ratios of CPU time: plain Python to the learner's walk, measured in turns."""
    names: dict[str, Any] = {}
    exec(PLAIN, names)  # ours
    slow, fast = _given(batch), _given(batch)

    def seconds(one: Any, given: Any, times: int) -> int:
        taken: list[int] = []
        for _ in range(times):
            start = clock()
            one(*given)
            taken.append(clock() - start)
        return max(min(taken), 1)

    walk(*fast)
    ratio: float = median(seconds(names["walk_all"], slow, 1) / seconds(walk, fast, 3) for _ in range(rounds))
    return ratio


def _calls(module: Any, batch: dict[str, Any]) -> int:
    """Count how often a walk calls other functions of its module, through Python."""
    n = 0

    def counted(function: Any) -> Any:
        def call(*args: Any) -> Any:
            nonlocal n
            n += 1
            return function(*args)

        return call

    walk = module.walk_all
    for name, value in list(vars(module).items()):
        if name != "walk_all" and "function" in type(value).__name__:
            setattr(module, name, counted(value))
    walk(*_given(batch))
    return n


if __name__ == "__main__":
    main()
