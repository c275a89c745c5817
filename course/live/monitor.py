"""The monitor: asks the kernel that runs here, and gives what happened in the words of a record.

The victim is another process (`course.live.victim`), so its end, whatever it is, is an answer and not our
end. Everything has a limit of time: when it is over, the victim is killed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from course.live import uffd

__all__ = ["ACCESSES", "EVENTS", "Answer", "ask"]

SECONDS = 5.0
START_SECONDS = 30.0  # for a process to come up, on a machine that is busy
ROOT = str(Path(__file__).resolve().parents[2])
COPIED = 5  # each byte of the page that the monitor brings
# Seconds from a message to the answer, and how many wakes without a page come first: as in the records.
EVENTS = {"none": (0.05, 0), "wake1": (0.01, 1), "wake3": (0.01, 3)}
ACCESSES = ("user_read", "read_zero")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel did in one experiment.

    Attributes
    ----------
    kernel : str
        Its release, as ``uname -r`` prints it.
    access, event : str
        The experiment, by the names of records.
    user_mode_only : bool
        The userfaultfd was made with UFFD_USER_MODE_ONLY.
    outcome : str
        ``ret=N``, the name of an error, ``SIGBUS``, ``killed:N``, or ``HUNG`` when the time was over.
    messages : int
        How many the monitor read.
    state_blocked : str
        The victim's state after the first message, ``-`` if there was none.
    minflt, majflt : int or None
        What the access was counted as; None when the victim could not tell.
    blocked_us : int or None
        How long it took, in us of real time.
    """

    kernel: str
    access: str
    event: str
    user_mode_only: bool
    outcome: str
    messages: int
    state_blocked: str = "-"
    minflt: int | None = None
    majflt: int | None = None
    blocked_us: int | None = None

    def fields(self) -> dict[str, str | int | bool | None]:
        """Give it as plain data."""
        return asdict(self)


def ask(access: str, event: str, user_mode_only: bool | None = None, seconds: float = SECONDS) -> Answer:
    """Make one experiment on the kernel that runs here.

    Parameters
    ----------
    access : str
        One of `ACCESSES`.
    event : str
        One of `EVENTS`.
    user_mode_only : bool, optional
        Whether to use UFFD_USER_MODE_ONLY; None: only if the kernel refuses us anything else.
    seconds : float
        The limit of time from the moment when the victim is ready, 0.2 to 60.

    Returns
    -------
    Answer
        What happened.

    Raises
    ------
    ValueError
        For a name that is none of these, or a limit out of range.
    Refused
        This machine, or this user, gets no userfaultfd; the text says why.
    """
    if access not in ACCESSES or event not in EVENTS:
        raise ValueError(
            f"{access!r} with {event!r} is no experiment here: an access is one of {', '.join(ACCESSES)}, an "
            f"event one of {', '.join(EVENTS)}. Take two of these."
        )
    if not 0.2 <= seconds <= 60:
        raise ValueError(f"seconds is {seconds!r}: it must be from 0.2 to 60. Take 5.")
    if user_mode_only is not None:
        return _ask(access, event, user_mode_only, seconds)
    try:
        return _ask(access, event, False, seconds)
    except _NoPrivilege:
        return _ask(access, event, True, seconds)


class _NoPrivilege(uffd.Refused):
    """The call gave EPERM: something else may be allowed."""


def _ask(access: str, event: str, user_mode_only: bool, seconds: float) -> Answer:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-P", "-m", "course.live.victim", str(theirs.fileno()), access]
        victim = subprocess.Popen(
            [*command, str(int(user_mode_only))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": ROOT},
            start_new_session=True,
        )
        theirs.close()
        with victim:
            try:
                answer = Answer(platform.release(), access, event, user_mode_only, "HUNG", 0)
                return _serve(victim, ours, answer, seconds)
            finally:
                victim.kill()


def _serve(victim: subprocess.Popen[bytes], ours: socket.socket, answer: Answer, seconds: float) -> Answer:
    """Bring the victim its page, and take down what happens."""
    out = victim.stdout
    assert out is not None
    ours.settimeout(START_SECONDS)
    try:
        said, descriptors, _, _ = socket.recv_fds(ours, 8, 1)
    except TimeoutError:
        raise uffd.Refused(f"its process did not come up in {START_SECONDS:.0f} seconds.") from None
    if not descriptors:  # it ended before: its one line says why
        raise _refusal(out.read(), answer.user_mode_only)
    (descriptor,) = descriptors
    page = int.from_bytes(said, "little")
    pause, wakes_left = EVENTS[answer.event]
    n_messages, state, end = 0, "-", time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([descriptor, out.fileno()], [], [], left)
            if out.fileno() in ready:
                return _told(victim, replace(answer, messages=n_messages, state_blocked=state))
            arrived = len(uffd.messages(descriptor)) if ready else 0
            n_messages += arrived
            if arrived:
                time.sleep(pause)
                state = state if state != "-" else _state(victim.pid)
                with contextlib.suppress(ProcessLookupError):  # it ended meanwhile: that is told next
                    if wakes_left:
                        wakes_left -= 1
                        uffd.wake(descriptor, page, mmap.PAGESIZE)
                    else:
                        uffd.copy(descriptor, page, bytes([COPIED]) * mmap.PAGESIZE)
        return replace(answer, messages=n_messages, state_blocked=state)
    finally:
        os.close(descriptor)


def _told(victim: subprocess.Popen[bytes], answer: Answer) -> Answer:
    """Add what the victim says of itself, or how it ended without a word."""
    assert victim.stdout is not None
    line = victim.stdout.read()
    if line:
        return replace(answer, **json.loads(line))
    code = victim.wait()
    return replace(answer, outcome="SIGBUS" if code == -signal.SIGBUS else f"killed:{-code}")


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
