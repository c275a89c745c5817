"""Checks a scenario's data key by key and builds the scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyemu.arches import ARCHES
from pyemu.errors import TreeError
from pyemu.flags import PAGE_SIZE, Signal
from pyemu.rules import RULES
from pyemu.scenario.checks import numbered
from pyemu.scenario.memory import MAX_HUGE_PAGES, MemoryChecks
from pyemu.scenario.model import (
    AS_LINUX,
    EXPECTED,
    KEEPS_COUNT,
    OLD_X86,
    SAYS_DROPPED,
    Area,
    Expectation,
    FileSpec,
    MachineSpec,
    Scenario,
    Step,
    TaskSpec,
)
from pyemu.scenario.steps import (
    ENTRIES,
    MEMORY,
    MODES,
    OF_ANOTHER,
    REQUIRED,
    SERVING,
    SMALL,
    STEPS,
    Action,
)
from pyemu.tree import Tree

VERSION = 1
DISPOSITIONS = ("handler", "restart", "escape", "ignore", "default")
ENDS = ("done", "hang", "time limit")
UNTOUCHABLE = ("SIGKILL", "SIGSTOP")
PERMITS = ("spin", "hang", "SIGBUS", *RULES)
# What Linux refuses for huge pages before v5.18 (EINVAL), or what this model leaves out.
NOT_HUGE = {
    *(Action.MADV_DONTNEED, Action.MSYNC, Action.WRITEPROTECT, Action.FUTEX_WAKE_OP, Action.VMSPLICE),
    *(Action.MADV_PAGEOUT, Action.RECLAIM, Action.MOVE_PAGES, Action.KHUGEPAGED),
}
MAX_TASKS = 250  # an event holds a task's number in a byte
DISK = "disk"  # a task of the machine
SWAP_DEVICE = "swap"
TIMER = "timer"  # one of a process
GUESTS = (Action.GUEST_READ, Action.GUEST_WRITE)
S390 = "s390"
MACHINE = "-"  # what stands for the machine where an event has no task


class Reader(MemoryChecks):
    """Checks the parts of a scenario and builds them."""

    known_files: tuple[FileSpec, ...] = ()
    forked: tuple[str, ...] = ()

    def scenario(self, data: Any) -> Scenario:
        """Check the whole."""
        keys = (
            "version",
            "name",
            "title",
            "story",
            "source",
            "permits",
            "machine",
            "files",
            "areas",
            "tasks",
            "expect",
        )
        top = self.table(data, "the scenario", keys)
        version = self.need(top, "version", "the scenario")
        if version != VERSION or isinstance(version, bool):
            raise self.fail(f"version is {version!r}; this faultlab reads version {VERSION}.")
        rows = self.tables(self.need(top, "tasks", "the scenario"), "tasks")
        if not rows:
            raise self.fail("tasks is empty; a scenario has at least one task.")
        if len(rows) > MAX_TASKS:
            raise self.fail(f"tasks has {len(rows)} entries; at most {MAX_TASKS} are allowed.")
        names = [self.name(row, f"tasks[{place}]") for place, row in enumerate(rows)]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise self.fail(f"tasks[{place}].name is {name!r}, which another task has; names are unique.")
            if name == MACHINE:
                raise self.fail(f"tasks[{place}].name is {name!r}, which means the machine; choose another.")
            if name.startswith(timer_name("")):
                raise self.fail(
                    f"tasks[{place}].name is {name!r}, which means a timer of the machine; choose another."
                )
            if name == DISK and top.get("files"):
                raise self.fail(
                    f"tasks[{place}].name is {name!r}; with files, that is the machine's disk; choose "
                    "another."
                )
        processes = [
            self.text(row.get("process", name), f"task {name}: process")
            for row, name in zip(rows, names, strict=True)
        ]
        self.known_files = files = self.files(self.tables(top.get("files", []), "files"))
        self.forked = tuple(
            name
            for row, name in zip(rows, names, strict=True)
            if self.truth(row.get("forked", False), f"task {name}: forked")
        )
        areas = self.areas(self.tables(top.get("areas", []), "areas"), processes, files)
        permits = self.tables(top.get("permits", []), "permits")
        served = areas[0].process if areas else processes[0]
        tasks = tuple(
            self.task(row, name, process, served, areas, tuple(names), tuple(processes))
            for row, name, process in zip(rows, names, processes, strict=True)
        )
        self.check_served(tasks, areas)
        self.check_monitors(tasks)
        self.check_dispositions(tasks)
        self.check_forks(tasks)
        scenario = self.build(top, areas, tasks, permits, tuple(names), files)
        if DISK in names and scenario.swaps:
            raise self.fail(
                f"tasks[{names.index(DISK)}].name is {DISK!r}; with pages that are swapped, that is the "
                "machine's disk; choose another."
            )
        return scenario

    def build(
        self,
        top: dict[str, Any],
        areas: tuple[Area, ...],
        tasks: tuple[TaskSpec, ...],
        permits: list[Any],
        names: tuple[str, ...],
        files: tuple[FileSpec, ...],
    ) -> Scenario:
        """Put the checked parts together."""
        machine = self.machine(top.get("machine", {}))
        self.check_guests(tasks, machine)
        return Scenario(
            self.text(self.need(top, "name", "the scenario"), "name"),
            self.text(self.need(top, "title", "the scenario"), "title"),
            self.text(top.get("story", ""), "story"),
            machine,
            areas,
            tasks,
            tuple(self.choice(one, f"permits[{place}]", PERMITS) for place, one in enumerate(permits)),
            self.text(top.get("source", ""), "source"),
            self.expectations(top.get("expect", {}), names),
            files,
        )

    def expectations(self, data: Any, tasks: tuple[str, ...]) -> tuple[Expectation, ...]:
        """Check what the scenario says of trees."""
        if not isinstance(data, Mapping):
            raise self.fail(f"expect is {data!r}; it must be a table such as [expect.before].")
        found: list[Expectation] = []
        for key, row in data.items():
            here = f"expect.{key}"
            trees = tuple(self.tree(name, here) for name in key.split())
            for name in trees:
                if any(name in other.trees for other in found):
                    raise self.fail(f"{here}: tree {name} stands in another table as well; name it once.")
            table = self.table(row, here, ("violations", "end", "samples", "vmstat", *tasks))
            violations = self.tables(table.get("violations", []), f"{here}: violations")
            found.append(
                Expectation(
                    trees,
                    tuple(
                        (task, tuple(self.table(table[task], f"{here}: {task}", EXPECTED).items()))
                        for task in tasks
                        if task in table
                    ),
                    tuple(self.text(rule, f"{here}: violations") for rule in violations),
                    self.choice(table.get("end", "done"), f"{here}: end", ENDS),
                    tuple(self.mapping(table.get("samples", {}), f"{here}: samples").items()),
                    tuple(self.mapping(table.get("vmstat", {}), f"{here}: vmstat").items()),
                )
            )
        return tuple(found)

    def tree(self, name: str, here: str) -> str:
        """Check a tree's name and give it as `str` writes it."""
        try:
            return str(Tree.parse(name))
        except TreeError as error:
            raise self.fail(f"{here}: {error}") from None

    def check_served(self, tasks: tuple[TaskSpec, ...], areas: tuple[Area, ...]) -> None:
        """Check that each monitor's process has a userfaultfd, from the start or by a step `register`."""
        served = {area.process for area in areas if area.userfaultfd}
        for task in tasks:
            if any(step.do is Action.REGISTER for step in task.program):
                served.add(task.serves)
        for task in tasks:
            for place, step in enumerate(task.program, 1):
                if step.do in SERVING and task.serves not in served:
                    raise self.fail(
                        f"task {task.name}, step {place} ({step.do}): process {task.serves} has no area with "
                        "userfaultfd = true; give it one, or set `serves`."
                    )

    def check_monitors(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Check that a task is left whose end ends the run."""
        if all(task.monitor for task in tasks):
            raise self.fail(
                "every task is a monitor; a run ends when all others have ended, so at least one is none."
            )

    def check_dispositions(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Check that tasks of one process agree on what a signal does: Linux keeps one table a process."""
        asked: dict[tuple[str, int], tuple[str, str]] = {}
        for task in tasks:
            for signal, disposition in task.signals if task.thread else ():
                first, other = asked.setdefault((task.process, signal), (task.name, disposition))
                if disposition != other:
                    raise self.fail(
                        f"task {task.name}: signals.{Signal(signal).name} is {disposition!r}, but task "
                        f"{first} of the same process says {other!r}; a process has one word for a signal."
                    )

    def check_forks(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Check that each forked task is born once, by another process, and shares that process's areas."""
        for child in (task for task in tasks if task.forked):
            born = [
                (task, step)
                for task in tasks
                for step in task.program
                if step.do is Action.FORK and step.get("child") == child.name
            ]
            if len(born) != 1:
                raise self.fail(
                    f"task {child.name}: forked is true, and {len(born)} steps `fork` name it; exactly one "
                    "must."
                )
            if any(task.process == child.process and task is not child for task in tasks):
                raise self.fail(
                    f"task {child.name}: forked is true, and another task has its process {child.process!r}; "
                    "a child begins with a process of its own."
                )

    def check_guests(self, tasks: tuple[TaskSpec, ...], machine: MachineSpec) -> None:
        """Check that a guest that accesses memory by itself runs where its fault is one of its host."""
        for task in tasks:
            for place, step in enumerate(task.program, 1):
                if step.do in GUESTS and machine.arch != S390:
                    raise self.fail(
                        f"task {task.name}, step {place} ({step.do}): a guest's fault is one of its host on "
                        f"{S390} alone, and machine.arch is {machine.arch!r}. Say arch = {S390!r}, or use "
                        "vcpu_fault."
                    )

    def machine(self, data: Any) -> MachineSpec:
        """Check the machine."""
        keys = (
            *("n_cpus", "preemption", "ram_pages", "max_ticks", "x86", "arch", "swap_pages", "swap_ticks"),
            *("huge_pages", "hugetlb_walk"),
        )
        table, default = self.table(data, "machine", keys), MachineSpec()
        arch = self.choice(table.get("arch", default.arch), "machine.arch", tuple(row.name for row in ARCHES))
        x86 = self.choice(table.get("x86", default.x86), "machine.x86", (OLD_X86, default.x86))
        if arch != default.arch and "x86" in table:
            raise self.fail(
                f"machine.x86 is {table['x86']!r}, and machine.arch is {arch!r}: x86's own handler doesn't "
                "run there. Leave one of them out."
            )
        return MachineSpec(
            self.number(table.get("n_cpus", default.n_cpus), "machine.n_cpus", 1, 8),
            self.truth(table.get("preemption", default.preemption), "machine.preemption"),
            self.number(table.get("ram_pages", default.ram_pages), "machine.ram_pages", 16, 65_536),
            self.number(table.get("max_ticks", default.max_ticks), "machine.max_ticks", 1, 10**12),
            x86,
            arch,
            self.number(table.get("swap_pages", default.swap_pages), "machine.swap_pages", 1, 4096),
            self.number(table.get("swap_ticks", default.swap_ticks), "machine.swap_ticks", 0, 10**12),
            self.number(table.get("huge_pages", default.huge_pages), "machine.huge_pages", 0, MAX_HUGE_PAGES),
            self.choice(
                table.get("hugetlb_walk", default.hugetlb_walk),
                "machine.hugetlb_walk",
                (AS_LINUX, KEEPS_COUNT, SAYS_DROPPED),
            ),
        )

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
        """Check a task."""
        here = f"task {name}"
        table = self.table(
            row,
            here,
            (
                *("name", "process", "thread", "forked", "monitor", "serves", "signals", "blocked", "stack"),
                "program",
            ),
        )
        signals = self.table(table.get("signals", {}), f"{here}: signals", tuple(one.name for one in Signal))
        blocked = self.tables(table.get("blocked", []), f"{here}: blocked")
        for key, value in (*((f"signals.{one}", one) for one in signals), *numbered("blocked", blocked)):
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
        owners = dict(zip(tasks, processes, strict=True))
        for place, step in enumerate(program, 1):
            where = f"{here}, step {place} ({step.do})"
            self.check_memory(step, where, process, serves, areas)
            self.check_buffer(step, where, process, owners, areas)
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
            tuple(self.signal(value, f"{here}: {key}") for key, value in numbered("blocked", blocked)),
            self.truth(table.get("thread", True), f"{here}: thread"),
            name in self.forked,
            self.stack(table, here, process, areas),
        )

    def stack(self, table: dict[str, Any], here: str, process: str, areas: tuple[Area, ...]) -> str:
        """Check in which area a task's signal frames are written."""
        if "stack" not in table:
            return ""
        own = tuple(area.name for area in areas if area.process == process or process in self.forked)
        return self.choice(table["stack"], f"{here}: stack", own)

    def check_memory(self, step: Step, here: str, process: str, serves: str, areas: tuple[Area, ...]) -> None:
        """Check that a step means memory of its own process, or of the process that its task serves."""
        if process in self.forked:
            return  # a child has the areas of its parent
        meant = process if step.do in MEMORY else serves
        if step.do in OF_ANOTHER and dict(step.values)["task"]:
            return  # whose memory is meant is said by the task
        for area in areas:
            if dict(step.values).get("area") == area.name and area.process != meant:
                raise self.fail(
                    f"{here}: area {area.name} belongs to process {area.process}; this step means memory of "
                    f"process {meant}. A thread of {area.process} says process = '{area.process}'."
                )

    def check_buffer(
        self, step: Step, here: str, process: str, owners: Mapping[str, str], areas: tuple[Area, ...]
    ) -> None:
        """Check a step that means two places: the other process's memory, and a buffer of its own."""
        values = dict(step.values)
        named = {one.name: one for one in areas}
        if (
            step.do in OF_ANOTHER
            and values["task"]
            and values["task"] not in self.forked  # whose areas are those of the task that forks it
            and owners[values["task"]] != named[values["area"]].process
        ):
            raise self.fail(
                f"{here}: area {values['area']} belongs to process {named[values['area']].process}, task "
                f"{values['task']} to process {owners[values['task']]}; name a task that has the area."
            )
        other = named.get(values.get("buffer") or values.get("first") or "")
        if other is None:
            return
        if other.process != process and process not in self.forked:
            raise self.fail(
                f"{here}: area {other.name} belongs to process {other.process}; bytes go to memory of one's "
                f"own, process {process}."
            )
        end = (
            values.get("buffer_offset", 0) + (values.get("pages", 1) if "buffer" in values else 0) * PAGE_SIZE
        )
        if end > other.pages * PAGE_SIZE:
            raise self.fail(
                f"{here}: the bytes end at {end} of area {other.name}, which has {other.pages * PAGE_SIZE}."
            )

    def step(self, row: Any, here: str, areas: tuple[Area, ...], tasks: tuple[str, ...]) -> Step:
        """Check a step."""
        if not isinstance(row, Mapping):
            raise self.fail(f'{here} is {row!r}; it must be a table such as {{ do = "read", area = "V" }}.')
        action = Action(self.choice(self.need(dict(row), "do", here), f"{here}: do", tuple(Action)))
        keys = STEPS[action]
        table = self.table(row, f"{here} ({action})", ("do", *keys))
        values = {}
        for key, default in keys.items():
            if key not in table and default is REQUIRED:
                raise self.fail(f"{here} ({action}) lacks the key {key!r}, which is required.")
            value = table.get(key, default)
            if value is not None or default is not None:  # None stands for "no limit", "up to the end"
                value = self.value(value, key, f"{here} ({action}): {key}", areas, tasks)
            values[key] = value
        if "area" in values:
            area = next(one for one in areas if one.name == values["area"])
            self.check_reach(action, values, f"{here} ({action})", area, areas)
            self.check_huge(action, values, f"{here} ({action})", area)
        if "file" in values and "page" in values:
            pages = next((one.pages for one in self.known_files if one.name == values["file"]), None)
            last = values["page"] + values.get("pages", 1) - 1
            if pages is None:
                self.check_slot(last, f"{here} ({action})", areas)
            elif last >= pages:
                raise self.fail(
                    f"{here} ({action}) means page {last} of file {values['file']}, which has {pages} pages."
                )
        if "file" in values and action is not Action.HOLD_PAGE:
            self.check_file_kind(action, values["file"], f"{here} ({action})")
        return Step(action, tuple(values.items()))

    def check_reach(
        self, action: Action, values: dict[str, Any], here: str, area: Area, areas: tuple[Area, ...]
    ) -> None:
        """Check where a step ends: in its area, or, for pages of 4 KiB, in areas that go on where it ends."""
        size = PAGE_SIZE if action in SMALL else area.page_size
        first = values.get("page", 0) * area.page_size
        pages = values.get("pages", 1) or 1
        end = area.address + first + pages * size
        reached = area.address + area.pages * area.page_size
        while end > reached:
            following = [
                one
                for one in areas
                if action in SMALL and one.process == area.process and one.address == reached
            ]
            if not following:
                raise self.fail(
                    f"{here} reaches page {values.get('page', 0) + pages - 1} of area {area.name}, which has "
                    f"{area.pages} pages."
                )
            reached += following[0].pages * following[0].page_size

    def check_huge(self, action: Action, values: dict[str, Any], here: str, area: Area) -> None:
        """Refuse what this model doesn't do with huge pages."""
        if area.huge and (action in NOT_HUGE or values.get("entry") == "fixup_user_fault"):
            what = f"entry = {values['entry']!r}" if action is Action.PIN else f"{str(action)!r}"
            raise self.fail(
                f"{here}: area {area.name} has huge pages, and {what} is not modelled for these. "
                f"Take an area of "
                "another kind."
            )

    def check_slot(self, slot: int, here: str, areas: tuple[Area, ...]) -> None:
        """Check that a page of the swap device is in use at the start."""
        used = sum(len(area.swapped) for area in areas)
        if not 1 <= slot <= used:
            raise self.fail(
                f"{here} means page {slot} of the swap device, where pages 1 to {used} are in use."
            )

    def check_file_kind(self, action: Action, name: str, here: str) -> None:
        """Check that a step fits the kind of its file."""
        kind = next((one.kind for one in self.known_files if one.name == name), SWAP_DEVICE)
        allowed = ("tmpfs",) if action is Action.PUNCH_HOLE else ("disk", "tmpfs")
        if kind not in allowed:
            raise self.fail(
                f"{here}: file {name} is of kind {kind!r}; this step takes {' or '.join(allowed)}."
            )

    def value(self, value: Any, key: str, place: str, areas: tuple[Area, ...], tasks: tuple[str, ...]) -> Any:
        """Check the value of a step's key."""
        match key:
            case "area" | "buffer" | "first":
                return self.choice(value, place, tuple(area.name for area in areas))
            case "task" | "worker":
                return self.choice(value, place, tasks)
            case "child":
                return self.choice(value, place, self.forked)
            case "file":
                device = (SWAP_DEVICE,) if any(area.swapped for area in areas) else ()
                return self.choice(value, place, (*(one.name for one in self.known_files), *device))
            case "prot":
                return self.choice(value, place, ("none", "r", "rw"))
            case "size":
                return self.number(value, place, 0, 512)
            case "signal":
                return self.signal(value, place)
            case "page":
                return self.number(value, place, 0, 511)
            case "pages":
                return self.number(value, place, 1, 512)
            case "offset":
                return self.number(value, place, 0, PAGE_SIZE - 1)
            case "byte":
                return self.number(value, place, 0, 255)
            case "ticks" | "interval":
                return self.number(value, place, 0, 10**12)
            case "count":
                return self.number(value, place, 0, 10**6)
            case "mode":
                return self.choice(value, place, tuple(MODES))
            case "buffer_offset":
                return self.number(value, place, 0, 512 * PAGE_SIZE)
            case "entry":
                return self.choice(value, place, ENTRIES)
            case "wake" | "answer" | "protect" | "write" | "nowait" | "interruptible":
                return self.truth(value, place)
            case _:
                return self.text(value, place)


def timer_name(process: str) -> str:
    """Name the device that rings for a process."""
    return f"{TIMER} of {process}"
