"""Why a real kernel and a model may say different things: the reasons, by name.

A difference that has none of these is a difference of the two kernels, or a mistake of one of us.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BUSY_LOOP",
    "NEAREST",
    "NOT_COUNTED",
    "NOT_TOLD",
    "OTHER_KERNEL",
    "OWN_PAGES",
    "SAMPLE",
    "SIGNAL_FRAME",
    "USER_MODE_ONLY",
    "WHO_RUNS_WHEN",
    "Reason",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason.

    Attributes
    ----------
    name : str
        In two or three words.
    text : str
        What is behind it.
    """

    name: str
    text: str


BUSY_LOOP = Reason(
    "busy loop",
    "a signal is pending and the kernel copies: each round queues a message and does not sleep. How many of "
    "them M reads, and whether T is seen running, is chance; two messages or more prove the loop.",
)
NEAREST = Reason(
    "nearest tree",
    "this kernel has no tree of its own. The next tree on the other side of it says what the kernel says: "
    "what is counted changed between the two.",
)
NOT_COUNTED = Reason(
    "not counted",
    "perf was not allowed to count the kernel's own faults for this user (kernel.perf_event_paranoid).",
)
NOT_TOLD = Reason("not told", "T was killed, and could not tell its counters.")
OTHER_KERNEL = Reason(
    "another kernel",
    "the recording is of the nearest kernel that was recorded; the tree of that one says what it says.",
)
OWN_PAGES = Reason(
    "own pages",
    "T is a Python program, and in this run it touched a page of its own for the first time during the "
    "access; in another run it did not.",
)
SAMPLE = Reason(
    "sample", "the state is looked at 20 ms after the first message, and a wake may come at that moment."
)
SIGNAL_FRAME = Reason(
    "signal frame",
    "a handler ran or SIGBUS was delivered: the kernel wrote a frame on T's stack, which may be one fault.",
)
USER_MODE_ONLY = Reason(
    "user mode only",
    "an ordinary user's userfaultfd does not serve the kernel: EFAULT, and no message. As root it waits.",
)
WHO_RUNS_WHEN = Reason(
    "who runs when",
    "the machine was busy, and a task got its CPU too late to be seen; another run agrees.",
)
