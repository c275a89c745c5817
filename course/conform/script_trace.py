"""The trace of a script's victim, in the words of the kernel that was recorded.

::

    Xu1 Xk1     exception in user or kernel mode, on page 1 of the area
    A           x86 takes mmap_sem
    hF HR       handle_mm_fault with flags F, and what it returned (hexadecimal)
    M0 M1       a message is queued: the page is missing, or write-protected
    S1 W        sleeps in state 1 (hexadecimal); woke
    R           handle_userfault takes mmap_sem again (before patch 10)
    L Lkilled   get_user_pages takes mmap_sem again; SIGKILL ended that wait
    U           x86 releases mmap_sem
    Tuser Tfixup   the fault is left because of a signal, from user or from kernel mode

Only faults on the victim's area are told, as there: a system call's other memory makes no words.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyemu.flags import PAGE_SIZE, PageFaultError
from pyemu.trace import Event

UFFD_WP = 2  # flag of a message: the page is write-protected
RETAKES = ("__get_user_pages_locked", "fixup_user_fault")


class Words:
    """Turns the events of one task into words.

    Parameters
    ----------
    first, n_pages : int
        Address and length of the area that is traced.
    """

    def __init__(self, first: int, n_pages: int) -> None:
        self.first = first
        self.n_pages = n_pages
        self.found: list[str] = []
        self.calls: list[str] = []
        self.address = 0  # of the fault that is handled
        self.queued = False  # waits for mmap_sem

    def of(self, events: Iterable[Event]) -> list[str]:
        """Give the words of events."""
        for event in events:
            self._event(event)
        return self.found

    def _say(self, word: str) -> None:
        if 0 <= (self.address - self.first) // PAGE_SIZE < self.n_pages:
            self.found.append(word)

    def _event(self, event: Event) -> None:
        inside = self.calls[-1] if self.calls else ""
        match event.kind:
            case "call":
                self.calls.append(str(event.a))
            case "return":
                self.calls.pop()
                if inside == "fault_signal_pending" and event.b:
                    self._say("Tuser" if self._user else "Tfixup")
            case "attempt":
                self._say(f"h{event.a:x}")
            case "attempt_end":
                self.calls.pop()
                self._say(f"H{event.a:x}")
            case "exception":
                self._exception(event)
            case "find_vma" if "do_page_fault" not in self.calls:
                self.address = int(event.a)
            case "lock_queued":
                self.queued = True
            case "lock_taken" | "lock_granted" | "lock_dropped" | "lock_wait_killed":
                self._lock(event.kind, inside)
            case "message":
                self._say("M1" if int(event.b) & UFFD_WP else "M0")
            case "sleep" if inside == "handle_userfault" and not self.queued:
                self._say(f"S{event.a:x}")
            case "wake" if self.found and self.found[-1].startswith("S"):
                self._say("W")

    def _exception(self, event: Event) -> None:
        self.address = int(event.a)
        self._user = bool(int(event.b) & PageFaultError.USER)
        self._say(f"X{'u' if self._user else 'k'}{(self.address - self.first) // PAGE_SIZE}")

    def _lock(self, kind: str, inside: str) -> None:
        self.queued = False
        if kind == "lock_dropped":
            if inside == "do_user_addr_fault":
                self._say("U")
        elif inside in RETAKES:
            self._say("Lkilled" if kind == "lock_wait_killed" else "L")
        elif kind != "lock_wait_killed" and "do_page_fault" in self.calls:
            self._say("R" if inside == "handle_userfault" else "A")
