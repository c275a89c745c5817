"""A slow page, and readers and a writer of mmap_sem: one program of several threads on a slow disk."""

from __future__ import annotations

from typing import Any

from pyemu.scenario import Scenario

__all__ = ["readers", "slow_page"]

IO_TICKS = 10_000
PROCESS = "P"


def slow_page(arch: str = "x86", *, reader: bool = False, signal: str = "") -> Scenario:
    """Let T touch a page that the disk needs 10 ms for, and W map something after 1 ms.

    Parameters
    ----------
    arch : str
        Whose page-fault handler: ``csky`` passes no ALLOW_RETRY [fact:arch-csky-no-retry].
    reader : bool
        U touches a page that is in memory, after 2 ms.
    signal : str
        In the place of W's mapping, S sends T this signal after 5 ms.

    Returns
    -------
    Scenario
        Runs on any tree.
    """
    tasks = [_task("T", 0, {"do": "read", "area": "F", "page": 1})]
    if signal:
        tasks[0]["signals"] = {"SIGUSR1": "handler"}
        tasks.append(
            {"name": "S", "program": [_pause(5_000), {"do": "signal", "task": "T", "signal": signal}]}
        )
    else:
        tasks.append(_task("W", 1_000, {"do": "mmap_fixed", "area": "W"}))
    if reader:
        tasks.append(_task("U", 2_000, {"do": "read", "area": "G"}))
    story = "T reads a page of a file; the disk needs 10 ms for it. After 1 ms W calls mmap()."
    return _scenario(f"slow-page-{arch}", story, arch, tasks)


def readers() -> Scenario:
    """Let A and B hold mmap_sem for reading, W want to write it, and C want to read it.

    Returns
    -------
    Scenario
        Of the architecture csky, whose faults hold mmap_sem while they wait [fact:arch-csky-no-retry].
    """
    tasks = [
        _task("A", 0, {"do": "read", "area": "F", "page": 1}),
        _task("B", 500, {"do": "read", "area": "F", "page": 1}),
        _task("W", 1_000, {"do": "mmap_fixed", "area": "W"}),
        _task("C", 2_000, {"do": "read", "area": "G"}),
    ]
    story = (
        "A and B read one slow page. W calls mmap() after 1 ms. C reads a page that is in memory, after 2 ms."
    )
    return _scenario("readers", story, "csky", tasks)


def _task(name: str, after: int, step: dict[str, Any]) -> dict[str, Any]:
    program = [_pause(after), step] if after else [step]
    return {"name": name, "process": PROCESS, "program": program}


def _pause(ticks: int) -> dict[str, Any]:
    return {"do": "pause", "ticks": ticks}


def _scenario(name: str, story: str, arch: str, tasks: list[dict[str, Any]]) -> Scenario:
    return Scenario.from_dict(
        {
            "version": 1,
            "name": name,
            "title": "Who waits on whom",
            "story": story,
            "machine": {"arch": arch},
            "files": [{"name": "F", "pages": 4, "io_ticks": IO_TICKS}, {"name": "G", "cached": [0]}],
            "areas": [
                {"name": "F", "process": PROCESS, "file": "F", "pages": 4, "prot": "r", "random": True},
                {"name": "G", "process": PROCESS, "file": "G", "prot": "r"},
                {"name": "W", "process": PROCESS},
            ],
            "tasks": tasks,
        },
        f"scene {name!r}",
    )
