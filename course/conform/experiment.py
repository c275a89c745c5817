"""The recorded experiment: one access to a missing page, and what a monitor does to it, as a scenario.

The victim has four pages of private anonymous memory, registered with userfaultfd; page 0 is there, page 1 is
missing. It makes one access. A monitor reads messages as they come; 20 ms after the first it looks at the
victim's state, 50 ms after it the event begins. The times are those of the program that made the records:

=========  =========================================================================================
none       at 50 ms the page is copied in
sigN       SIGUSR1 at 50, 110, 170 ms ... (N of them); the copy 300 ms after the first, and after the last
sig1r      as sig1, the handler with SA_RESTART
stop       SIGSTOP at 50 ms, SIGCONT 150 ms later, the copy 150 ms after that
kill       SIGKILL at 50 ms; the copy 300 ms later, if it ever comes to that
wakeN      10 ms after a message it is answered by a wake without a page, N times; the next one by the copy
unreg      at 50 ms the area is unregistered
close      at 50 ms the userfaultfd is closed
=========  =========================================================================================

The program gave up on slow victims (2.5 s after the first message in wakeN, 4 s after its start); here a
victim has 4 s after the monitor's last step, so that any N can be asked for.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from course.conform.kernels import TWO_CPUS, Computer
from pyemu.errors import RecordError
from pyemu.scenario import Scenario

Step = dict[str, Any]

MS = 1_000  # ticks
SAMPLE_AT = 20 * MS  # after the first message
EVENT_AT = 50 * MS  # after the first message
BETWEEN_SIGNALS = 60 * MS
COPY_AFTER_SIGNAL = 300 * MS
STOPPED_FOR = 150 * MS
WAKE_AFTER = 10 * MS  # after a message
ROUND = 1 * MS  # how long one poll() of the recording program lasts
PATIENCE = 4_000 * MS  # then a victim counts as hung

PAGES = 4
BYTE_COPIED = 5
BYTE_WRITTEN = 7
BUFFER_OFFSET = 0x40  # the local buffer of process_vm_readv starts inside a page, which costs one fault more
LARGEST_N = 10_000
# In a busy loop a message is there at most moments, not at all: the monitor looks several times.
LOOKS: list[Step] = [{"do": "poll", "ticks": 0}] * 8


class Side(Enum):
    """Who touches the memory."""

    USER = "an instruction in user mode"
    COPY = "the kernel, copying from or to user memory"
    GUP = "the kernel, through get_user_pages"


ACCESSES: dict[str, Side] = {
    "user_read": Side.USER,
    "user_write": Side.USER,
    "read_zero": Side.COPY,
    "read_zero_partial": Side.COPY,
    "pipe_read": Side.COPY,
    "pipe_write": Side.COPY,
    "tmpfs_write": Side.COPY,
    "tmpfs_write_partial": Side.COPY,
    "pvm_readv": Side.GUP,
    "pvm_readv_partial": Side.GUP,
    "vmsplice": Side.GUP,
    "procmem": Side.GUP,
    "mlock": Side.GUP,
    "futex_op": Side.GUP,
    "odirect": Side.GUP,
}
_P1 = {"area": "V", "page": 1}  # the missing page
_P0_P1 = {"area": "V", "page": 0, "pages": 2}  # and the present one before it
_TO_BUFFER = {"buffer": "B", "buffer_offset": BUFFER_OFFSET}
ACCESS_STEPS: dict[str, Step] = {
    "user_read": {"do": "read", **_P1},
    "user_write": {"do": "write", **_P1, "byte": BYTE_WRITTEN},
    "read_zero": {"do": "read_zero", **_P1},
    "read_zero_partial": {"do": "read_zero", **_P0_P1},
    "pipe_read": {"do": "pipe_read", **_P1},
    "pipe_write": {"do": "pipe_write", **_P1},
    "tmpfs_write": {"do": "tmpfs_write", **_P1},
    "tmpfs_write_partial": {"do": "tmpfs_write", **_P0_P1},
    "pvm_readv": {"do": "process_vm_readv", **_P1, **_TO_BUFFER},
    "pvm_readv_partial": {"do": "process_vm_readv", **_P0_P1, **_TO_BUFFER},
    "vmsplice": {"do": "vmsplice", **_P1},
    "procmem": {"do": "procmem_read", **_P1},
    "mlock": {"do": "mlock", **_P1},
    "futex_op": {"do": "futex_wake_op", **_P1, "first": "W"},
    "odirect": {"do": "odirect_write", **_P1},
}
# Memory of the recording program that an access touches for the first time, besides the victim's area
# [fact:pvm-cold-buffer] [fact:futex-key].
COLD: dict[str, Step] = {
    "process_vm_readv": {"name": "B", "pages": 5},
    "futex_wake_op": {"name": "W", "pages": 1},
}
MEMORIES: dict[str, Step] = {"anon": {}, "shmem": {"kind": "shmem", "shared": True}}
EVENTS = ("none", "sigN", "sig1r", "stop", "kill", "wakeN", "unreg", "close")


@dataclass(frozen=True, slots=True)
class Experiment:
    """One recorded experiment, by the names that records use.

    Parameters
    ----------
    access : str
        A key of `ACCESSES`.
    event : str
        One of `EVENTS`, with a number in the place of N.
    mem : str
        ``anon`` or ``shmem``.
    user_mode_only : bool
        The userfaultfd was made with UFFD_USER_MODE_ONLY.

    Raises
    ------
    RecordError
        When a name is none of these.

    Examples
    --------
    >>> Experiment("user_read", "wake3").count
    3
    """

    access: str
    event: str
    mem: str = "anon"
    user_mode_only: bool = False

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("access", self.access, tuple(ACCESSES)),
            ("mem", self.mem, tuple(MEMORIES)),
        ):
            if value not in allowed:
                raise unknown(key, value, allowed)
        found = re.fullmatch(r"none|sig1r|stop|kill|unreg|close|(?:sig|wake)[1-9][0-9]{0,8}", self.event)
        if found is None:
            raise unknown("event", self.event, EVENTS, " N is a number from 1 on, as in wake3.")
        if self.count > LARGEST_N:
            raise RecordError(
                f"event {self.event!r} is too long: N goes up to {LARGEST_N}. Take a smaller one."
            )

    @property
    def count(self) -> int:
        """The N of sigN and wakeN; 0 for other events."""
        digits = re.sub(r"\D", "", self.event)
        return int(digits) if digits else 0

    @property
    def action(self) -> str:
        """The event without its number: ``sig`` for ``sig1r`` and ``sig3``."""
        return re.sub(r"\d+r?$", "", self.event)

    def scenario(self, computer: Computer = TWO_CPUS) -> Scenario:
        """Give the experiment as a scenario: the victim is task T, the monitor task M.

        Parameters
        ----------
        computer : Computer
            The machine that it runs on.

        Returns
        -------
        Scenario
            Runs on any tree.
        """
        step = ACCESS_STEPS[self.access]
        cold = [COLD[step["do"]]] if step["do"] in COLD else []
        area: Step = {"name": "V", "pages": PAGES, "populated": [0], "userfaultfd": True}
        if self.user_mode_only:
            area["user_mode_only"] = True
        monitor = self._monitor()
        patience = [] if self.action == "close" else _watch(PATIENCE)  # no descriptor, nothing to read
        handled = "restart" if self.event == "sig1r" else "handler"
        return Scenario.from_dict(
            {
                "version": 1,
                "name": f"{self.access} {self.mem} {self.event}",
                "title": "A recorded experiment",
                "permits": ["spin", "hang", "SIGBUS"],
                "machine": {
                    "max_ticks": sum(step.get("ticks", MS) for step in monitor) + PATIENCE,
                    **computer.as_table(),
                },
                "areas": [{**area, **MEMORIES[self.mem]}, *cold],
                "tasks": [
                    {
                        "name": "T",
                        "signals": {"SIGUSR1": handled, "SIGBUS": "escape", "SIGSEGV": "escape"},
                        "program": [step],
                    },
                    {"name": "M", "monitor": True, "program": [*monitor, *patience]},
                ],
            }
        )

    def _monitor(self) -> list[Step]:
        """What the monitor does, up to the step that resolves the fault."""
        to_event = [
            {"do": "wait_message"},
            *_watch(SAMPLE_AT),
            _sample("blocked"),
            *_watch(EVENT_AT - SAMPLE_AT),
        ]
        copy = {"do": "copy", "area": "V", "page": 1, "byte": BYTE_COPIED}
        match self.action:
            case "sig":
                later = [*_watch(BETWEEN_SIGNALS), _signal("SIGUSR1")] * (self.count - 1)
                # The signals take their time as well; after the last, the victim gets one round to see it.
                left = max(COPY_AFTER_SIGNAL - (self.count - 1) * BETWEEN_SIGNALS, ROUND)
                return [*to_event, _signal("SIGUSR1"), *later, *_watch(left), _sample("after"), *LOOKS, copy]
            case "stop":
                stopped = [_signal("SIGSTOP"), *_watch(STOPPED_FOR), _sample("after"), _signal("SIGCONT")]
                return [*to_event, *stopped, *_watch(STOPPED_FOR), *LOOKS, copy]
            case "kill":
                return [*to_event, _signal("SIGKILL"), *_watch(COPY_AFTER_SIGNAL), _sample("after"), copy]
            case "wake":
                steps: list[Step] = []
                wake = {"do": "wake", "area": "V", "page": 1}
                for place, answer in enumerate([*[wake] * self.count, copy]):
                    # The second message is answered 20 ms after the first: then the state is looked at.
                    look = [_sample("blocked")] if place == 1 else []
                    steps += [{"do": "wait_message"}, *_watch(WAKE_AFTER), *look, answer]
                return steps
            case "unreg":
                return [*to_event, {"do": "unregister", "area": "V"}]
            case "close":
                return [*to_event, {"do": "close"}]
            case _:
                return [*to_event, copy]


def unknown(key: str, value: str, allowed: tuple[str, ...], more: str = "") -> RecordError:
    """Give the error for a name that isn't one of those allowed."""
    near = difflib.get_close_matches(value, allowed, 1)
    hint = f" Did you mean {near[0]}?" if near else " Take one of these."
    return RecordError(f"{key} {value!r} is unknown: it must be one of {', '.join(allowed)}.{more}{hint}")


def _watch(ticks: int) -> list[Step]:
    """Let time pass, then read the messages that came.

    The recording program read them every millisecond. To read them at the end gives the same messages, and a
    busy loop of the victim stays one that nobody disturbs.
    """
    return [{"do": "pause", "ticks": ticks}, {"do": "poll", "ticks": 0}]


def _sample(label: str) -> Step:
    return {"do": "sample", "task": "T", "label": label}


def _signal(name: str) -> Step:
    return {"do": "signal", "task": "T", "signal": name}
