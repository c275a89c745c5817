"""Traces: what happened in a run, event by event.

An event is a record of 32 bytes: time, two numbers, step, kind, task, CPU and depth. What doesn't fit (a
name, a sentence) stands in a side table, and the record holds its place. Views, checks, graders and exports
read events only, never live objects. The text form and the JSON lines of a trace are the same for the same
input, byte for byte.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Any

from pyemu.calls import CALLS
from pyemu.errors import FaultlabError
from pyemu.flags import (
    UFFD_PAGEFAULT_FLAG_MINOR,
    UFFD_PAGEFAULT_FLAG_WP,
    UFFD_PAGEFAULT_FLAG_WRITE,
    FaultFlag,
    PageFaultError,
    Signal,
    VmFault,
    errno_name,
    names,
    state_letter,
)
from pyemu.stacks import stacks

RECORD = struct.Struct("<qqqIBBBB")  # t, a, b, step, kind, task, cpu, depth
FORMAT_VERSION = 1

Span = tuple[int, int]


class Level(IntEnum):
    """How close an event is to the story: a view shows events up to a level."""

    STORY = 0
    KERNEL = 1
    HARDWARE = 2


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its name, its two fields and how it reads.

    Attributes
    ----------
    name : str
        Name in JSON lines and in text.
    a, b : str
        Names of the two fields; empty when unused. A field whose name ends in ``_name`` is a place in the
        side table.
    level : Level
        How close it is to the story.
    text : callable
        Gives the text of an event from its two (decoded) fields.
    """

    name: str
    a: str
    b: str
    level: Level
    text: Callable[[Any, Any], str]


def _bits(value: int, kind: Any) -> str:
    return f"{value:#x} {names(value, kind)}" if value else "0"


def _signal(value: int) -> str:
    return Signal(value).name if value in Signal.__members__.values() else f"signal {value}"


NULL_POINTER = -1  # in an event: the caller passed no pointer


def _gup(n: int, locked: int) -> str:
    count = f"{n} page{'s' * (n != 1)}" if n >= 0 else errno_name(n)
    return f"GUP gives {count}" + ("" if locked == NULL_POINTER else f", *locked {locked}")


def _cause(flags: int) -> str:
    """Say what a message's flags mean; bits without a meaning are shown as they are."""
    write = " write" if flags & UFFD_PAGEFAULT_FLAG_WRITE else ""
    why = ""
    if flags & UFFD_PAGEFAULT_FLAG_MINOR:
        why = ", in the cache"
    elif flags & UFFD_PAGEFAULT_FLAG_WP:
        why = ", write-protected"
    rest = flags & ~(UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_MINOR | UFFD_PAGEFAULT_FLAG_WP)
    return f"{write}{why}, bits {rest:#x}" if rest else f"{write}{why}"


_S, _K, _H = Level.STORY, Level.KERNEL, Level.HARDWARE
KINDS: tuple[Kind, ...] = (
    Kind("access", "va", "access_name", _S, lambda a, b: f"{b} {a:#x}"),
    Kind("value", "va", "value", _S, lambda a, b: f"{a:#x} = {b}"),
    Kind("uaccess", "va", "access_name", _S, lambda a, b: f"the kernel {b}s {a:#x}"),
    Kind("copied", "va", "bytes", _S, lambda a, b: f"{b} bytes copied at {a:#x}"),
    Kind("tlb_hit", "va", "level", _H, lambda a, b: f"{a:#x} in the {'L1 TLB' if b == 0 else 'L2 TLB'}"),
    Kind("walk", "va", "references", _H, lambda a, b: f"{a:#x}: {b} table entries read"),
    Kind("table", "pa", "entry", _H, lambda a, b: f"entry at {a:#x} is {b:#x}"),
    Kind(
        "exception", "va", "error_code", _S, lambda a, b: f"#PF error {_bits(b, PageFaultError)} CR2 {a:#x}"
    ),
    Kind("fixup", "ip", "", _S, lambda a, b: f"not served: kernel code goes on at its fixup {a:#x}"),
    Kind("oops", "ip", "va", _S, lambda a, b: f"oops: kernel code at {a:#x} may not fault on {b:#x}"),
    Kind("oom", "", "", _S, lambda a, b: "out of memory: the access will be made again"),
    Kind("call", "function_name", "", _K, lambda a, b: f"{a}"),
    Kind("return", "function_name", "result", _K, lambda a, b: f"{a} gives {b}"),
    Kind(
        "attempt", "flags", "n", _S, lambda a, b: f"handle_mm_fault attempt {b} flags {_bits(a, FaultFlag)}"
    ),
    Kind("attempt_end", "bits", "n", _S, lambda a, b: f"attempt {b} gives {_bits(a, VmFault)}"),
    Kind("find_vma", "va", "vma", _K, lambda a, b: f"{a:#x}: " + (f"vma {b}" if b else "none")),
    Kind("lock_taken", "mm", "mode_name", _S, lambda a, b: f"mmap_sem taken for {b}"),
    Kind("lock_queued", "mm", "mode_name", _S, lambda a, b: f"mmap_sem: waits for {b}"),
    Kind("lock_granted", "mm", "mode_name", _S, lambda a, b: f"mmap_sem granted for {b}"),
    Kind("lock_dropped", "mm", "mode_name", _S, lambda a, b: f"mmap_sem released ({b})"),
    Kind("lock_wait_killed", "mm", "mode_name", _S, lambda a, b: f"SIGKILL ends the wait for mmap_sem ({b})"),
    Kind("page_lock", "pfn", "how_name", _K, lambda a, b: f"lock of page {a} {b}"),
    Kind("page_wait", "pfn", "how_name", _S, lambda a, b: f"page {a}: {b}"),
    Kind("cache", "pfn", "what_name", _K, lambda a, b: f"{b} (frame {a})"),
    Kind("disk", "pages", "what_name", _S, lambda a, b: f"the disk {b}"),
    Kind("fork", "child", "", _S, lambda a, b: f"task {a} is born"),
    Kind("vma_lock", "vma", "what_name", _S, lambda a, b: f"the lock of vma {a} is {b}"),
    Kind("vma_lock_missed", "va", "why_name", _S, lambda a, b: f"{a:#x}: not by the lock of its area: {b}"),
    Kind("pte", "va", "entry", _K, lambda a, b: f"entry of {a:#x} is now {b:#x}"),
    Kind("flush", "va", "cpu_count", _H, lambda a, b: f"{a:#x} flushed on {b} CPUs"),
    Kind("state", "state", "", _K, lambda a, b: f"state {state_letter(a)}"),
    Kind("sleep", "state", "", _S, lambda a, b: f"sleeps in state {state_letter(a)} ({int(a):#x})"),
    Kind("wake", "reason_name", "", _S, lambda a, b: f"wakes: {a}"),
    Kind("message", "va", "flags", _S, lambda a, b: f"message queued: {a:#x}{_cause(b)}"),
    Kind("message_read", "va", "flags", _S, lambda a, b: f"message read: {a:#x}{_cause(b)}"),
    Kind("uffd", "va", "ioctl_name", _S, lambda a, b: f"{b} {a:#x}" if a else b),
    Kind("poll_wake", "context", "tasks", _K, lambda a, b: f"wakes {b} in poll()"),
    Kind("signal_sent", "signal", "target", _S, lambda a, b: f"{_signal(a)} sent to task {b}"),
    Kind(
        "signal_dropped", "signal", "target", _S, lambda a, b: f"{_signal(a)} to task {b} is ignored: dropped"
    ),
    Kind("signal_seen", "pending", "", _K, lambda a, b: f"signal pending: {'yes' if a else 'no'}"),
    Kind("signal_taken", "signal", "action_name", _S, lambda a, b: f"{_signal(a)}: {b}"),
    Kind("fault_signal", "signal", "va", _S, lambda a, b: f"{_signal(a)} forced for {b:#x}"),
    Kind("counter", "counter_name", "value", _K, lambda a, b: f"{a} = {b}"),
    Kind("report", "what_name", "value_name", _S, lambda a, b: f"{a} {b}"),
    Kind("gup", "n", "locked", _S, _gup),
    Kind("user", "va", "", _S, lambda a, b: f"back to user mode, the access to {a:#x} is made again"),
    Kind("exit", "signal", "", _S, lambda a, b: f"killed by {_signal(a)}" if a else "ends"),
    Kind("spin", "text_name", "repeats", _S, lambda a, b: f"{a} (repeated {b} times more)"),
    Kind("violation", "rule_name", "text_name", _S, lambda a, b: f"{a}: {b}"),
    Kind("finding", "rule_name", "text_name", _S, lambda a, b: f"{a}: {b}"),
    Kind("spinlock", "va", "what_name", _K, lambda a, b: f"page-table lock of {a:#x} {b}"),
    Kind("hang", "text_name", "", _S, lambda a, b: f"{a}"),
    Kind("walk_attempt", "flags", "", _S, lambda a, b: f"hugetlb_fault for GUP, flags {_bits(a, FaultFlag)}"),
    Kind("walk_attempt_end", "bits", "", _S, lambda a, b: f"hugetlb_fault gives {_bits(a, VmFault)}"),
    Kind("file_lock", "lock_name", "what_name", _K, lambda a, b: f"{a} {b}"),
    Kind("file_freed", "file_name", "", _S, lambda a, b: f"file {a} is freed: nothing maps it"),
    Kind("huge_page", "pfn", "what_name", _K, lambda a, b: f"huge page {a:#x} {b}"),
    Kind("hole", "pages_name", "what_name", _S, lambda a, b: f"hole of {a}: {b}"),
    Kind("bug", "text_name", "", _S, lambda a, b: f"BUG: {a}"),
)
KIND = {kind.name: number for number, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Event:
    """One event, decoded.

    Attributes
    ----------
    t : int
        Virtual time in ticks (1 us).
    step : int
        Number of the effect that caused it.
    task, cpu, depth : int
        Task number (1 is the scenario's first), CPU (255: none), depth of kernel calls.
    kind : str
        Name of the kind.
    a, b : int or str
        The two fields; `Kind` tells their names.
    """

    t: int
    step: int
    task: int
    cpu: int
    depth: int
    kind: str
    a: int | str
    b: int | str

    @property
    def text(self) -> str:
        """The event as a phrase."""
        return KINDS[KIND[self.kind]].text(self.a, self.b)

    @property
    def level(self) -> Level:
        """How close the event is to the story."""
        return KINDS[KIND[self.kind]].level

    def fields(self) -> dict[str, int | str]:
        """Give the named fields of the event."""
        kind = KINDS[KIND[self.kind]]
        pairs = ((kind.a, self.a), (kind.b, self.b))
        return {name.removesuffix("_name"): value for name, value in pairs if name}


class Trace:
    """The events of one run, in order.

    Parameters
    ----------
    tasks : iterable of str
        Names of the tasks; the first is task 1.
    title : str
        What ran, and on which tree; stands above the text form.
    """

    def __init__(self, tasks: Iterable[str], title: str = "") -> None:
        self.title = title
        self.tasks = tuple(tasks)
        self.records = bytearray()
        self.strings: list[str] = []
        self._places: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Trace({self.title!r}, {len(self)} events)"

    def place(self, text: str) -> int:
        """Give the place of a string in the side table."""
        found = self._places.get(text)
        if found is None:
            found = self._places[text] = len(self.strings)
            self.strings.append(text)
        return found

    def add(
        self,
        t: int,
        step: int,
        task: int,
        cpu: int,
        depth: int,
        kind: str,
        a: int | str = 0,
        b: int | str = 0,
    ) -> None:
        """Append an event; a string goes to the side table.

        Parameters
        ----------
        t, step, task, cpu, depth, kind, a, b
            As in `Event`.
        """
        if isinstance(a, str):
            a = self.place(a)
        if isinstance(b, str):
            b = self.place(b)
        self.records += RECORD.pack(t, a, b, step, KIND[kind], task, cpu, depth if depth < 256 else 255)

    def __len__(self) -> int:
        return len(self.records) // RECORD.size

    def __getitem__(self, index: int) -> Event:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(f"event {index} of {len(self)}")
        t, a, b, step, number, task, cpu, depth = RECORD.unpack_from(self.records, index * RECORD.size)
        kind = KINDS[number]
        return Event(
            t,
            step,
            task,
            cpu,
            depth,
            kind.name,
            self.strings[a] if kind.a.endswith("_name") else a,
            self.strings[b] if kind.b.endswith("_name") else b,
        )

    def __iter__(self) -> Iterator[Event]:
        return (self[index] for index in range(len(self)))

    def task_name(self, task: int) -> str:
        """Give the name of a task number; ``-`` for 0, the machine itself."""
        return self.tasks[task - 1] if task else "-"

    def select(
        self,
        *kinds: str,
        task: str | None = None,
        level: Level | None = None,
        t: Span | None = None,
        step: Span | None = None,
        function: str | None = None,
    ) -> list[Event]:
        """Give the events that are all of what is asked for; nothing asked for means all events.

        Parameters
        ----------
        *kinds : str
            Of one of these kinds.
        task : str, optional
            Of this task; ``-`` is the machine itself.
        level : Level, optional
            Up to this level.
        t, step : (int, int), optional
            From the first to the last of these ticks, or steps; both belong to it.
        function : str, optional
            While this kernel function runs in the event's task: from its call to its return, and all that it
            calls.

        Returns
        -------
        list of Event
            In order.

        Raises
        ------
        FaultlabError
            For a kind, a task or a function that doesn't exist, and a span whose end is before its start.

        Examples
        --------
        >>> from pyemu import run
        >>> [event.text for event in run("S13").trace.select("sleep", function="handle_userfault", t=(0, 9))]
        ['sleeps in state S (0x1)']
        """
        unknown = [kind for kind in kinds if kind not in KIND]
        if unknown:
            raise FaultlabError(f"event kind {unknown[0]!r} is unknown: kinds are {', '.join(KIND)}.")
        if task is not None and task not in (*self.tasks, "-"):
            raise FaultlabError(f"task {task!r} is not in this trace: its tasks are {', '.join(self.tasks)}.")
        for name, span in (("t", t), ("step", step)):
            if span is not None and span[0] > span[1]:
                raise FaultlabError(f"{name} {span} is no span: it must go from the first to the last.")
        wanted = {KIND[kind] for kind in kinds}
        found = (i for i in range(len(self)) if not wanted or self.records[i * RECORD.size + 28] in wanted)
        events = map(self.__getitem__, found) if function is None else self._inside(function, wanted)
        return [
            event
            for event in events
            if (task is None or self.task_name(event.task) == task)
            and (level is None or event.level <= level)
            and (t is None or t[0] <= event.t <= t[1])
            and (step is None or step[0] <= event.step <= step[1])
        ]

    def _inside(self, function: str, wanted: set[int]) -> Iterator[Event]:
        """Give the events during a function."""
        if function not in CALLS:
            near = get_close_matches(function, CALLS, n=1)
            hint = f"do you mean {near[0]}?" if near else "`faultlab functions` lists them."
            raise FaultlabError(f"kernel function {function!r} is unknown: {hint}")
        for event, stack in stacks(self):
            if function in stack and (not wanted or KIND[event.kind] in wanted):
                yield event

    def lines(self, level: Level = Level.STORY) -> list[str]:
        """Give the text form, one line an event.

        Parameters
        ----------
        level : Level
            Show events up to this level.

        Returns
        -------
        list of str
            Time in ticks, task, what happened.
        """
        width = max((len(name) for name in self.tasks), default=1)
        return [
            f"{event.t:>8} us  {self.task_name(event.task):<{width}}  {event.kind:<13} {event.text}"
            for event in self
            if event.level <= level
        ]

    def text(self, level: Level = Level.STORY) -> str:
        """Give the text form as one string, with its title."""
        return "\n".join([self.title, *self.lines(level)] if self.title else self.lines(level))

    def __str__(self) -> str:
        return self.text()

    def to_jsonl(self) -> str:
        """Give the trace as JSON lines: a header, then an object an event.

        Returns
        -------
        str
            Ends with a newline; numbers are plain ints, flags included.
        """
        header = {"faultlab_trace": FORMAT_VERSION, "title": self.title, "tasks": list(self.tasks)}
        rows = [json.dumps(header)]
        for event in self:
            row = {"t": event.t, "step": event.step, "task": self.task_name(event.task), "cpu": event.cpu}
            rows.append(json.dumps({**row, "depth": event.depth, "event": event.kind, **event.fields()}))
        return "\n".join(rows) + "\n"

    def to_chrome(self, axis: str = "t") -> str:
        """Give the trace as Chrome trace JSON, which chrome://tracing and Perfetto open.

        Parameters
        ----------
        axis : str
            What runs from left to right: ``t``, virtual time, in which most things take no time; or ``step``,
            a microsecond a step.

        Returns
        -------
        str
            A JSON object. See `pyemu.chrome`.

        Raises
        ------
        FaultlabError
            For another axis.
        """
        from pyemu.chrome import chrome  # which knows traces

        return chrome(self, axis)

    @classmethod
    def from_jsonl(cls, text: str) -> Trace:
        """Read what `to_jsonl` wrote.

        Parameters
        ----------
        text : str
            JSON lines.

        Returns
        -------
        Trace
            An equal trace.

        Raises
        ------
        FaultlabError
            When a line is no event of this format; the text names the line.
        """
        number = 1
        try:
            first, *rest = text.splitlines() or [""]
            header = json.loads(first)
            if header.get("faultlab_trace") != FORMAT_VERSION:
                raise ValueError(f"the header must hold faultlab_trace: {FORMAT_VERSION}")
            if not all(isinstance(one, str) for one in (header["title"], *header["tasks"])):
                raise ValueError("title and tasks must be texts")
            trace = cls(header["tasks"], header["title"])
            numbers = {name: place for place, name in enumerate(trace.tasks, 1)} | {"-": 0}
            for line in rest:
                number += 1
                row = json.loads(line)
                kind = KINDS[KIND[row["event"]]]
                a, b = _field(row, kind.a), _field(row, kind.b)
                trace.add(
                    row["t"], row["step"], numbers[row["task"]], row["cpu"], row["depth"], kind.name, a, b
                )
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise FaultlabError(f"line {number} is no event of a faultlab trace: {error}.") from None
        return trace


def _field(row: dict[str, Any], name: str) -> int | str:
    """Give a field of an event in JSON lines, of the type that its name tells."""
    if not name:
        return 0
    key = name.removesuffix("_name")
    value: int | str = row[key]
    wanted = str if name.endswith("_name") else int
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise TypeError(f"{key} is {value!r}; it must be {'a text' if wanted is str else 'a whole number'}")
    return value
