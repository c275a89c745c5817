"""Records of kind ``slow_file``: a major fault on a file while the disk does four reads a second.

The victim maps a file of 64 pages and reads page 20. 60 ms later its state is looked at and the event comes:

=======  ================================================
none     nothing
sig1     SIGUSR1, whose handler has SA_RESTART
stop     SIGSTOP; SIGCONT 300 ms after the victim stopped
kill     SIGKILL
=======  ================================================

``path`` tells how the page is read: ``readahead`` (the fault waits for the lock of a page that readahead
brings) or ``random(no readahead)`` (the mapping is MADV_RANDOM, so the fault reads its page itself).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from course.conform.experiment import unknown
from course.conform.kernels import TWO_CPUS, Computer
from course.conform.measure import total
from pyemu.machine import run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

Step = dict[str, Any]
Fields = dict[str, int | str]

MS = 1_000  # ticks
FILE_PAGES = 64
PAGE = 20
BYTE = 9  # what the file holds
IO_TICKS = (
    350 * MS
)  # the fault's read waits for one of another process: between one and two turns of the disk
EVENT_AT = 60 * MS
STOPPED_FOR = 300 * MS
PATIENCE = 6_000 * MS
PATHS = ("readahead", "random(no readahead)")
EVENTS = ("none", "sig1", "stop", "kill")
SIGNALS = {"sig1": "SIGUSR1", "stop": "SIGSTOP", "kill": "SIGKILL"}


@dataclass(frozen=True, slots=True)
class SlowFault:
    """One recorded fault on the slow disk.

    Parameters
    ----------
    path : str
        One of `PATHS`; ``random`` is short for the second.
    event : str
        One of `EVENTS`.

    Raises
    ------
    RecordError
        When a name is none of these.
    """

    path: str
    event: str

    def __post_init__(self) -> None:
        if self.path not in (*PATHS, "random"):
            raise unknown("path", self.path, PATHS)
        if self.event not in EVENTS:
            raise unknown("event", self.event, EVENTS)

    def scenario(self, computer: Computer = TWO_CPUS) -> Scenario:
        """Give the experiment as a scenario: the victim is task T, who sends the signal is task M.

        Parameters
        ----------
        computer : Computer
            The machine.

        Returns
        -------
        Scenario
            Runs on any tree.
        """
        monitor: list[Step] = [
            {"do": "pause", "ticks": EVENT_AT},
            {"do": "sample", "task": "T", "label": "blocked"},
        ]
        if self.event in SIGNALS:
            monitor.append({"do": "signal", "task": "T", "signal": SIGNALS[self.event]})
        if self.event == "stop":
            # It stops when its read is done, at the latest; then it stays so for 300 ms.
            monitor.append({"do": "pause", "ticks": IO_TICKS + STOPPED_FOR})
            monitor.append({"do": "signal", "task": "T", "signal": "SIGCONT"})
        area = {"name": "F", "pages": FILE_PAGES, "kind": "file", "file": "slow", "shared": True, "prot": "r"}
        return Scenario.from_dict(
            {
                "version": 1,
                "name": f"slow file {self.path} {self.event}",
                "title": "A recorded fault on a slow disk",
                "machine": {"max_ticks": PATIENCE, **computer.as_table()},
                "files": [
                    {"name": "slow", "pages": FILE_PAGES, "cached": False, "io_ticks": IO_TICKS, "byte": BYTE}
                ],
                "areas": [{**area, "random": self.path.startswith("random")}],
                "tasks": [
                    {
                        "name": "T",
                        "signals": {"SIGUSR1": "restart"},
                        "program": [{"do": "read", "area": "F", "page": PAGE}],
                    },
                    {"name": "M", "monitor": True, "program": monitor},
                ],
            }
        )


@cache
def predict_slow(fault: SlowFault, tree: Tree, computer: Computer = TWO_CPUS) -> Fields:
    """Say what becomes of a fault on the slow disk.

    Parameters
    ----------
    fault : SlowFault
        What is done.
    tree : Tree
        The code that runs.
    computer : Computer
        The machine.

    Returns
    -------
    dict
        The fields of a record, from ``outcome`` to the counters.
    """
    result = run(fault.scenario(computer), tree)
    victim = result.tasks["T"]
    ends = result.trace.select("exit", task="T")
    samples = [
        event
        for event in result.trace.select("report", task="M")
        if event.a == "sample blocked" and (not ends or event.step < ends[0].step)
    ]
    return {
        "path": fault.path,
        "event": fault.event,
        "outcome": victim.outcome if ends and result.end == "done" else "HUNG",
        "state_blocked": str(samples[0].b) if samples else "-",
        "handler_runs": victim.stats.get("handler_runs", 0),
        **total(result, "T"),
    }
