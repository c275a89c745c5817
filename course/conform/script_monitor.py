"""What the monitor of a script does, and the task that obeys it: words turned into steps."""

from __future__ import annotations

import re
from typing import Any

from course.conform.script_tasks import AREA_PAGES, Step

MS = 1_000  # ticks
MESSAGE_WAIT = 1_500 * MS
HELPER_WAIT = 1_500 * MS
POLL_WAIT = 200 * MS
POLLS = 6
LAST_WAIT = 600 * MS
FORCED_WAIT = 1_000 * MS
T_WAIT = 6_000 * MS
QUEUE_WAIT = 30 * MS

SENT = {"u1": "SIGUSR1", "stop": "SIGSTOP", "cont": "SIGCONT", "chld": "SIGCHLD", "kill": "SIGKILL"}
COMMANDS = ("D", "U", "UA", "O")
PROTECTS = {"cwp", "wp+", "wp-", "wpn"}


class Monitor:
    """Writes the monitor's program, and that of the task which obeys it.

    Parameters
    ----------
    words : tuple of str
        The script.
    page : int
        The page that the victim waits for.
    serves : bool
        There is a userfaultfd.
    """

    def __init__(self, words: tuple[str, ...], page: int, *, serves: bool) -> None:
        self.words = words
        self.page = {"area": "V", "page": page}
        self.serves = serves  # and it is open
        self.steps: list[Step] = []
        self.commands: list[Step] = []

    def program(self) -> tuple[list[Step], list[Step]]:
        """Give both programs."""
        for word in self.words:
            self._word(word)
        self._pause(LAST_WAIT)
        if self.serves:
            self._resolve({"do": "copy"})
            if PROTECTS & {*self.words}:
                self._answer({"do": "writeprotect", "protect": False})
            self._pause(FORCED_WAIT)
        self.steps += [
            {"do": "sample", "task": "T", "label": "hung"},
            {"do": "signal", "task": "T", "signal": "SIGKILL"},
            {"do": "pause", "ticks": FORCED_WAIT},
        ]
        return self.steps, self.commands

    def _word(self, word: str) -> None:
        if word in SENT:
            self.steps.append({"do": "signal", "task": "T", "signal": SENT[word]})
        elif word in COMMANDS:
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
                # A poll() counts even if the task has taken its message back before the monitor reads.
                once = [{"do": "wait_readable", "ticks": POLL_WAIT}, {"do": "poll", "ticks": 0}]
                self.steps += once * POLLS
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
