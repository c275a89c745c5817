"""A world without a clock: what takes time may end at any moment.

A wait for a time is a choice: it ends when the schedule says so. Each task has a time of its own, which goes
on only when such a wait of its own has ended, and begins anew with each step of its program; so a program
still finds that its time is over.
"""

from __future__ import annotations

from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task


class TimelessWorld(World):
    """A world in which deadlines come when they are chosen."""

    def now(self, task: Task) -> int:
        """Give the task's own time."""
        time: int = self.state.data.get(("time", task.id), 0)
        return time

    def is_over(self, deadline: int) -> bool:
        """Any wait for a time may end now."""
        return True

    def time_left(self, task: Task, deadline: int, woken: bool) -> int:
        """A wait that was ended early has time left; else the task's own time goes on to the deadline."""
        if woken:
            return max(0, deadline - self.now(task))
        self.state.set(("time", task.id), max(deadline, self.now(task)))
        return 0

    def next_ring(self, expires: int, interval: int) -> int:
        """An interval timer rings again, at whatever time."""
        return expires

    def begin_step(self, task: Task, number: int) -> None:
        """No step of a program knows when the one before began."""
        self.state.set(("steps", task.id), number)
        if self.now(task):
            self.state.set(("time", task.id), 0)
