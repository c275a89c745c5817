"""A scenario in a line a task, for lessons: ``sketch("mine", T="read 1", M="wait_message; copy 1")``.

Steps are those of a scenario's file (`pyemu.scenario`), parted by ``;``: the step's name, then a page,
several as ``0-3``, or ``it`` for the page of the last message that was read; then keys of the step as
``byte=6``. All share one area V of four pages, whose page 0 is there. M is the monitor. The other tasks are
threads of one process, and go on after a SIGBUS; those that stand `apart` are processes of their own.

What V shows can be chosen as well, and the architecture whose page-fault handler runs.
"""

from __future__ import annotations

import re
from typing import Any

from pyemu.errors import ScenarioError
from pyemu.scenario import Scenario
from pyemu.scenario.steps import MEMORY, STEPS, Action

__all__ = ["sketch"]

PAGES = 4
FILE = {"name": "F", "pages": 1, "cached": True}
AREAS: dict[str, dict[str, Any]] = {
    "userfaultfd": {"populated": [0]},
    "private": {"populated": [0]},
    "file": {"file": "F"},
    "oom": {"kind": "oom"},
    "sigsegv": {"kind": "sigsegv"},
}
MONITOR = "M"
AREA = "V"
BUFFER = "B"
_WORDS = {"yes": True, "no": False}


def sketch(
    name: str,
    *,
    area: str = "userfaultfd",
    served: str = "missing",
    apart: str = "",
    arch: str = "x86",
    **programs: str,
) -> Scenario:
    """Make a scenario of a line for each task.

    Parameters
    ----------
    name : str
        What the scenario is called.
    area : str
        What V is: memory that a ``userfaultfd`` serves, ``private`` memory, a ``file`` of one page, of which
        V shows three more than it has, or a driver whose first fault gives an error: ``oom``, ``sigsegv``.
    served : str
        What the userfaultfd serves its area for: ``missing``, ``wp`` or ``missing+wp``.
    apart : str
        Names of tasks that are neither threads of the others nor waited for: ``"S"`` or ``"S U"``.
    arch : str
        The architecture whose handler runs: ``x86``, ``sh``, ``arm64``, ...
    **programs : str
        Name of a task -> its steps. The task M is the monitor.

    Returns
    -------
    Scenario
        Runs on any tree, and can be explored.

    Raises
    ------
    ScenarioError
        A step is none, or its words don't fit it; there is no such area or architecture.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> print(run(sketch("mine", T="read 1", M="wait_message; copy 1"), Tree.after))
    mine on tree after: T: ret=5
    """
    if area not in AREAS:
        raise ScenarioError(f"area is {area!r}; it must be one of: {', '.join(AREAS)}.")
    tasks: list[dict[str, Any]] = []
    monitors = {MONITOR, *apart.split()}
    for task, text in programs.items():
        program = [_step(part.split(), task) for part in text.split(";") if part.strip()]
        if task in monitors:
            tasks.append({"name": task, "monitor": True, "program": program})
        else:
            signals = {"SIGBUS": "escape", "SIGUSR1": "handler"}
            if area != "userfaultfd":
                signals["SIGSEGV"] = "escape"
            tasks.append({"name": task, "process": "P", "signals": signals, "program": program})
    buffer = {"name": BUFFER, "process": "P", "pages": 2, "populated": [0, 1]}
    memory = {"name": AREA, "process": "P", "pages": PAGES, **AREAS[area]}
    if area == "userfaultfd":
        memory["userfaultfd"] = served
    buffered = any("buffer" in step for task in tasks for step in task["program"])
    return Scenario.from_dict(
        {
            "version": 1,
            "name": name,
            "title": "A sketch of one's own",
            "story": " ".join(f"{task}: {text}." for task, text in programs.items()),
            "machine": {"arch": arch},
            "files": [FILE] if area == "file" else [],
            "areas": [memory, buffer] if buffered else [memory],
            "tasks": tasks,
        },
        f"sketch {name!r}",
    )


def _step(words: list[str], task: str) -> dict[str, Any]:
    """Read one step."""
    name, *rest = words
    if name not in tuple(Action):
        raise ScenarioError(
            f"task {task}: {name!r} is no step. Some that are: read, write, wait_message, copy, wake, pause."
        )
    action = Action(name)
    step: dict[str, Any] = {"do": name}
    if "area" in STEPS[action]:
        step["area"] = AREA
    if action in MEMORY and "buffer" in STEPS[action]:
        step["buffer"] = BUFFER
    where = f"task {task}, step {' '.join(words)!r}"
    for word in rest:
        step |= _words(word, where)
    keys = STEPS[action]
    if "page" in keys and keys.get("pages", 1) and not {"page", "answer"} & set(step):
        raise ScenarioError(f"{where}: it says no page. Add one: 1, 0-3, or it for that of the last message.")
    return step


def _words(word: str, where: str) -> dict[str, Any]:
    """Read a page, several, or a key with its value."""
    if word == "it":
        return {"answer": True}
    if found := re.fullmatch(r"(\d)(?:-(\d))?", word, re.ASCII):
        first, last = int(found[1]), int(found[2] or found[1])
        return {"page": first} | ({"pages": last - first + 1} if last > first else {})
    if found := re.fullmatch(r"(\w+)=(\w+)", word, re.ASCII):
        value = found[2]
        return {found[1]: int(value) if value.isdecimal() else _WORDS.get(value, value)}
    raise ScenarioError(f"{where}: {word!r} is neither a page (1, 0-3, it) nor a key (byte=6, wake=no).")
