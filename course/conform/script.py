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
from typing import Any

from course.conform.experiment import unknown
from course.conform.kernels import TWO_CPUS, Computer, NotModelled
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
)
from pyemu.scenario import Scenario

MS = 1_000  # ticks
MESSAGE_WAIT = 1_500 * MS
HELPER_WAIT = 1_500 * MS
POLL_WAIT = 200 * MS
POLLS = 6
LAST_WAIT = 600 * MS
FORCED_WAIT = 1_000 * MS
T_WAIT = 6_000 * MS
QUEUE_WAIT = 30 * MS
LONGEST = 200  # words
LONGEST_PAUSE = 60_000  # ms

_SENT = {"u1": "SIGUSR1", "stop": "SIGSTOP", "cont": "SIGCONT", "chld": "SIGCHLD", "kill": "SIGKILL"}
_COMMANDS = ("D", "U", "UA", "O")
_PROTECTS = {"cwp", "wp+", "wp-", "wpn"}
WORDS = (
    "m",
    "pN",
    "w",
    "c",
    "cn",
    "cwp",
    "wp+",
    "wp-",
    "wpn",
    *_SENT,
    "st",
    *_COMMANDS,
    "Q",
    "close",
    "poll",
    "T",
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
        if len(self.words) > LONGEST:
            raise unknown("script", f"{self.script[:40]}...", (f"a text of at most {LONGEST} words",))

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
                f"{what} is not modelled: this version has no huge pages and no swap space.",
                "Ask for another one.",
            )
        if self.mem == "shmem" and _PROTECTS & {*self.words}:
            raise NotModelled(
                "write-protection of shmem memory is not modelled: UFFDIO_REGISTER refuses it (EINVAL) up to "
                "Linux 5.18.",
                "Ask for anon memory.",
            )
        monitor, commands = _Monitor(self).program()
        areas, files = self._memory()
        return Scenario.from_dict(
            {
                "version": 1,
                "name": self.script,
                "title": f"A recorded script: {self.access} of {self.mem} memory",
                "permits": ["spin", "hang", "SIGBUS"],
                "machine": {"max_ticks": 60_000 * MS, **computer.as_table()},
                **({"files": files} if files else {}),
                "areas": areas,
                "tasks": [
                    *victim(self.access, self.signals, self.page),
                    *helper(commands),
                    *others(self.words, self.signals),
                    {"name": "M", "monitor": True, "program": monitor},
                ],
            }
        )

    @property
    def page(self) -> int:
        """The page that the access waits for."""
        return 20 if self.on_file else 2 if self.access == "pvm4" else 1

    def _memory(self) -> tuple[list[Step], list[Step]]:
        """Areas, and files if there are any."""
        present = [0, 1, 3] if self.access == "pvm4" else [0]
        pages = FILE_PAGES if self.on_file else AREA_PAGES
        area: Step = {"name": "V", "process": "P", "pages": pages, **MEMORIES[self.mem]}
        if not self.on_file:
            area["populated"] = present
            area["userfaultfd"] = "missing+wp" if _PROTECTS & {*self.words} else True
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
    return {"name": name, "pages": FILE_PAGES, "cached": False, "io_ticks": 350 * MS, "byte": 9}


class _Monitor:
    """Writes the monitor's program, and that of the task which obeys it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.page = {"area": "V", "page": script.page}
        self.serves = not script.on_file  # is there a userfaultfd, and is it open?
        self.steps: list[Step] = []
        self.commands: list[Step] = []

    def program(self) -> tuple[list[Step], list[Step]]:
        """Give both programs."""
        for word in self.script.words:
            self._word(word)
        self._pause(LAST_WAIT)
        if self.serves:
            self._resolve({"do": "copy"})
            if _PROTECTS & {*self.script.words}:
                self._answer({"do": "writeprotect", "protect": False})
            self._pause(FORCED_WAIT)
        self.steps += [
            {"do": "sample", "task": "T", "label": "hung"},
            {"do": "signal", "task": "T", "signal": "SIGKILL"},
            {"do": "pause", "ticks": FORCED_WAIT},
        ]
        return self.steps, self.commands

    def _word(self, word: str) -> None:
        if word in _SENT:
            self.steps.append({"do": "signal", "task": "T", "signal": _SENT[word]})
        elif word in _COMMANDS:
            self._command(word)
        elif re.fullmatch(r"p\d+", word):
            self._pause(int(word[1:]) * MS)
        elif word == "st":
            self.steps.append({"do": "sample", "task": "T", "label": "st"})
        elif word == "T":
            self._pause(T_WAIT)
        elif word == "Q":
            self.steps += [{"do": "post", "task": "R"}, {"do": "pause", "ticks": QUEUE_WAIT}]
            self.steps += [{"do": "post", "task": "H"}, {"do": "pause", "ticks": QUEUE_WAIT}]
            self.commands += [{"do": "wait_post"}, {"do": "mmap_fixed", "area": "X"}]
        elif word == "m" and not self.serves:
            self.steps.append({"do": "pause", "ticks": MESSAGE_WAIT})
        elif word == "poll" and not self.serves:
            self.steps.append({"do": "pause", "ticks": POLLS * POLL_WAIT})
        elif self.serves:
            self._serve(word)

    def _serve(self, word: str) -> None:
        """Do what needs the userfaultfd."""
        match word:
            case "m":
                self.steps.append({"do": "wait_message", "ticks": MESSAGE_WAIT})
            case "poll":
                self.steps += [{"do": "wait_message", "ticks": POLL_WAIT}] * POLLS
            case "w":
                self._answer({"do": "wake"})
            case "c":
                self._resolve({"do": "copy"})
            case "cn":
                self._resolve({"do": "copy", "wake": False})
            case "cwp":
                self._resolve({"do": "copy", "protect": True})
            case "wp+":
                self._answer({"do": "writeprotect", "protect": True})
            case "wp-":
                self._resolve({"do": "writeprotect", "protect": False})
            case "wpn":
                self._answer({"do": "writeprotect", "protect": False, "wake": False})
            case "close":
                self.steps.append({"do": "close"})
                self.serves = False

    def _pause(self, ticks: int) -> None:
        """Let time pass; messages that came meanwhile are read, so that `m` waits for a later one."""
        self.steps.append({"do": "pause", "ticks": ticks})
        if self.serves:
            self.steps.append({"do": "poll", "ticks": 0})

    def _answer(self, step: Step) -> None:
        self.steps.append({**step, **self.page, "answer": True})

    def _resolve(self, step: Step) -> None:
        """Answer, and mark it: a handler that ran before the last of these ran before the page came."""
        self.steps.append({"do": "mark", "label": "resolve"})
        self._answer(step)

    def _command(self, word: str) -> None:
        """Let the helper do something, and wait until it is done."""
        one: dict[str, Any] = {
            "D": [{"do": "madvise_dontneed", **self.page}],
            "U": [{"do": "munmap", **self.page}],
            "UA": [{"do": "munmap", "area": "V", "pages": AREA_PAGES}],
            "O": [{"do": "mmap_fixed", **self.page}, {"do": "write", "byte": 42, **self.page}],
        }
        self.commands += [{"do": "wait_post"}, *one[word], {"do": "post", "task": "M"}]
        self.steps += [{"do": "post", "task": "H"}, {"do": "wait_post", "ticks": HELPER_WAIT}]
