"""Scenarios: what happens, as plain data.

A scenario names areas of memory, tasks and their programs. It is written as TOML (version 1), checked against
one schema, and means the same on every tree. `Scenario.load` reads one of the library or a file;
`Scenario.from_dict` takes the same data from Python. All times are ticks of virtual time (1 tick = 1 us).

The format, with units and defaults::

    version = 1                    # of this format; required
    name = "S13"                   # short name; required
    title = "..."                  # one line; required
    story = "..."                  # what happens, in a sentence or two (default: empty)
    permits = ["spin"]             # findings that this scenario may show on some tree (default: none)

    [machine]
    n_cpus = 2                     # 1 to 8 (default 2)
    preemption = false             # may the kernel be interrupted for another task? (default false)
    ram_pages = 256                # emulated RAM, pages of 4096 bytes, 16 to 65536 (default 256)
    max_ticks = 10_000_000         # a run ends after this time (default 10 s)

    [[areas]]
    name = "V"                     # required
    pages = 4                      # 1 to 512 (default 1)
    process = "P"                  # whose it is (default: the process of the first task)
    address = 0x7f0000000000       # first byte, a multiple of 4096 (default: this, and 1 GiB further each)
    prot = "rw"                    # "r" or "rw" (default "rw")
    populated = [0]                # pages that are mapped at the start, filled with zeros (default: none)
    userfaultfd = true             # registered for missing pages (default false)

    [[tasks]]
    name = "T"                     # required
    process = "P"                  # tasks of one process share memory (default: the task's name)
    monitor = false                # a run ends when all tasks but the monitors have ended (default false)
    serves = "P"                   # whose userfaultfd its steps mean (default: the first area's process)
    signals = { SIGUSR1 = "handler" }  # handler, restart, escape, ignore, default (default: default);
                                   # it holds for all tasks of the process
    blocked = ["SIGUSR2"]          # signals that this task blocks (default: none)
    program = [
      { do = "read", area = "V", page = 1 },
    ]

Steps (`do`) and their keys are those of `STEPS`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from pyemu.errors import ScenarioError
from pyemu.flags import PAGE_SIZE, Signal

VERSION = 1
FIRST_ADDRESS = 0x7F00_0000_0000
AREA_DISTANCE = 1 << 30
LAST_ADDRESS = 1 << 47


class Action(StrEnum):
    """What a step does."""

    READ = "read"
    WRITE = "write"
    PAUSE = "pause"
    WAIT_MESSAGE = "wait_message"
    POLL = "poll"
    COPY = "copy"
    WAKE = "wake"
    UNREGISTER = "unregister"
    CLOSE = "close"
    SIGNAL = "signal"
    SAMPLE = "sample"
    MMAP_FIXED = "mmap_fixed"
    MUNMAP = "munmap"
    MADV_DONTNEED = "madvise_dontneed"


REQUIRED = object()
# Keys of each step: name -> default. `page` counts from the area's start; `pages` is a length in pages;
# `ticks` is a time in us; `byte` is 0 to 255; `task` names a task.
STEPS: dict[Action, dict[str, Any]] = {
    Action.READ: {"area": REQUIRED, "page": 0, "offset": 0},
    Action.WRITE: {"area": REQUIRED, "page": 0, "offset": 0, "byte": 7},
    Action.PAUSE: {"ticks": REQUIRED},
    Action.WAIT_MESSAGE: {},
    Action.POLL: {"ticks": REQUIRED},
    Action.COPY: {"area": REQUIRED, "page": 0, "byte": 5, "wake": True},
    Action.WAKE: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.UNREGISTER: {"area": REQUIRED, "page": 0, "pages": None},
    Action.CLOSE: {},
    Action.SIGNAL: {"task": REQUIRED, "signal": REQUIRED},
    Action.SAMPLE: {"task": REQUIRED, "label": "state"},
    Action.MMAP_FIXED: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MUNMAP: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MADV_DONTNEED: {"area": REQUIRED, "page": 0, "pages": 1},
}
MEMORY = {
    Action.READ,
    Action.WRITE,
    Action.MMAP_FIXED,
    Action.MUNMAP,
    Action.MADV_DONTNEED,
}  # of the task itself
SERVING = {Action.WAIT_MESSAGE, Action.POLL, Action.COPY, Action.WAKE, Action.UNREGISTER, Action.CLOSE}
DISPOSITIONS = ("handler", "restart", "escape", "ignore", "default")
UNTOUCHABLE = ("SIGKILL", "SIGSTOP")
PERMITS = ("spin", "hang", "SIGBUS")
MAX_TASKS = 250  # an event holds a task's number in a byte
MACHINE = "-"  # what stands for the machine where an event has no task


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a program, as it is written."""

    do: Action
    values: tuple[tuple[str, Any], ...]

    def get(self, key: str) -> Any:
        """Give the value of a key."""
        return dict(self.values)[key]


@dataclass(frozen=True, slots=True)
class ResolvedStep:
    """One step with names turned into numbers: what a program runs.

    Attributes
    ----------
    do : Action
        What it does.
    address, length : int
        Bytes.
    ticks, byte, wake, task, signal, context, label
        As in the format; 0 or empty when unused.
    """

    do: Action
    address: int = 0
    length: int = 0
    ticks: int = 0
    byte: int = 0
    wake: bool = True
    task: int = 0
    signal: int = 0
    context: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """The ``[machine]`` table."""

    n_cpus: int = 2
    preemption: bool = False
    ram_pages: int = 256
    max_ticks: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Area:
    """One entry of ``[[areas]]``."""

    name: str
    process: str
    address: int
    pages: int = 1
    prot: str = "rw"
    populated: tuple[int, ...] = ()
    userfaultfd: bool = False


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One entry of ``[[tasks]]``."""

    name: str
    process: str
    serves: str
    program: tuple[Step, ...]
    monitor: bool = False
    signals: tuple[tuple[int, str], ...] = ()
    blocked: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, checked.

    Attributes
    ----------
    name, title, story : str
        What it is called, and what happens.
    machine : MachineSpec
        CPUs, memory, time limit.
    areas : tuple of Area
        Memory.
    tasks : tuple of TaskSpec
        Who does what; the first is task 1.
    permits : tuple of str
        Findings that it may show.
    """

    name: str
    title: str
    story: str
    machine: MachineSpec
    areas: tuple[Area, ...]
    tasks: tuple[TaskSpec, ...]
    permits: tuple[str, ...] = ()

    @classmethod
    def load(cls, name: str | Path) -> Scenario:
        """Read a scenario of the library by its name, or a TOML file by its path.

        Parameters
        ----------
        name : str or Path
            For example ``"S13"``, or a path that ends in ``.toml``.

        Returns
        -------
        Scenario
            Checked.

        Raises
        ------
        ScenarioError
            When there is none of that name, or it breaks the schema; the text names file, key, value and
            rule.
        """
        path = Path(name)
        if path.suffix == ".toml":
            try:
                text, where = path.read_text(encoding="utf-8"), str(path)
            except FileNotFoundError:
                raise ScenarioError(f"scenario file {path} does not exist: check the path.") from None
            except (OSError, UnicodeDecodeError) as error:
                raise ScenarioError(f"scenario file {path} can't be read: {error}.") from None
        else:
            found = resources.files("pyemu.scenarios").joinpath(f"{name}.toml")
            if not found.is_file():
                raise ScenarioError(
                    f"scenario {str(name)!r} is not in the library: it has "
                    f"{', '.join(cls.library())}. A file of "
                    "your own ends in .toml."
                )
            text, where = found.read_text(encoding="utf-8"), f"scenario {name}"
        return cls.from_toml(text, where)

    @staticmethod
    def library() -> list[str]:
        """Give the names of the scenarios that come with the package."""
        files = resources.files("pyemu.scenarios").iterdir()
        return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))

    @classmethod
    def from_toml(cls, text: str, where: str = "scenario") -> Scenario:
        """Read a scenario from TOML text; `where` names it in errors."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ScenarioError(f"{where} is no TOML: {error}.") from None
        return cls.from_dict(data, where)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "scenario") -> Scenario:
        """Check plain data against the schema.

        Parameters
        ----------
        data : mapping
            What the TOML file holds.
        where : str
            Names the source in errors.

        Returns
        -------
        Scenario
            Checked, with every default filled in.

        Raises
        ------
        ScenarioError
            Naming the source, the key, the value and the rule.
        """
        return _Reader(where).scenario(data)

    def area(self, name: str) -> Area:
        """Give an area by its name."""
        return next(area for area in self.areas if area.name == name)

    def task_number(self, name: str) -> int:
        """Give the number of a task; the first is 1."""
        return [task.name for task in self.tasks].index(name) + 1

    def processes(self) -> list[str]:
        """Give the names of the processes, in order of appearance; the first is 1."""
        names: dict[str, None] = {}
        for task in self.tasks:
            names.setdefault(task.process)
        return list(names)

    def resolve(self, task: TaskSpec) -> tuple[ResolvedStep, ...]:
        """Turn a task's steps into numbers."""
        context = self.processes().index(task.serves) + 1
        return tuple(self._resolve(step, context) for step in task.program)

    def _resolve(self, step: Step, context: int) -> ResolvedStep:
        values = dict(step.values)
        address = length = 0
        if "area" in values:
            area = self.area(values["area"])
            address = area.address + values.get("page", 0) * PAGE_SIZE + values.get("offset", 0)
            pages = values.get("pages", 1)
            length = (area.pages - values.get("page", 0) if pages is None else pages) * PAGE_SIZE
        return ResolvedStep(
            step.do,
            address,
            length,
            values.get("ticks", 0),
            values.get("byte", 0),
            values.get("wake", True),
            self.task_number(values["task"]) if "task" in values else 0,
            values.get("signal", 0),
            context,
            values.get("label", ""),
        )


class _Reader:
    """Checks data key by key; `where` says in each error which file it is."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, what: str) -> ScenarioError:
        return ScenarioError(f"{self.where}: {what}")

    def table(self, value: Any, place: str, keys: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.fail(f"{place} is {value!r}; it must be a table.")
        for key in value:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise self.fail(
                    f"{place} has the unknown key {key!r}; allowed keys are {', '.join(keys)}.{hint}"
                )
        return dict(value)

    def tables(self, value: Any, place: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self.fail(f"{place} is {value!r}; it must be a list.")
        return list(value)

    def number(self, value: Any, place: str, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(f"{place} is {value!r}; it must be a whole number from {low} to {high}.")
        return value

    def text(self, value: Any, place: str) -> str:
        if not isinstance(value, str):
            raise self.fail(f"{place} is {value!r}; it must be a text.")
        return value

    def truth(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise self.fail(f"{place} is {value!r}; it must be true or false.")
        return value

    def choice(self, value: Any, place: str, choices: tuple[str, ...]) -> str:
        if value not in choices:
            raise self.fail(f"{place} is {value!r}; it must be one of {', '.join(choices)}.")
        return str(value)

    def signal(self, value: Any, place: str) -> int:
        names = tuple(signal.name for signal in Signal)
        return int(Signal[self.choice(value, place, names)])

    def need(self, data: dict[str, Any], key: str, place: str) -> Any:
        if key not in data:
            raise self.fail(f"{place} lacks the key {key!r}, which is required.")
        return data[key]

    def scenario(self, data: Any) -> Scenario:
        keys = ("version", "name", "title", "story", "permits", "machine", "areas", "tasks")
        top = self.table(data, "the scenario", keys)
        version = self.need(top, "version", "the scenario")
        if version != VERSION or isinstance(version, bool):
            raise self.fail(f"version is {version!r}; this faultlab reads version {VERSION}.")
        rows = self.tables(self.need(top, "tasks", "the scenario"), "tasks")
        if not rows:
            raise self.fail("tasks is empty; a scenario has at least one task.")
        if len(rows) > MAX_TASKS:
            raise self.fail(f"tasks has {len(rows)} entries; at most {MAX_TASKS} are allowed.")
        names = [self._name(row, f"tasks[{place}]", ()) for place, row in enumerate(rows)]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise self.fail(f"tasks[{place}].name is {name!r}, which another task has; names are unique.")
            if name == MACHINE:
                raise self.fail(f"tasks[{place}].name is {name!r}, which means the machine; choose another.")
        processes = [
            self.text(row.get("process", name), f"task {name}: process")
            for row, name in zip(rows, names, strict=True)
        ]
        areas = self.areas(self.tables(top.get("areas", []), "areas"), processes)
        permits = self.tables(top.get("permits", []), "permits")
        served = areas[0].process if areas else processes[0]
        tasks = tuple(
            self.task(row, name, process, served, areas, tuple(names), tuple(processes))
            for row, name, process in zip(rows, names, processes, strict=True)
        )
        self.check_monitors(tasks)
        self.check_dispositions(tasks)
        return Scenario(
            self.text(self.need(top, "name", "the scenario"), "name"),
            self.text(self.need(top, "title", "the scenario"), "title"),
            self.text(top.get("story", ""), "story"),
            self.machine(top.get("machine", {})),
            areas,
            tasks,
            tuple(self.choice(one, f"permits[{place}]", PERMITS) for place, one in enumerate(permits)),
        )

    def check_monitors(self, tasks: tuple[TaskSpec, ...]) -> None:
        if all(task.monitor for task in tasks):
            raise self.fail(
                "every task is a monitor; a run ends when all others have ended, so at least one is none."
            )

    def check_dispositions(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Check that tasks of one process agree on what a signal does: Linux keeps one table a process."""
        asked: dict[tuple[str, int], tuple[str, str]] = {}
        for task in tasks:
            for signal, disposition in task.signals:
                first, other = asked.setdefault((task.process, signal), (task.name, disposition))
                if disposition != other:
                    raise self.fail(
                        f"task {task.name}: signals.{Signal(signal).name} is {disposition!r}, but task "
                        f"{first} of the same process says {other!r}; a process has one word for a signal."
                    )

    def machine(self, data: Any) -> MachineSpec:
        table = self.table(data, "machine", ("n_cpus", "preemption", "ram_pages", "max_ticks"))
        default = MachineSpec()
        return MachineSpec(
            self.number(table.get("n_cpus", default.n_cpus), "machine.n_cpus", 1, 8),
            self.truth(table.get("preemption", default.preemption), "machine.preemption"),
            self.number(table.get("ram_pages", default.ram_pages), "machine.ram_pages", 16, 65_536),
            self.number(table.get("max_ticks", default.max_ticks), "machine.max_ticks", 1, 10**12),
        )

    def _name(self, row: Any, place: str, keys: tuple[str, ...]) -> str:
        if not isinstance(row, Mapping):
            raise self.fail(f"{place} is {row!r}; it must be a table.")
        name = self.text(self.need(dict(row), "name", place), f"{place}.name")
        if not name:
            raise self.fail(f"{place}.name is empty; it needs at least one character.")
        return name

    def areas(self, rows: list[Any], processes: list[str]) -> tuple[Area, ...]:
        areas: list[Area] = []
        for place, row in enumerate(rows):
            name = self._name(row, f"areas[{place}]", ())
            here = f"area {name}"
            keys = ("name", "process", "address", "pages", "prot", "populated", "userfaultfd")
            table = self.table(row, here, keys)
            pages = self.number(table.get("pages", 1), f"{here}: pages", 1, 512)
            default = FIRST_ADDRESS + place * AREA_DISTANCE
            last = LAST_ADDRESS - pages * PAGE_SIZE
            address = self.number(table.get("address", default), f"{here}: address", PAGE_SIZE, last)
            if address % PAGE_SIZE:
                raise self.fail(f"{here}: address is {address:#x}; it must be a multiple of {PAGE_SIZE}.")
            populated = self.tables(table.get("populated", []), f"{here}: populated")
            area = Area(
                name,
                self.choice(table.get("process", processes[0]), f"{here}: process", tuple(processes)),
                address,
                pages,
                self.choice(table.get("prot", "rw"), f"{here}: prot", ("r", "rw")),
                tuple(self.number(one, f"{here}: populated", 0, pages - 1) for one in populated),
                self.truth(table.get("userfaultfd", False), f"{here}: userfaultfd"),
            )
            for other in areas:
                if other.name == name:
                    raise self.fail(
                        f"areas[{place}].name is {name!r}, which another area has; names are unique."
                    )
                apart = (
                    address >= other.address + other.pages * PAGE_SIZE
                    or other.address >= address + pages * PAGE_SIZE
                )
                if other.process == area.process and not apart:
                    raise self.fail(f"{here} overlaps area {other.name}; areas of a process lie apart.")
            areas.append(area)
        return tuple(areas)

    def task(
        self,
        row: Any,
        name: str,
        process: str,
        served: str,
        areas: tuple[Area, ...],
        tasks: tuple[str, ...],
        processes: tuple[str, ...],
    ) -> TaskSpec:
        here = f"task {name}"
        table = self.table(
            row, here, ("name", "process", "monitor", "serves", "signals", "blocked", "program")
        )
        signals = self.table(table.get("signals", {}), f"{here}: signals", tuple(one.name for one in Signal))
        blocked = self.tables(table.get("blocked", []), f"{here}: blocked")
        for key, value in (*((f"signals.{one}", one) for one in signals), *_numbered("blocked", blocked)):
            if value in UNTOUCHABLE:
                asked = signals.get(value, value) if key.startswith("signals") else value
                raise self.fail(
                    f"{here}: {key} is {asked!r}; nobody can catch, ignore or block {value}. Take it out."
                )
        steps = self.tables(table.get("program", []), f"{here}: program")
        program = tuple(
            self.step(step, f"{here}, step {place}", areas, tasks) for place, step in enumerate(steps, 1)
        )
        serves = self.choice(table.get("serves", served), f"{here}: serves", processes)
        for place, step in enumerate(program, 1):
            self.check_memory(step, f"{here}, step {place} ({step.do})", process, serves, areas)
        return TaskSpec(
            name,
            process,
            serves,
            program,
            self.truth(table.get("monitor", False), f"{here}: monitor"),
            tuple(
                (int(Signal[key]), self.choice(value, f"{here}: signals.{key}", DISPOSITIONS))
                for key, value in signals.items()
            ),
            tuple(self.signal(value, f"{here}: {key}") for key, value in _numbered("blocked", blocked)),
        )

    def check_memory(self, step: Step, here: str, process: str, serves: str, areas: tuple[Area, ...]) -> None:
        """Check that a step means memory of its own process, or of the process that its task serves."""
        if step.do in SERVING and not any(area.userfaultfd and area.process == serves for area in areas):
            raise self.fail(
                f"{here}: process {serves} has no area with userfaultfd = true; give it one, or set `serves`."
            )
        meant = process if step.do in MEMORY else serves
        for area in areas:
            if dict(step.values).get("area") == area.name and area.process != meant:
                raise self.fail(
                    f"{here}: area {area.name} belongs to process {area.process}; this step means memory of "
                    f"process {meant}."
                )

    def step(self, row: Any, here: str, areas: tuple[Area, ...], tasks: tuple[str, ...]) -> Step:
        if not isinstance(row, Mapping):
            raise self.fail(f'{here} is {row!r}; it must be a table such as {{ do = "read", area = "V" }}.')
        action = Action(self.choice(self.need(dict(row), "do", here), f"{here}: do", tuple(Action)))
        keys = STEPS[action]
        table = self.table(row, f"{here} ({action})", ("do", *keys))
        values = {}
        for key, default in keys.items():
            if key not in table and default is REQUIRED:
                raise self.fail(f"{here} ({action}) lacks the key {key!r}, which is required.")
            values[key] = self.value(table.get(key, default), key, f"{here} ({action}): {key}", areas, tasks)
        if "area" in values:
            area = next(one for one in areas if one.name == values["area"])
            end = values.get("page", 0) + (values.get("pages", 1) or 1)
            if end > area.pages:
                raise self.fail(
                    f"{here} ({action}) reaches page {end - 1} of area {area.name}, which has "
                    f"{area.pages} pages."
                )
        return Step(action, tuple(values.items()))

    def value(self, value: Any, key: str, place: str, areas: tuple[Area, ...], tasks: tuple[str, ...]) -> Any:
        match key:
            case "area":
                return self.choice(value, place, tuple(area.name for area in areas))
            case "task":
                return self.choice(value, place, tasks)
            case "signal":
                return self.signal(value, place)
            case "page":
                return self.number(value, place, 0, 511)
            case "pages":
                return None if value is None else self.number(value, place, 1, 512)
            case "offset":
                return self.number(value, place, 0, PAGE_SIZE - 1)
            case "byte":
                return self.number(value, place, 0, 255)
            case "ticks":
                return self.number(value, place, 0, 10**12)
            case "wake":
                return self.truth(value, place)
            case _:
                return self.text(value, place)


def _numbered(name: str, values: list[Any]) -> list[tuple[str, Any]]:
    """Give each value of a list with its place, as errors name it."""
    return [(f"{name}[{place}]", value) for place, value in enumerate(values)]
