"""What is true after each step, as texts in slots: the picture of a state that the trace alone can't give.

A **slot** is one line of one panel, such as the entry of a page in the panel of the page table. A run is then
which slot got which text after which step, which is small and can be sent at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from course.views.stepping.tables import Tables, entry_words, right_words
from course.views.words import signal_name
from pyemu.flags import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VmFlag, state_letter
from pyemu.flags import names as flag_names
from pyemu.hw import x86
from pyemu.trace import Trace
from pyemu.travel import History, TaskView
from pyemu.travel.log import MISSING
from pyemu.travel.snapshot import CLOCK

__all__ = ["NOW", "PAGES", "PANELS", "Slot", "States"]

PANELS = ("Now", "Pages", "Tasks", "mmap_sem", "Page table", "TLB", "Memory areas", "userfaultfd")
"""Names of the panels; the first two are filled from events, by `course.views.panel.facts`."""

NOW, PAGES, TASKS, LOCK, TABLE, TLB, AREAS, QUEUES = range(len(PANELS))

WHOLE_AREA = 16
"""Pages of an area that are all shown; of a larger one, those that the trace speaks of."""

NO_CPU = 255  # of a task that is on none

_OF_PAGES = ("access", "uaccess", "value", "exception", "pte", "flush", "message", "message_read", "uffd")


_RIGHTS = x86.RW | x86.US | x86.D | x86.NX  # what an entry of a TLB keeps of the tables' bits


class Slot(NamedTuple):
    """One line of one panel; sorts as it is shown.

    Attributes
    ----------
    panel : int
        Place in `PANELS`.
    order : tuple of int
        Where it stands in the panel.
    name : str
        What stands before its text.
    """

    panel: int
    order: tuple[int, ...]
    name: str


class States:
    """The states of a run, step by step.

    Parameters
    ----------
    history : History
        Of the run.
    trace : Trace
        Of the same run.
    """

    def __init__(self, history: History, trace: Trace) -> None:
        self._history = history
        self._names = trace.tasks
        writes = [write for step in range(history.last + 1) for write in history.writes(step)]
        start = history.at(0)
        areas = [value for place, value in start.values.items() if place[0] == "vma"]
        areas += [write.new for write in writes if write.location[0] == "vma"]
        self._spaces = sorted({area.mm for area in areas})
        self._tables = Tables(start.ram_size, self._pages(areas, trace))
        self._values: dict[Any, Any] = {}
        self.tasks: dict[int, TaskView] = {}
        """Each task after the latest step, by number."""
        self._first = dict(start.values)

    def steps(self) -> Iterator[dict[Slot, str]]:
        """Go through the steps.

        Yields
        ------
        dict of Slot to str
            After each step from 0 on, what it may have changed; an empty text: nothing is there (any more).
        """
        yield self._apply(self._first.items())
        for step in range(1, self._history.last + 1):
            yield self._apply((write.location, write.new) for write in self._history.writes(step))

    def _apply(self, writes: Iterable[tuple[Any, Any]]) -> dict[Slot, str]:
        found: dict[Slot, str] = {}
        contexts: set[int] = set()
        for place, value in writes:
            if place == CLOCK or value is MISSING:
                continue
            kind = place[0]
            if kind == "line":
                self._tables.write(place[1], value)
                continue
            self._values[place] = value
            if kind == "root":
                self._tables.set_root(place[1], value)
            elif kind == "task":
                self.tasks[place[1]] = value
                found |= self._task(place[1], value)
            elif kind in ("siginfo", "shared_signal", "blocked"):
                found |= self._signals(place)
            elif kind == "mmap_sem" and place[1] in self._spaces:
                found |= self._lock(place[1], value)
            elif kind == "vma":
                found |= self._area(place[1], value)
            elif kind == "tlb":
                found |= _tlb(place[1:], value)
            elif kind == "context":
                contexts.add(place[1])
        for context in sorted(contexts):
            found |= self._queues(context)
        for (mm, va), entry in self._tables.changed():
            found[Slot(TABLE, (mm, va), self._named(mm, f"{va:#x}"))] = entry_words(entry)
        return found

    # -------------------------------------------------------------------------------- panels

    def _task(self, number: int, view: TaskView) -> dict[Slot, str]:
        if view.ended:
            doing = f"killed by {signal_name(view.killed_by)}" if view.killed_by else "ended"
        elif view.stopped:
            doing = "stopped (T)"
        elif view.asleep:
            doing = f"sleeps ({state_letter(view.state)})"
        else:
            doing = "ready" if view.cpu == NO_CPU else f"runs on CPU {view.cpu}"
        announced = f", state {state_letter(view.state)} announced" if view.state and not view.asleep else ""
        return {
            Slot(TASKS, (number, 0), view.name): doing + ("" if view.ended else announced),
            Slot(TASKS, (number, 1), f"{view.name}: functions"): " > ".join(view.stack) or "none: user mode",
            Slot(TASKS, (number, 2), f"{view.name}: next effect"): view.next,
        }

    def _signals(self, place: tuple[str, int]) -> dict[Slot, str]:
        kind, number = place
        value = self._values[place]
        if kind == "blocked":
            text = ", ".join(signal_name(one) for one in sorted(value))
            return {Slot(TASKS, (number, 4), f"{self._task_name(number)}: blocked signals"): text}
        text = ", ".join(signal_name(one.signal) for one in value)
        if kind == "siginfo":
            return {Slot(TASKS, (number, 3), f"{self._task_name(number)}: pending signals"): text}
        return {Slot(TASKS, (number, 5), f"process of {self._task_name(number)}: pending signals"): text}

    def _lock(self, mm: int, lock: Any) -> dict[Slot, str]:
        held = [f"{self._task_name(one)} (reading)" for one in lock.readers]
        if lock.writer is not None:
            held.append(f"{self._task_name(lock.writer)} (writing)")
        waits = [
            f"{self._task_name(one)} ({'writing' if write else 'reading'})" for one, write in lock.waiters
        ]
        return {
            Slot(LOCK, (mm, 0), self._named(mm, "owner")): " + ".join(held) or "free",
            Slot(LOCK, (mm, 1), self._named(mm, "waiters")): ", ".join(waits) or "nobody",
        }

    def _area(self, number: int, area: Any) -> dict[Slot, str]:
        slot = Slot(AREAS, (area.mm, number), self._named(area.mm, f"area {number}"))
        if not area.alive:
            return {slot: "freed"}
        words = [f"{area.start:#x} to {area.end - 1:#x}", flag_names(area.flags, VmFlag).replace("|", " ")]
        words += [f"userfaultfd {area.context}"] if area.context is not None else []
        words += [f"file {area.file} from page {area.pgoff}"] if area.file is not None else []
        return {slot: ", ".join(words)}

    def _queues(self, context: int) -> dict[Slot, str]:
        state = self._values.get(("context", context))
        if state is None:
            return {}
        name = f"userfaultfd {context}"
        if state.released:
            return {
                Slot(QUEUES, (context, 0), f"{name}: not read"): "closed",
                Slot(QUEUES, (context, 1), f"{name}: read"): "closed",
            }
        return {
            Slot(QUEUES, (context, 0), f"{name}: not read"): self._waits(state.pending),
            Slot(QUEUES, (context, 1), f"{name}: read"): self._waits(state.read),
        }

    def _waits(self, queue: tuple[int, ...]) -> str:
        entries = [self._values[("wait", one)] for one in queue if ("wait", one) in self._values]
        return ", ".join(f"{self._task_name(one.task)} at {one.address:#x}" for one in entries) or "nobody"

    # -------------------------------------------------------------------------------- names

    def _named(self, mm: int, name: str) -> str:
        """Tell address spaces apart where there are several with memory."""
        return name if len(self._spaces) < 2 else f"mm {mm}: {name}"

    def _task_name(self, number: int) -> str:
        return self._names[number - 1] if 0 < number <= len(self._names) else f"task {number}"

    def _pages(self, areas: list[Any], trace: Trace) -> set[tuple[int, int]]:
        spoken = {int(event.a) & PAGE_MASK for event in trace.select(*_OF_PAGES)}
        found = set()
        for area in areas:
            if area.end - area.start <= WHOLE_AREA * PAGE_SIZE:
                found |= {(area.mm, va) for va in range(area.start, area.end, PAGE_SIZE)}
            found |= {(area.mm, va) for va in spoken if area.start <= va < area.end}
        return found


def _tlb(place: tuple[int, str, int], entries: tuple[Any, ...]) -> dict[Slot, str]:
    cpu, level, number = place
    held = [
        f"{one.vpn << PAGE_SHIFT:#x} is frame {one.pfn}: {right_words(one.flags & _RIGHTS)}"
        for one in entries
    ]
    return {Slot(TLB, (cpu, int(level[1:]), number), f"CPU {cpu}, {level} set {number}"): "; ".join(held)}
