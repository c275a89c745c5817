"""Tasks: a stack of frames, and what belongs to one task alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pyemu.effects import Effect
from pyemu.sched.frames import Frame
from pyemu.state import Location


@dataclass(slots=True)
class Task:
    """A task of the machine.

    Attributes
    ----------
    id : int
        Its number; the scenario's first task is 1.
    name : str
        Its name in the scenario.
    process, mm : int
        Its process (who shares signals with it), and its address space.
    actions : dict of int to str
        What its process asked to happen for a signal: ``handler``, ``restart``, ``escape``, ``ignore``;
        default otherwise. Tasks of one process share the table.
    frames : list of Frame
        The running functions, innermost last.
    frame_args : list of (str, tuple)
        Name and arguments of each called function, innermost last.
    pending : Effect or None
        The effect that waits to be applied.
    result : object
        What the innermost frame gets next.
    holds : list of (int, str)
        Locks it holds: address space and mode.
    locks : list of (int, int)
        Page locks and spinlocks that it holds: kind (`pyemu.sched.lockdep.LockClass`) and number.
    missed : tuple
        What it queued for although it was there already; empty when there is nothing.
    hold : int
        Number of its current hold of mmap_sem; areas found in an earlier hold are stale.
    found : dict of int to int
        In which hold each area was found.
    exiting : bool
        It is on its way out (PF_EXITING): it takes no signal, and userfaultfd serves it no more.
    device : bool
        It stands for a device: it needs no CPU.
    sp : int
        Where its stack ends, and the next signal frame begins below; 0: its frames cost no access.
    deadline : int or None
        When its last sleep with a timer ends, or would have ended.
    stopped : bool
        It has taken SIGSTOP, and neither SIGCONT nor SIGKILL has come since.
    attempt, attempt_page, last_result : int
        Calls of handle_mm_fault for the current fault, its page, and what the last one gave.
    fresh : set of (Location, int)
        Signals that were queued since it last began to go back to user mode, each with its queue.
    """

    id: int
    name: str
    process: int
    mm: int
    monitor: bool = False
    actions: dict[int, str] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    frame_args: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    pending: Effect[Any] | None = None
    result: Any = None
    cpu: int = 255
    asleep: bool = False
    ended: bool = False
    exiting: bool = False
    device: bool = False
    deadline: int | None = None
    sp: int = 0
    killed_by: int = 0
    holds: list[tuple[int, str]] = field(default_factory=list)
    locks: list[tuple[int, int]] = field(default_factory=list)
    missed: tuple[Any, ...] = ()
    hold: int = 0
    found: dict[int, int] = field(default_factory=dict)
    next_id: int = 0
    exception: int = 0
    attempt: int = 0
    attempt_page: int = -1
    last_result: int = 0
    by_area: int = 0
    waited_in_userfault: bool = False
    stopped: bool = False
    fresh: set[tuple[Location, int]] = field(default_factory=set)
    n_override_effects: int = 0
    violations: list[tuple[str, str]] = field(default_factory=list)
    stats: Counter[str] = field(default_factory=Counter)

    def new_id(self) -> int:
        """Give an id for an object that this task makes: unique, and independent of what other tasks do."""
        self.next_id += 1
        return self.id * 1_000_000 + self.next_id

    def begin_fault(self) -> None:
        """Forget earlier attempts: a new fault begins, by an exception or in get_user_pages."""
        self.attempt = self.last_result = self.by_area = 0
        self.attempt_page = -1

    def begin_attempt(self, page: int) -> None:
        """Count an attempt; one for another page than the last is the first of its own fault."""
        if page != self.attempt_page:
            self.begin_fault()
        self.attempt_page = page
        self.attempt += 1

    def holds_lock(self, mm: int) -> bool:
        """Say whether the task holds mmap_sem of an address space."""
        return any(held == mm for held, _ in self.holds)

    @property
    def frame(self) -> Frame:
        """The innermost frame."""
        return self.frames[-1]

    def in_override(self) -> bool:
        """Say whether a learner's function is the innermost frame."""
        return bool(self.frames) and self.frames[-1].override
