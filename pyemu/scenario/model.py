"""What a scenario is, once it is checked: machine, areas, tasks and their steps."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pyemu.errors import ScenarioError
from pyemu.flags import FOLL_INTERRUPTIBLE, FOLL_NOWAIT, FOLL_WRITE, HPAGE_SIZE, PAGE_SIZE
from pyemu.scenario.steps import MODES, SMALL, SWAPPING, Action


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
    ticks, byte, wake, task, signal, context, label, answer, protect, mode, pipe, interval, count
        As in the format; 0 or empty when unused. A wait without a limit has -1 ticks.
    buffer : int
        Address of the step's other memory: a buffer, the first word of a futex.
    entry : str
        Which entry of get_user_pages a driver calls.
    gup_flags : int
        With which ``FOLL_*``.
    file, page, size : int
        A file by its number, one of its pages, a length in pages.
    files : tuple of int
        Every file of the scenario.
    prot : str
        As in the format.
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
    answer: bool = False
    protect: bool = False
    mode: int = 0
    buffer: int = 0
    entry: str = ""
    gup_flags: int = 0
    pipe: int = 0
    file: int = 0
    page: int = 0
    size: int = 0
    files: tuple[int, ...] = ()
    prot: str = ""
    interval: int = 0
    count: int = 0


# What get_user_pages' walk of a huge-page area does after RETRY: as Linux, or with a fault.
AS_LINUX = "as Linux"
KEEPS_COUNT = "keeps the count"
SAYS_DROPPED = "says that the lock was dropped"
# The x86 fault handler of that Linux reads the area once more after handle_mm_fault.
OLD_X86 = "4.14"


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """The ``[machine]`` table; the swap device has `swap_pages` slots, and takes `swap_ticks` for a page."""

    n_cpus: int = 2
    preemption: bool = False
    ram_pages: int = 256
    max_ticks: int = 10_000_000
    x86: str = "5.7"
    arch: str = "x86"
    swap_pages: int = 64
    swap_ticks: int = 10_000
    huge_pages: int = 8
    hugetlb_walk: str = AS_LINUX


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One entry of ``[[files]]``."""

    name: str
    kind: str = "disk"
    pages: int = 1
    byte: int = 1
    cached: tuple[int, ...] = ()
    io_ticks: int = 10_000
    read_ahead: int = 32
    throttle: int = 0


@dataclass(frozen=True, slots=True)
class Area:
    """One entry of ``[[areas]]``."""

    name: str
    process: str
    address: int
    pages: int = 1
    prot: str = "rw"
    populated: tuple[int, ...] = ()
    userfaultfd: str = ""  # what it is served for at the start: a key of `MODES`, or nothing
    features: tuple[str, ...] = ()
    user_mode_only: bool = False
    kind: str = "anon"
    shared: bool = False
    file: str = ""
    first_page: int = 0
    random: bool = False
    swapped: tuple[int, ...] = ()
    protected: tuple[int, ...] = ()  # write-protected by the userfaultfd from the start
    byte: int = 0  # what its populated and swapped pages hold
    reserve: bool = True
    huge: bool = False

    @property
    def page_size(self) -> int:
        """Bytes of one of its pages."""
        return HPAGE_SIZE if self.huge else PAGE_SIZE


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
    thread: bool = True
    forked: bool = False
    stack: str = ""  # area in which its signal frames are written; nothing: they cost no access


# What an expectation may say of a task. `outcomes` lists every access, `outcome` is the last one; `ends_at`
# is the time at which the task ended; `gup` lists what get_user_pages gave, such as "0 pages, *locked 1";
# the rest are counters and statistics of `pyemu.machine.TaskResult`.
EXPECTED = (
    *("outcome", "outcomes", "ends_at", "gup"),
    *("exceptions", "attempts", "acquisitions", "messages", "messages_queued", "sleeps"),
    *("handler_runs", "stops", "spins", "oom"),
    *("min_flt", "maj_flt", "page-faults", "minor-faults", "major-faults"),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What happens on some trees.

    Attributes
    ----------
    trees : tuple of str
        Names of trees.
    tasks : tuple of (str, tuple of (str, object))
        By task: field of `EXPECTED` and its value.
    violations : tuple of str
        Rules that are broken, in the order in which they first are.
    end : str
        ``done``, ``hang`` or ``time limit``.
    samples : tuple of (str, str)
        Label of a step `sample` -> the state that it told.
    vmstat : tuple of (str, int)
        Counter of /proc/vmstat -> value.
    """

    trees: tuple[str, ...]
    tasks: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()
    violations: tuple[str, ...] = ()
    end: str = "done"
    samples: tuple[tuple[str, str], ...] = ()
    vmstat: tuple[tuple[str, int], ...] = ()


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
    source : str
        Where it comes from.
    expect : tuple of Expectation
        What happens, by tree.
    files : tuple of FileSpec
        What areas may show.
    """

    name: str
    title: str
    story: str
    machine: MachineSpec
    areas: tuple[Area, ...]
    tasks: tuple[TaskSpec, ...]
    permits: tuple[str, ...] = ()
    source: str = ""
    expect: tuple[Expectation, ...] = ()
    files: tuple[FileSpec, ...] = ()

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
            except (OSError, ValueError) as error:  # no UTF-8, a name with a NUL
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
        except (ValueError, RecursionError) as error:  # no TOML, a number too long, tables too deep
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
        from pyemu.scenario.reader import Reader  # the reader builds what stands here

        return Reader(where).scenario(data)

    def area(self, name: str) -> Area:
        """Give an area by its name."""
        return next(area for area in self.areas if area.name == name)

    def file_number(self, name: str) -> int:
        """Give the number of a file: the first is 1, the swap device 0."""
        names = [file.name for file in self.files]
        return names.index(name) + 1 if name in names else 0

    @property
    def swaps(self) -> bool:
        """Whether it needs a swap device: pages begin there, or may go there."""
        steps = (step.do for task in self.tasks for step in task.program)
        return any(area.swapped for area in self.areas) or any(do in SWAPPING for do in steps)

    def parent(self, task: TaskSpec) -> TaskSpec | None:
        """Give the task that forks this one; None for one that is there from the start."""
        return next(
            (
                one
                for one in self.tasks
                for step in one.program
                if task.forked and dict(step.values).get("child") == task.name
            ),
            None,
        )

    def expectation(self, tree: str) -> Expectation | None:
        """Give what the scenario says of a tree, by the tree's name; None when it says nothing."""
        return next((one for one in self.expect if tree in one.trees), None)

    def task_number(self, name: str) -> int:
        """Give the number of a task; the first is 1."""
        return [task.name for task in self.tasks].index(name) + 1

    def processes(self) -> list[str]:
        """Give the names of the processes, in order of appearance; the first is 1."""
        names: dict[str, None] = {}
        for task in self.tasks:
            names.setdefault(task.process)
        return list(names)

    def pipes(self) -> list[str]:
        """Give the names of the pipes that tasks share, in order of appearance; the first is 1."""
        steps = (dict(step.values) for task in self.tasks for step in task.program)
        return list(dict.fromkeys(values["pipe"] for values in steps if values.get("pipe")))

    def resolve(self, task: TaskSpec) -> tuple[ResolvedStep, ...]:
        """Turn a task's steps into numbers."""
        context = self.processes().index(task.serves) + 1
        return tuple(self._resolve(step, context) for step in task.program)

    def _buffer(self, values: Mapping[str, Any]) -> int:
        """Give the address of a step's other memory."""
        name = values.get("buffer", values.get("first"))
        return self.area(name).address + values.get("buffer_offset", 0) if name else 0

    def _resolve(self, step: Step, context: int) -> ResolvedStep:
        values = dict(step.values)
        task = values.get("task") or values.get("child") or values.get("worker")
        address = length = 0
        if "area" in values:
            area = self.area(values["area"])
            address = area.address + values.get("page", 0) * area.page_size + values.get("offset", 0)
            pages = values.get("pages", 1)
            size = PAGE_SIZE if step.do in SMALL else area.page_size
            length = (area.pages - values.get("page", 0) if pages is None else pages) * size
        return ResolvedStep(
            step.do,
            address,
            length,
            -1 if values.get("ticks", 0) is None else values.get("ticks", 0),
            values.get("byte", 0),
            values.get("wake", True),
            self.task_number(task) if task else 0,
            values.get("signal", 0),
            context,
            values.get("label", ""),
            values.get("answer", False),
            protect=values.get("protect", False),
            mode=MODES[values["mode"]] if "mode" in values else 0,
            buffer=self._buffer(values),
            entry=values.get("entry", ""),
            gup_flags=FOLL_WRITE * values.get("write", False)
            | FOLL_NOWAIT * values.get("nowait", False)
            | FOLL_INTERRUPTIBLE * values.get("interruptible", False),
            pipe=self.pipes().index(values["pipe"]) + 1 if values.get("pipe") else 0,
            file=self.file_number(values["file"]) if "file" in values else 0,
            page=values.get("page", 0),
            size=values.get("size", values.get("pages", 0) if "file" in values else 0),
            files=tuple(range(1, len(self.files) + 1)),
            prot=values.get("prot", ""),
            interval=values.get("interval", 0),
            count=values.get("count", 0),
        )
