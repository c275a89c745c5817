"""The state and the world of a run that is logged.

They do what `State` and `World` do, and tell the log. So a run that is not logged costs nothing more, and
the log is complete as long as the state changes through the methods that are overridden here.
"""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from pyemu.hugepages import POOL_START
from pyemu.hw import Access, TableRef, x86
from pyemu.sched.frames import Frame, KernelFrame
from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task
from pyemu.state import Location, State
from pyemu.travel.history import History
from pyemu.travel.log import WriteLog
from pyemu.travel.snapshot import CLOCK, LINE_SHIFT, NO_LINE, TaskView

LEVELS = 4


class LoggedState(State):
    """A state whose writes are logged."""

    __slots__ = ("log", "used_tlbs")

    log: WriteLog
    used_tlbs: set[int]

    def __post_init__(self) -> None:
        self.log = WriteLog()
        self.used_tlbs = set()
        super().__post_init__()

    def set(self, location: Location, value: Any) -> None:
        """Write a location."""
        self.log.write(location, value)
        super().set(location, value)

    def store(self, pa: int, data: bytes) -> None:
        """Write bytes of RAM, at a physical address."""
        super().store(pa, data)
        if pa >= POOL_START:
            return  # what a huge page holds is at a location
        for line in range(pa >> LINE_SHIFT, (pa + len(data) - 1 >> LINE_SHIFT) + 1):
            self._log_line(line)

    def new_mm(self, mm: int) -> None:
        """Make an address space with an empty page table."""
        super().new_mm(mm)
        self.log.write(("root", mm), self.roots[mm])

    def set_entry(self, mm: int, va: int, entry: int, level: int) -> None:
        """Write an entry of a table (level 1) or of a page directory (level 2)."""
        super().set_entry(mm, va, entry, level)
        table = self.roots[mm]
        for upper in range(LEVELS, level - 1, -1):
            place = x86.entry_address(table, va, upper)
            self._log_line(place >> LINE_SHIFT)
            table = x86.read_entry(self.ram, place) & x86.ADDRESS

    def access(self, cpu: int, address: int, kind: str, references: list[TableRef]) -> Access:
        """Let the MMU of a CPU translate an address; it may set A and D in the entries that it reads."""
        try:
            return super().access(cpu, address, kind, references)
        finally:
            self.used_tlbs.add(cpu)
            for reference in references:
                self._log_line(reference.pa >> LINE_SHIFT)

    def flush(self, address: int) -> int:
        """Drop the translations of a page on every CPU; give the number of CPUs."""
        n_cpus = super().flush(address)
        self.used_tlbs.update(range(n_cpus))
        return n_cpus

    def log_tlbs(self) -> None:
        """Log the sets of each TLB that was used since this was last called, where they have changed."""
        for cpu in sorted(self.used_tlbs):
            held = self.mmus[cpu].tlb_entries()
            for level, arrays in (("L1", held.l1), ("L2", held.l2)):
                for array in arrays:
                    for number, entries in enumerate(array.sets):
                        place = ("tlb", cpu, level, number)
                        if entries != self.log.now.get(place, ()):
                            self.log.write(place, entries)
        self.used_tlbs.clear()

    def _log_line(self, line: int) -> None:
        """Log a line of RAM, if it has changed."""
        place, value = ("line", line), bytes(self.ram[line << LINE_SHIFT : (line + 1) << LINE_SHIFT])
        if value != self.log.now.get(place, NO_LINE):
            self.log.write(place, value)


class LoggedWorld(World):
    """A world that notes how time and tasks stand whenever a step ends: that is, when the next one begins."""

    make_state = LoggedState
    state: LoggedState

    @property
    def step(self) -> int:
        """Number of effects applied so far."""
        return self._step

    @step.setter
    def step(self, step: int) -> None:
        self._end_step()
        self._step = step

    def _end_step(self) -> None:
        log, data = self.state.log, self.state.data
        self.state.log_tlbs()
        for task in self.tasks.values():
            place, view = ("task", task.id), _view(task, data.get(("state", task.id), 0))
            if log.now.get(place) != view:
                log.write(place, view)
        if log.now.get(CLOCK) != self.clock:
            log.write(CLOCK, self.clock)
        log.end_step()

    def history(self) -> History:
        """End the last step, and give the history of the run."""
        self._end_step()
        return History(self.state.log, len(self.state.ram))


def _view(task: Task, state: int) -> TaskView:
    return TaskView(
        task.name,
        tuple(task.frame_args),
        tuple(map(_line, task.frames[len(task.frames) - len(task.frame_args) :])),
        task.pending.op if task.pending is not None else "",
        state,
        task.cpu,
        task.attempt,
        task.asleep,
        task.stopped,
        task.ended,
        task.killed_by,
    )


def _line(frame: Frame) -> int:
    """Give the line at which a function of the kernel's own waits for its next result."""
    if not isinstance(frame, KernelFrame) or not isinstance(frame.coroutine, CoroutineType):
        return 0
    running = frame.coroutine.cr_frame
    return running.f_lineno if running is not None else 0
