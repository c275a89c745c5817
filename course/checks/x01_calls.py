"""The calls of exercise X1: what get_user_pages says to its caller, read from runs on the kernel before 5.7.

A page that is asked for is named by what it takes to get it:

===========  ================================================
``there``    it is in memory
``disk``     a disk has to bring it
``monitor``  a monitor has to bring it, for a userfaultfd
``huge``     the same, for a huge page
===========  ================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pyemu.flags import errno_name

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["Call", "said_by", "syscall"]

NO_POINTER, OWN_LOCK = "get_user_pages", "get_user_pages_unlocked"
Said = tuple[int | str, int | None, bool]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a driver.

    Attributes
    ----------
    entry : str
        ``get_user_pages``, ``get_user_pages_locked`` or ``get_user_pages_unlocked``.
    pages : tuple of str
        What it asks for.
    nowait : bool
        It says FOLL_NOWAIT.
    killed : bool
        The task gets SIGKILL while it waits, and no page comes.
    ticks : int
        How long whoever answers takes.
    """

    entry: str
    pages: tuple[str, ...]
    nowait: bool = False
    killed: bool = False
    ticks: int = 10_000

    @property
    def name(self) -> str:
        """The call in words."""
        more = (", FOLL_NOWAIT" if self.nowait else "") + (", SIGKILL" if self.killed else "")
        return f"{self.entry}({' and '.join(self.pages)}{more})"


@cache
def said_by(call: Call) -> Said:
    """Give the count or the error, ``*locked``, and whether an area that was found before still counts.

    ``*locked`` is None where the caller is told nothing of the lock. An area that the caller found before
    counts as long as nobody released mmap_sem since.
    """
    result = _run([_pin(call)], call.pages, _answer(call), call.ticks)
    events = result.trace.select("gup", "lock_dropped", task="T")
    last = max(n for n, event in enumerate(events) if event.kind == "gup")
    held = not any(event.kind == "lock_dropped" for event in events[:last]) and call.entry != OWN_LOCK
    told = call.entry not in (NO_POINTER, OWN_LOCK)
    return _count(int(events[last].a)), int(events[last].b) if told else None, held


def _count(n: int) -> int | str:
    return n if n >= 0 else errno_name(n)


def _pin(call: Call) -> dict[str, Any]:
    return {"do": "pin", "entry": call.entry, "pages": len(call.pages), "nowait": call.nowait}


def _answer(call: Call) -> list[dict[str, Any]]:
    """Give what the monitor does when it has read a message."""
    if call.killed:
        return [{"do": "signal", "task": "T", "signal": "SIGKILL"}]
    return [{"do": "copy", "area": "V", "answer": True, "byte": 5}]


@cache
def syscall(name: str, n_wakes: int) -> tuple[int | str, int]:
    """Give what a system call returns, and the messages that it made.

    Parameters
    ----------
    name : str
        ``mlock`` or ``proc_mem``, a read of ``/proc/self/mem``, of a page that a monitor has to bring.
    n_wakes : int
        So often the monitor wakes the task before it brings the page.

    Returns
    -------
    tuple
        A number, or the name of an error; and a number of messages.
    """
    steps = {"mlock": "mlock", "proc_mem": "procmem_read"}
    again = [{"do": "wake", "area": "V", "page": 0}, {"do": "wait_message"}] * n_wakes
    copy = {"do": "copy", "area": "V", "page": 0, "byte": 5}
    task = _run([{"do": steps[name]}], ("monitor",), [*again, copy], 1_000).tasks["T"]
    value = task.outcome.removeprefix("ret=")
    return int(value) if value.isdecimal() else value, task.stats["messages_queued"]


def _run(steps: list[dict[str, Any]], pages: tuple[str, ...], answer: list[Any], ticks: int) -> Result:
    """Run a task T whose area V holds the pages, and a monitor M that answers a message once."""
    from pyemu import Scenario, Tree, run

    tasks: list[dict[str, Any]] = [
        {"name": "T", "program": [step | {"area": "V", "page": 0} for step in steps]}
    ]
    scenario: dict[str, Any] = {"version": 1, "name": "a call", "title": "A driver asks for pages"}
    area: dict[str, Any]
    if pages == ("disk",):
        area = {"file": "F", "shared": True}
        scenario["files"] = [{"name": "F", "pages": 4, "io_ticks": ticks}]
    else:
        there = [number for number, kind in enumerate(pages) if kind == "there"]
        area = {"userfaultfd": True, "pages": len(pages), "populated": there}
        if pages == ("huge",):
            area = {"userfaultfd": True, "kind": "hugetlb"}
        monitor = [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, *answer]
        tasks.append({"name": "M", "monitor": True, "program": monitor})
    scenario |= {"areas": [{"name": "V", **area}], "tasks": tasks}
    return run(Scenario.from_dict(scenario), Tree.before)
