"""An event in a learner's words: a phrase without its subject, such as "takes mmap_sem for reading".

Only kinds of events that carry the story have a phrase; `phrase` gives an empty text for the others. What
an event changes is told by `course.views.moments`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from pyemu.flags import (
    PAGE_MASK,
    UFFD_PAGEFAULT_FLAG_WP,
    FaultFlag,
    PageFaultError,
    Signal,
    VmFault,
    errno_name,
    state_letter,
)
from pyemu.flags import names as flag_names
from pyemu.trace import NULL_POINTER, Event, Trace

__all__ = ["SHOWN", "Names", "flag_words", "phrase", "sentence", "signal_name"]

_REASONS = {
    "message": "a message came",
    "time": "its pause is over",
    "userfaultfd": "the monitor woke it",
    "mmap_sem granted": "mmap_sem is its own now",
    "page unlocked": "the page was unlocked",
}
_TAKEN = {
    "handler": "runs its handler for {}",
    "restart": "runs its handler for {}",
    "escape": "takes {}: its handler leaves the access",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What tasks and pages are called in a trace.

    Attributes
    ----------
    trace : Trace
        Knows the names of the tasks.
    pages : frozenset of int
        The pages that its tasks access.
    """

    trace: Trace
    pages: frozenset[int]

    @classmethod
    def of(cls, trace: Trace) -> Names:
        """Read the names from a trace."""
        touched = trace.select("access", "uaccess")
        return cls(trace, frozenset(int(event.a) & PAGE_MASK for event in touched))

    def page(self, va: int) -> str:
        """Name a page: ``the page`` where the trace has no other."""
        return "the page" if self.pages == {va & PAGE_MASK} else f"page {va & PAGE_MASK:#x}"

    def task(self, number: int) -> str:
        """Name a task."""
        return self.trace.task_name(number)


def flag_words(value: int, kind: type[IntFlag]) -> str:
    """Give a flag word and its names, with blanks at which a line may be broken.

    Parameters
    ----------
    value : int
        The word.
    kind : type of IntFlag
        What its bits mean.

    Returns
    -------
    str
        For example ``0x14 ALLOW_RETRY | KILLABLE``.

    Examples
    --------
    >>> flag_words(0x70, FaultFlag)
    '0x70 KILLABLE | TRIED | USER'
    """
    return f"{value:#x} {flag_names(value, kind).replace('|', ' | ')}" if value else "0"


def signal_name(number: Any) -> str:
    """Name a signal."""
    return Signal(number).name if number in Signal.__members__.values() else f"signal {number}"


def _exception(_names: Names, _address: Any, error: Any) -> str:
    what = "access not allowed" if error & PageFaultError.PROT else "page missing"
    return f"faults: {what}, error code {flag_words(error, PageFaultError)}"


def _attempt_end(_names: Names, bits: Any, n: Any) -> str:
    return f"ends attempt {n}: " + (flag_words(bits, VmFault) if bits else "done")


def _uffd(names: Names, va: Any, ioctl: Any) -> str:
    if ioctl == "close":
        return "closes the userfaultfd"
    return f"sends a wake for {names.page(va)} ({str(ioctl).removesuffix(' at')})"


def _taken(_names: Names, signal: Any, action: Any) -> str:
    return _TAKEN.get(action, "takes {}: " + str(action)).format(signal_name(signal))


def _page_wait(_names: Names, pfn: Any, how: Any) -> str:
    ended = str(how).startswith("SIGKILL")
    return f"stops waiting for frame {pfn}: SIGKILL" if ended else f"{how} of frame {pfn}"


def _asked(flags: Any) -> str:
    """Say why a monitor is asked."""
    return "is write-protected" if flags & UFFD_PAGEFAULT_FLAG_WP else "is missing"


def _gup(_names: Names, n: Any, locked: Any) -> str:
    found = f"gets {n} page{'s' * (n != 1)}" if n >= 0 else f"gets no page: {errno_name(n)}"
    return found + {NULL_POINTER: "", 0: "; mmap_sem was dropped", 1: "; mmap_sem is still held"}[locked]


_DISK = {"has read them": "has read what it was asked for", "has written them": "has written them"}


# Kind of event -> phrase, made of the names and the event's two fields.
_PHRASES: dict[str, Callable[[Names, Any, Any], str]] = {
    "access": lambda _, va, access: f"{access}s {va:#x}",
    "value": lambda _, va, value: f"has its access done: the value is {value}",
    "uaccess": lambda _, va, access: f"{access}s {va:#x} from kernel code",
    "copied": lambda _, va, n: f"has {n} byte{'s' * (n != 1)} copied at {va:#x}",
    "exception": _exception,
    "fixup": lambda _, ip, __: "gives up the access: kernel code goes on at its fixup",
    "oops": lambda _, ip, va: f"oopses: kernel code faults on {va:#x} and has no fixup",
    "oom": lambda _, __, ___: "finds no free page: out of memory",
    "find_vma": lambda _, va, vma: "finds the area (find_vma)" if vma else "finds no area (find_vma)",
    "attempt": lambda _, flags, n: f"starts attempt {n}, flags {flag_words(flags, FaultFlag)}",
    "attempt_end": _attempt_end,
    "lock_taken": lambda _, mm, mode: f"takes mmap_sem for {mode}",
    "lock_queued": lambda _, mm, mode: f"waits for mmap_sem, for {mode}",
    "lock_granted": lambda _, mm, mode: f"is given mmap_sem for {mode}",
    "lock_dropped": lambda _, mm, mode: f"releases mmap_sem ({mode})",
    "lock_wait_killed": lambda _, mm, mode: "stops waiting for mmap_sem: SIGKILL",
    "vma_lock": lambda _, vma, what: f"has the lock of its area {what}",
    "vma_lock_missed": lambda _, va, why: f"can't lock its area alone: {why}",
    "pte": lambda names, va, entry: (
        f"{'puts' if entry else 'takes'} {names.page(va)} {'in place' if entry else 'away'}"
    ),
    "page_wait": _page_wait,
    "disk": lambda _, pages, what: _DISK.get(str(what), f"asks the disk{str(what).removeprefix('is asked')}"),
    "fork": lambda names, child, __: f"forks {names.task(child)}",
    "gup": _gup,
    "sleep": lambda _, state, __: f"sleeps (state {state_letter(state)})",
    "wake": lambda _, reason, __: f"wakes up: {_REASONS.get(reason, reason)}",
    "message": lambda names, va, flags: f"sends the monitor a message: {names.page(va)} {_asked(flags)}",
    "message_read": lambda names, va, flags: f"reads the message: {names.page(va)} {_asked(flags)}",
    "uffd": _uffd,
    "signal_sent": lambda names, signal, to: f"sends {signal_name(signal)} to {names.task(to)}",
    "signal_dropped": lambda names, signal, to: (
        f"sends {signal_name(signal)} to {names.task(to)}, which ignores it"
    ),
    "signal_taken": _taken,
    "fault_signal": lambda _, signal, va: f"is sent {signal_name(signal)} by the kernel",
    "report": lambda _, what, value: f"ends its access: {value}" if what == "outcome" else "",
    "user": lambda _, va, __: "goes back to user mode",
    "exit": lambda _, signal, __: f"is killed by {signal_name(signal)}" if signal else "ends",
    "spin": lambda _, text, repeats: f"goes round in circles: {text}",
    "violation": lambda _, rule, text: f"breaks a rule, {rule}: {text}",
    "finding": lambda _, rule, text: f"can't go on, {rule}: {text}",
    "hang": lambda _, text, __: f"stands still: {text}",
    "walk_attempt": lambda _, flags, __: f"tries the huge page, flags {flag_words(flags, FaultFlag)}",
    "walk_attempt_end": lambda _, bits, __: f"ends its try: {flag_words(bits, VmFault) if bits else 'done'}",
    "file_freed": lambda _, file, __: f"frees the file {file}, which nothing maps",
    "hole": lambda _, pages, what: f"punches a hole, {pages}: it {what}",
    "bug": lambda _, text, __: f"meets a BUG_ON: {text}",
}

SHOWN = frozenset(_PHRASES)
"""Kinds of events that views show."""


def phrase(names: Names, event: Event) -> str:
    """Tell what an event is, without its subject.

    Parameters
    ----------
    names : Names
        What tasks and pages are called.
    event : Event
        An event of the same trace.

    Returns
    -------
    str
        Such as ``takes mmap_sem for reading``; empty for an event that views don't show.
    """
    wording = _PHRASES.get(event.kind)
    return wording(names, event.a, event.b) if wording else ""


def sentence(task: str, words: str) -> str:
    """Make a sentence of a phrase and the task that it is about."""
    text = f"{'The machine' if task == '-' else task} {words}"
    return text if text.endswith(".") else f"{text}."
