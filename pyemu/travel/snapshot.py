"""A snapshot: the state after one step, as a view sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from pyemu.errors import FaultlabError
from pyemu.flags import HPAGE_SIZE, PAGE_SHIFT, PAGE_SIZE
from pyemu.hw import x86
from pyemu.state import Location

LINE_SHIFT = 6
NO_LINE = bytes(1 << LINE_SHIFT)
CLOCK: Location = ("clock",)
OURS = frozenset({"line", "task", "root", "tlb", "clock"})  # what `State` doesn't hold at locations


class TaskView(NamedTuple):
    """A task after a step."""

    name: str
    """Its name in the scenario."""
    calls: tuple[tuple[str, tuple[Any, ...]], ...]
    """Kernel functions that run, with their arguments, the innermost last."""
    lines: tuple[int, ...]
    """Where each of them stands: the line of its source that waits for a result; 0: not known, as of a
    function that has not begun, or that is not the kernel's own."""
    next: str
    """The operation that it makes next; empty when that is not known yet."""
    state: int
    """What it announced: bits of `TaskState`, 0 for RUNNING."""
    cpu: int
    """Where it runs; 255: nowhere."""
    attempt: int
    """Calls of handle_mm_fault for its current fault."""
    asleep: bool
    """It can't go on until it is woken."""
    stopped: bool
    """It has taken SIGSTOP."""
    ended: bool
    """It has exited, or was killed."""
    killed_by: int
    """The signal that killed it; 0: none."""

    @property
    def stack(self) -> tuple[str, ...]:
        """Names of the kernel functions that run, the innermost last."""
        return tuple(name for name, _ in self.calls)


@dataclass(frozen=True)  # no slots: `ram` is put together when it is first asked for
class Snapshot:
    """The state after one step; nothing in it ever changes.

    Attributes
    ----------
    step : int
        After which step.
    values : mapping of location to value
        Everything, also lines of RAM (``("line", n)``, 64 bytes), sets of TLBs (``("tlb", cpu, "L1", set)``,
        entries), tasks, page-table roots and the clock.
    ram_size : int
        Bytes of RAM.
    """

    step: int
    values: Mapping[Location, Any]
    ram_size: int

    def get(self, location: Location, default: Any = None) -> Any:
        """Give the value of a location, as `State.get` would have."""
        return self.values.get(location, default)

    @property
    def shared(self) -> dict[Location, Any]:
        """What kernel functions share: the locations of `State`."""
        return {place: value for place, value in self.values.items() if place[0] not in OURS}

    @property
    def clock(self) -> int:
        """Virtual time in ticks of 1 us."""
        return int(self.values[CLOCK])

    @property
    def tasks(self) -> Mapping[str, TaskView]:
        """The tasks by name, in the scenario's order."""
        found = sorted((place[1], view) for place, view in self.values.items() if place[0] == "task")
        return MappingProxyType({view.name: view for _, view in found})

    def task(self, name: str) -> TaskView:
        """Give a task.

        Raises
        ------
        FaultlabError
            When there is none of this name.
        """
        tasks = self.tasks
        if name not in tasks:
            raise FaultlabError(f"task {name!r} is not in this run: its tasks are {', '.join(tasks)}.")
        return tasks[name]

    # -------------------------------------------------------------------------------- memory

    @cached_property
    def ram(self) -> bytes:
        """All of emulated RAM."""
        ram = bytearray(self.ram_size)
        for place, value in self.values.items():
            if place[0] == "line":
                ram[place[1] << LINE_SHIFT : (place[1] + 1) << LINE_SHIFT] = value
        return bytes(ram)

    def page(self, pfn: int) -> bytes:
        """Give the bytes of a page frame.

        Raises
        ------
        FaultlabError
            When RAM has no such frame.
        """
        frames = self.ram_size >> PAGE_SHIFT
        if not 0 <= pfn < frames:
            raise FaultlabError(f"frame {pfn} does not exist: RAM has frames 0 to {frames - 1}.")
        return self.ram[pfn << PAGE_SHIFT : (pfn + 1) << PAGE_SHIFT]

    def pte(self, mm: int, address: int) -> int:
        """Give the last-level page-table entry of an address; 0 when there is none.

        Parameters
        ----------
        mm : int
            Number of the address space, from 1.
        address : int
            Virtual address.

        Raises
        ------
        FaultlabError
            When there is no such address space.
        """
        return self._entry(mm, address, 1)

    def huge_pte(self, mm: int, address: int) -> int:
        """Give the entry of the page directory that an address selects; as `pte` otherwise."""
        return self._entry(mm, address, 2)

    def _entry(self, mm: int, address: int, level: int) -> int:
        root = self.values.get(("root", mm))
        if root is None:
            known = sorted(place[1] for place in self.values if place[0] == "root")
            raise FaultlabError(f"address space {mm} does not exist: there are {', '.join(map(str, known))}.")
        place = x86.leaf_address(self.ram, root, address, level=level)
        return x86.read_entry(self.ram, place) if place is not None else 0

    def byte(self, mm: int, address: int) -> int | None:
        """Give the byte that an address shows; None when no page is there."""
        huge = self.huge_pte(mm, address)
        if huge & x86.PS:
            content = self.values["bytes", (huge & x86.ADDRESS) >> PAGE_SHIFT]
            return int(content.read(address % HPAGE_SIZE, 1)[0]) if huge & x86.P else None
        entry = self.pte(mm, address)
        return self.ram[(entry & x86.ADDRESS) + address % PAGE_SIZE] if entry & x86.P else None
