"""The monitor: plays a plan on the kernel that runs here, and gives what happened in the words of a record.

The victim is another process (`course.live.victim`), so its end, whatever it is, is an answer and not our
end. Everything has a limit of time: when it is over, the victim is killed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course.live import uffd
from course.live.plan import Plan

__all__ = ["SECONDS", "Answer", "ask", "play"]

SECONDS = 5.0
SHORTEST, LONGEST = 0.2, 60.0
START_SECONDS = 30.0  # for a process to come up, on a machine that is busy
END_SECONDS = 5.0  # for one that was killed to be gone
ROUND = 0.001  # of a busy loop's messages we read some each ms, as the recording program did
ROOT = str(Path(__file__).resolve().parents[2])
# What a request may say when its victim is gone, its area is, or the page is there: no mistake of ours.
GONE = (errno.ESRCH, errno.ENOENT, errno.EEXIST, errno.EINVAL)


@dataclass(slots=True)
class Answer:
    """What the kernel did with a plan.

    Attributes
    ----------
    user_mode_only : bool
        The userfaultfd was made with UFFD_USER_MODE_ONLY.
    results : list of dict
        What the victim told of each access: ``outcome``, ``blocked_us`` and the counters of
        `course.live.counters`; fewer than there were accesses if it ended before.
    end : str
        ``done``, ``killed:N``, or ``HUNG`` when the time was over.
    perf : str
        What perf counted, as `course.live.counters.Counters.perf` says.
    flags : list of int
        Of each message that the monitor read.
    samples : list of (str, str)
        Label, and the state that was seen: S, D, R, T or ``-``.
    order : list of str
        What the monitor saw and did, in order: ``message``, ``wake``, ``copy``, ``SIGUSR1``, ``handler``,
        ``end`` ...
    """

    user_mode_only: bool
    results: list[dict[str, Any]] = field(default_factory=list)
    end: str = "HUNG"
    perf: str = "none"
    flags: list[int] = field(default_factory=list)
    samples: list[tuple[str, str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """How the last access ended."""
        return str(self.results[-1]["outcome"]) if self.end == "done" and self.results else self.end


def ask(
    plan: Plan, user_mode_only: bool | None = None, seconds: float = SECONDS, user: int | None = None
) -> Answer:
    """Play a plan on the kernel that runs here.

    Parameters
    ----------
    plan : Plan
        What is done.
    user_mode_only : bool, optional
        Whether to use UFFD_USER_MODE_ONLY; None: as the plan says, or if the kernel refuses anything else.
    seconds : float
        The limit of time from the moment when the victim is ready, 0.2 to 60.
    user : int, optional
        The victim becomes this user; only root may ask for that.

    Returns
    -------
    Answer
        What happened.

    Raises
    ------
    ValueError
        For a limit out of range.
    Refused
        This machine, or this user, gets no userfaultfd; the text says why. As `Lacking`: only not for this.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"seconds is {seconds!r}: it must be from {SHORTEST:g} to {LONGEST:g}. Take {SECONDS:g}."
        )
    if user_mode_only is not None or plan.user_mode_only:
        return play(plan, user_mode_only is not False, seconds, user)
    try:
        return play(plan, False, seconds, user)
    except _NoPrivilege:
        return play(plan, True, seconds, user)


class _NoPrivilege(uffd.Refused):
    """The call gave EPERM: something else may be allowed."""


def play(plan: Plan, user_mode_only: bool, seconds: float, user: int | None) -> Answer:
    """Play a plan as `ask` does, with UFFD_USER_MODE_ONLY or without."""
    with contextlib.ExitStack() as stack:
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        bytes_of_handlers, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        stack.callback(os.close, bytes_of_handlers)
        with theirs:
            told = asdict(plan) | {
                "user_mode_only": user_mode_only,
                "user": user,
                "parent": os.getpid(),
                "seconds": START_SECONDS + seconds + END_SECONDS,
                "channel": theirs.fileno(),
                "wakeup": wakeup,
            }
            victim = subprocess.Popen(
                [sys.executable, "-P", "-m", "course.live.victim", json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                pass_fds=[theirs.fileno(), wakeup],
                env=os.environ | {"PYTHONPATH": ROOT},
                start_new_session=True,
            )
            os.close(wakeup)
        stack.enter_context(victim)
        stack.callback(victim.kill)
        descriptor, address = _ready(victim, ours, user_mode_only)
        player = Player(plan, victim, descriptor, bytes_of_handlers, address, seconds, Answer(user_mode_only))
        stack.callback(player.close)
        return player.play()


def _ready(victim: subprocess.Popen[bytes], ours: socket.socket, user_mode_only: bool) -> tuple[int, int]:
    """Wait until the victim is ready: give its userfaultfd and the address of its area."""
    ours.settimeout(START_SECONDS)
    try:
        said, descriptors, _, _ = socket.recv_fds(ours, 8, 1)
    except TimeoutError:
        raise uffd.Refused(f"its process did not come up in {START_SECONDS:.0f} seconds.") from None
    if not descriptors:  # it ended before: its one line says why
        assert victim.stdout is not None
        raise _refusal(victim.stdout.read(), user_mode_only)
    return descriptors[0], int.from_bytes(said, "little")


class Player:
    """Plays the monitor's steps against a victim that is ready.

    Parameters
    ----------
    plan : Plan
        Whose steps.
    victim : Popen
        Its process; what it prints ends the play.
    descriptor, handlers : int
        The userfaultfd, and a pipe with one byte for each run of a signal handler.
    address : int
        Of the area, in the victim.
    seconds : float
        How long it may take.
    answer : Answer
        Is filled.
    """

    def __init__(
        self,
        plan: Plan,
        victim: subprocess.Popen[bytes],
        descriptor: int,
        handlers: int,
        address: int,
        seconds: float,
        answer: Answer,
    ) -> None:
        assert victim.stdout is not None
        self.plan, self.victim, self.address, self.answer = plan, victim, address, answer
        self.descriptor, self.handlers, self.out = descriptor, handlers, victim.stdout.fileno()
        self.deadline = time.monotonic() + seconds
        self.ended = False
        self._read_handlers()  # of the run by which the victim got warm
        answer.order.clear()

    def play(self) -> Answer:
        """Make the steps until the victim ends, or the time does."""
        steps = self.plan.monitor
        for step, after in zip(steps, [*steps[1:], {"do": "the end"}], strict=True):
            if self.ended or time.monotonic() >= self.deadline:
                break
            self._step(step, reads=after["do"] == "poll")
        self._watch(self.deadline)
        if self.ended:
            self._take_result()
        return self.answer

    def close(self) -> None:
        """Close the userfaultfd, if that has not been done."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _step(self, step: dict[str, Any], *, reads: bool) -> None:
        """Make a step. Who polls after a pause reads during it, too: of a busy loop that gives more."""
        ticks = step.get("ticks")
        until = self.deadline if ticks is None else time.monotonic() + ticks / 1e6
        page = self.address + step.get("page", 0) * mmap.PAGESIZE
        whole = self.plan.pages * mmap.PAGESIZE
        length = (step.get("pages") or self.plan.pages) * mmap.PAGESIZE
        match step["do"]:
            case "wait_message":
                self._watch(until, reads=True, messages=1)
            case "poll":
                self._watch(until, reads=True)
            case "pause":
                self._watch(until, reads=reads)
            case "sample":
                self.answer.samples.append((step["label"], _state(self.victim.pid)))
            case "signal":
                self._did(signal.Signals(step["signal"]).name)
                os.kill(self.victim.pid, step["signal"])
            case "mark":
                pass
            case "close":
                self._did("close")
                self.close()
            case "wake":
                self._request("wake", lambda: uffd.wake(self.descriptor, page, length))
            case "unregister":
                self._request("unregister", lambda: uffd.unregister(self.descriptor, self.address, whole))
            case "continue":
                self._request("continue", lambda: uffd.resume(self.descriptor, page, length))
            case "copy":
                self._copy(step, page)
            case "writeprotect":
                mode = uffd.WRITEPROTECT_WP * step["protect"]
                # Protecting wakes nobody, and must not be told so.
                mode |= uffd.WRITEPROTECT_DONTWAKE * (not step["wake"] and not step["protect"])
                self._request("writeprotect", lambda: uffd.writeprotect(self.descriptor, page, length, mode))
            case other:
                raise ValueError(
                    f"no step {other!r} is known here: it must be one of `course.live.plan.STEPS`"
                )

    def _copy(self, step: dict[str, Any], page: int) -> None:
        """Put a page there whose bytes are all the same."""
        mode = uffd.COPY_WP * step["protect"] | uffd.COPY_DONTWAKE * (not step["wake"])
        bytes_ = bytes([step["byte"]]) * mmap.PAGESIZE
        self._request("copy", lambda: uffd.copy(self.descriptor, page, bytes_, mode))

    def _request(self, name: str, request: Callable[[], None]) -> None:
        """Make a request of the userfaultfd; a victim that is gone is no mistake."""
        self._watch(time.monotonic())
        self._did(name)
        try:
            request()
        except OSError as error:
            if error.errno not in GONE:
                raise

    def _did(self, what: str) -> None:
        self.answer.order.append(what)

    def _watch(self, until: float, *, reads: bool = False, messages: int | None = None) -> None:
        """See what comes until a time, at least once; or until so many messages were read."""
        seen = len(self.answer.flags)
        while True:
            left = max(0.0, min(until, self.deadline) - time.monotonic())
            served = [self.descriptor] if reads and self.descriptor >= 0 else []
            ready, _, _ = select.select([self.handlers, self.out, *served], [], [], left)
            arrived = uffd.message_flags(self.descriptor) if self.descriptor in ready else []
            # A handler that ran before a message was queued is told before it.
            self._read_handlers()
            self.answer.flags += arrived
            self.answer.order += ["message"] * len(arrived)
            self.ended = self.out in ready
            enough = messages is not None and len(self.answer.flags) - seen >= messages
            if self.ended or enough or time.monotonic() >= min(until, self.deadline):
                return
            if arrived:
                time.sleep(ROUND)

    def _read_handlers(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.answer.order += ["handler"] * len(os.read(self.handlers, 4096))

    def _take_result(self) -> None:
        """Take what the victim says of itself, or how it ended without a word."""
        assert self.victim.stdout is not None
        line = self.victim.stdout.read()
        self._read_handlers()
        self._did("end")
        if line:
            told = json.loads(line)
            self.answer.perf, self.answer.results, self.answer.end = told["perf"], told["results"], "done"
        else:
            self.answer.end = f"killed:{-self.victim.wait()}"


def _state(pid: int) -> str:
    """Give the letter of a process's state, from /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return "-"


def _refusal(line: bytes, user_mode_only: bool) -> Exception:
    """Say why there is no userfaultfd, from what the victim printed."""
    told = json.loads(line) if line else {}
    if "refused" in told:
        return uffd.Refused(told["refused"])
    if "lacking" in told:
        return uffd.Lacking(told["lacking"])
    match told.get("errno"):
        case errno.EPERM if user_mode_only:
            return uffd.Refused(
                "userfaultfd gave EPERM, with UFFD_USER_MODE_ONLY too. Most likely a container "
                "filters the call."
            )
        case errno.EPERM:
            return _NoPrivilege(
                "userfaultfd gave EPERM: faults of the kernel are for root, or for all if "
                "vm.unprivileged_userfaultfd is 1."
            )
        case errno.EINVAL if user_mode_only:
            return uffd.Refused("this kernel does not know UFFD_USER_MODE_ONLY: it came with Linux 5.11.")
        case errno.ENOSYS:
            return uffd.Refused("this kernel was built without userfaultfd (ENOSYS).")
        case None:
            return uffd.Refused("the victim ended before it could ask.")
        case other:
            return uffd.Refused(f"userfaultfd gave {errno.errorcode.get(other, other)}.")
