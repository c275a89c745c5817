"""What decision functions are asked, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pyemu.flags import FaultFlag
from pyemu.flags import names as flag_names

__all__ = ["OOM_KILLER", "Action", "Decision", "Mode", "Pending"]

OOM_KILLER = "OOM killer"


class Mode(StrEnum):
    """Where the fault came from: the interrupted context, not FAULT_FLAG_USER."""

    USER = "user"
    KERNEL = "kernel"


class Pending(StrEnum):
    """What is pending for the thread. A blocked or an ignored signal is not."""

    NONE = "no signal"
    SIGNAL = "a signal"
    KILL = "SIGKILL"


class Action(StrEnum):
    """How a decision goes on."""

    DONE = "done"  # the fault is over; the access goes through, or faults again
    RETRY = "retry"  # take mmap_sem again, look up the area again, make one more attempt
    RETURN = "return"  # back to the interrupted instruction at once; nothing is counted
    FIXUP = "fixup"  # the exception table: the copy ends short; without an entry, an oops
    ERROR = "error"  # send the signal that the error bits ask for
    PFAULT = "pfault"  # s390: tell a KVM guest that the page is on its way
    CONTINUE = "continue"  # go on with the next page
    STOP = "stop"  # end the walk and give the count
    BUG = "BUG"  # a BUG_ON() fires


@dataclass(frozen=True, slots=True)
class Decision:
    """What a fault handler decides after one call of handle_mm_fault.

    Attributes
    ----------
    action : Action
        How it goes on.
    unlocks : int
        How many times it releases mmap_sem itself.
    flags : int
        For a retry: the flag word of the next attempt.
    major : bool
        For a retry: what it remembers of MAJOR.
    counted : tuple of str
        Counters that grow by one.
    sends : tuple of str
        Signals sent; `OOM_KILLER` when that is called.
    """

    action: Action
    unlocks: int = 0
    flags: int = 0
    major: bool = False
    counted: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [str(self.action)]
        if self.action is Action.RETRY:
            parts[0] += f" with {self.flags:#x} {flag_names(self.flags, FaultFlag)}"
        if self.unlocks:
            parts.append("unlocks" if self.unlocks == 1 else f"unlocks {self.unlocks} times")
        parts += [f"counts {one}" for one in self.counted]
        parts += ["calls the OOM killer" if one == OOM_KILLER else f"sends {one}" for one in self.sends]
        return ", ".join(parts)
