"""Records of kind ``script``: what a monitor does, word by word, to a task that touches memory.

The words of a script, in the order in which the monitor acts::

    m            wait for a message, at most 1.5 s, and read it
    pN           pause N ms; messages are read meanwhile
    w  c  cn     wake; copy the page in; copy without a wake
    cwp          copy the page in write-protected
    wp+ wp- wpn  write-protect; unprotect; unprotect without a wake
    u1 stop cont chld kill      a signal: SIGUSR1, SIGSTOP, SIGCONT, SIGCHLD, SIGKILL
    st           look at the task's state
    D U UA O     another task that shares the memory gives the page back (MADV_DONTNEED), unmaps it, unmaps
                 all, maps a new page over it whose first byte is 42
    Q            a third task holds mmap_sem for reading while it waits for the disk, a fourth queues to write
    close        close the userfaultfd
    poll         sleep in poll() for a message, six times, 200 ms at most
    T            wait until the task has ended, at most 6 s

`w`, `c` and the others answer the last message that was read. After the last word the monitor waits for 600
ms, resolves what is still waited for, and kills the task if that doesn't end it (``HUNG``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from course.conform.experiment import unknown
from course.conform.kernels import TWO_CPUS, Computer, NotModelled
from course.conform.script_monitor import COMMANDS, MS, PROTECTS, SENT, Monitor
from course.conform.script_tasks import (
    ACCESSES,
    AREA_PAGES,
    FILE_PAGES,
    LATER_ACCESSES,
    LATER_MEMORIES,
    MEMORIES,
    SIGNALS,
    Step,
    helper,
    others,
    victim,
    with_child,
)
from pyemu.errors import RecordError
from pyemu.scenario import Scenario

LONGEST = 200  # words
LONGEST_PAUSE = 60_000  # ms
SLOW = 350 * MS  # for a request of the slow disk
WORDS = (
    *("m", "pN", "w", "c", "cn", "cwp", "wp+", "wp-", "wpn", *SENT, "st"),
    *(*COMMANDS, "Q", "close", "poll", "T"),
)


@dataclass(frozen=True, slots=True)
class Script:
    """One recorded script, by the names that records use.

    Parameters
    ----------
    group, access, mem, signals, script : str
        As in a record. The group ``sigbus`` registers with the feature SIGBUS.

    Raises
    ------
    RecordError
        When a name or a word is none of these.

    Examples
    --------
    >>> Script("S13", "user_read", "anon", "handler", "m p10 w m c").words[:3]
    ('m', 'p10', 'w')
    """

    group: str
    access: str
    mem: str
    signals: str
    script: str

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("access", self.access, (*ACCESSES, *LATER_ACCESSES)),
            ("mem", self.mem, (*MEMORIES, *LATER_MEMORIES)),
            ("signals", self.signals, tuple(SIGNALS)),
        ):
            if value not in allowed:
                raise unknown(key, value, allowed)
        for word in self.words:
            pause = re.fullmatch(r"p(\d{1,6})", word, re.ASCII)
            short = pause is not None and int(pause[1]) <= LONGEST_PAUSE
            if not short and (word not in WORDS or word == "pN"):
                more = f" N is a number of ms up to {LONGEST_PAUSE}, as in p30."
                raise unknown("word of the script", word, WORDS, more)
        if not 1 <= len(self.words) <= LONGEST:
            raise RecordError(
                f"script {self.script[:40]!r} has {len(self.words)} words: it must have 1 to {LONGEST}. "
                "Write what the monitor does, as in 'm p10 w m c'."
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the script."""
        return tuple(self.script.split())

    @property
    def on_file(self) -> bool:
        """The memory is a file on the slow disk, without a userfaultfd."""
        return self.mem in ("file", "filer")

    def scenario(self, computer: Computer = TWO_CPUS) -> Scenario:
        """Give the script as a scenario: the victim is task T, the monitor M, who shares its memory is H.

        Parameters
        ----------
        computer : Computer
            The machine.

        Returns
        -------
        Scenario
            Runs on any tree.

        Raises
        ------
        NotModelled
            When the emulator lacks what the script needs; the text says what.
        """
        if self.access in LATER_ACCESSES or self.mem in LATER_MEMORIES:
            what = f"mem {self.mem}" if self.mem in LATER_MEMORIES else f"access {self.access}"
            raise NotModelled(
                f"{what} is not modelled: this version has no huge pages.",
                "Ask for another one.",
            )
        if self.mem == "shmem" and PROTECTS & {*self.words}:
            raise NotModelled(
                "write-protection of shmem memory is not modelled: UFFDIO_REGISTER refuses it (EINVAL) up to "
                "Linux 5.18.",
                "Ask for anon memory.",
            )
        monitor, commands = Monitor(self.words, self.page, serves=self.is_served).program()
        areas, files = self._memory()
        victims = victim(self.access, self.signals, self.page)
        return Scenario.from_dict(
            {
                "version": 1,
                "name": self.script,
                "title": f"A recorded script: {self.access} of {self.mem} memory",
                "permits": ["spin", "hang", "SIGBUS"],
                "machine": {"max_ticks": 60_000 * MS, "swap_ticks": SLOW, **computer.as_table()},
                **({"files": files} if files else {}),
                "areas": areas,
                "tasks": [
                    *(with_child(victims) if self.mem == "swapf" else victims),
                    *helper(commands),
                    *others(self.words, self.signals),
                    {"name": "M", "monitor": True, "program": monitor},
                ],
            }
        )

    @property
    def is_swapped(self) -> bool:
        """The page is swapped out; with a userfaultfd it is write-protected as well."""
        return self.mem in ("swap", "swapf")

    @property
    def is_served(self) -> bool:
        """There is a userfaultfd."""
        return not self.on_file and (not self.is_swapped or bool(PROTECTS & {*self.words}))

    @property
    def page(self) -> int:
        """The page that the access waits for."""
        return 20 if self.on_file else 2 if self.access == "pvm4" else 1

    def _memory(self) -> tuple[list[Step], list[Step]]:
        """Areas, and files if there are any."""
        present = [0, 1, 3] if self.access == "pvm4" else [0]
        pages = FILE_PAGES if self.on_file else AREA_PAGES
        area: Step = {"name": "V", "process": "P", "pages": pages, **MEMORIES[self.mem]}
        if self.is_swapped:
            area |= {"protected": [1], "userfaultfd": "wp"} if self.is_served else {}
        elif not self.on_file:
            area["populated"] = present
            area["userfaultfd"] = "missing+wp" if PROTECTS & {*self.words} else True
            if self.group == "sigbus":
                area["features"] = ["SIGBUS"]
        cold = ACCESSES[self.access].get("cold")
        areas = [area, *([{**cold, "process": "P"}] if cold else [])]
        if self.access == "pvm_remote":
            areas[1]["process"] = "R"
        files = [_file("slow")] if self.on_file else []
        if "Q" in self.words:
            areas.append({"name": "S", "process": "P", "pages": FILE_PAGES, "prot": "r", **MEMORIES["filer"]})
            areas.append({"name": "X", "process": "P", "pages": 1})
            files = [_file("slow")]
        return areas, files


def _file(name: str) -> Step:
    return {"name": name, "pages": FILE_PAGES, "cached": False, "io_ticks": SLOW, "byte": 9}
