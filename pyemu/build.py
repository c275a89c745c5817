"""A machine as the scenario says: address spaces, files and what is cached of them, areas, pages, tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from pyemu.arches import arch_of
from pyemu.effects.swapops import FIRST_SLOT, SWAP, make_swap_entry
from pyemu.errors import ScenarioError
from pyemu.flags import (
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGE_UFFD_WP,
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
    TaskState,
    UffdFeature,
    VmFlag,
)
from pyemu.hugepages import POOL
from pyemu.hw import x86
from pyemu.kernel.block import disk_thread
from pyemu.kernel.itimer import itimer_thread
from pyemu.pages import SWAP_MAP, get_frame, write_entry, write_huge_entry
from pyemu.program import run_child, run_program
from pyemu.scenario import Action, Area, Scenario
from pyemu.scenario.model import KEEPS_COUNT, OLD_X86, SAYS_DROPPED
from pyemu.scenario.reader import DISK, timer_name
from pyemu.scenario.steps import MODES
from pyemu.sched.frames import KernelFrame
from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task
from pyemu.state import ContextState, FileState, FrameState, Itimer, PipeState, State, VmaState
from pyemu.trace import Trace
from pyemu.tree import Tree

KINDS = {"disk": "file", "tmpfs": "shmem", "hugetlbfs": "hugetlb"}
W = TypeVar("W", bound=World)


def build_world(scenario: Scenario, tree: Tree, world: type[W], *, n_cpus: int, twin: str) -> W:
    """Make the world of a scenario on a tree: memory, files, tasks, and an empty trace.

    Parameters
    ----------
    scenario : Scenario
        What is built.
    tree : Tree
        Which patches are applied.
    world : type of World
        How time passes in it, and which kind of state it has.
    n_cpus : int
        Number of CPUs, each with an MMU of its own.
    twin : str
        Which twin of the hardware.
    """
    state = world.make_state(scenario.machine.ram_pages, n_cpus, twin)
    build_memory(state, scenario, tree)
    tasks = build_tasks(state, scenario)
    trace = Trace([task.name for task in tasks.values()], f"{scenario.name} on tree {tree}")
    policies = replace(
        tree.policies_on(arch_of(scenario.machine.arch)),
        reads_area_after_fault=scenario.machine.x86 == OLD_X86,
        hugetlb_walk_keeps_count=scenario.machine.hugetlb_walk == KEEPS_COUNT,
        hugetlb_walk_says_dropped=scenario.machine.hugetlb_walk == SAYS_DROPPED,
    )
    return world(state, tasks, trace, policies)


def build_memory(state: State, scenario: Scenario, tree: Tree) -> None:
    """Make what is there before the first task runs."""
    processes = scenario.processes()
    for number, owner in enumerate(processes, 1):
        state.new_mm(number)
        _make_context(state, number, owner, scenario, tree)
    for number, _ in enumerate(scenario.pipes(), 1):
        state.set(("pipe", number), PipeState())
    if any(area.huge for area in scenario.areas) or any(one.kind == "hugetlbfs" for one in scenario.files):
        state.fill_pool(scenario.machine.huge_pages)
    for number, file in enumerate(scenario.files, 1):
        kind = KINDS[file.kind]
        content = (file.pages, file.byte, file.pages)
        times = (file.io_ticks, file.read_ahead, file.throttle)
        state.set(("file", number), FileState(file.name, kind, *content, *times))
        for page in file.cached:
            _cached(state, number, page)
    if scenario.swaps:
        _make_swap(state, scenario)
    for number, area in enumerate(scenario.areas, 1):
        _check_served(area, scenario, tree)
        _map_area(state, number, area, processes.index(area.process) + 1, scenario)


def _make_context(state: State, number: int, owner: str, scenario: Scenario, tree: Tree) -> None:
    """Make the userfaultfd of a process, if it has an area to serve or may get one."""
    served = [area for area in scenario.areas if area.process == owner and area.userfaultfd]
    asks = any(
        step.do is Action.REGISTER and task.serves == owner
        for task in scenario.tasks
        for step in task.program
    )
    if not served and not asks:
        return
    only = bool(served and served[0].user_mode_only)
    if only and not tree.policies.knows_user_mode_only:
        raise ScenarioError(
            f"scenario {scenario.name}: area {served[0].name} has user_mode_only, which came with Linux "
            f"v5.11; on tree {tree} userfaultfd(2) gives EINVAL. Run it on v6_1 or later."
        )
    features = UffdFeature(0)
    for name in served[0].features if served else ():
        features |= UffdFeature[name]
    state.set(("context", number), ContextState(number, user_mode_only=only, features=features))


def _make_swap(state: State, scenario: Scenario) -> None:
    """Make the swap device, with all slots free."""
    pages, ticks = scenario.machine.swap_pages, scenario.machine.swap_ticks
    state.set(("file", SWAP.id), FileState("swap", "swap", FIRST_SLOT + pages, io_ticks=ticks))
    state.set(SWAP_MAP, (0,) * (FIRST_SLOT + pages))


def _cached(state: State, file: int, page: int) -> int:
    """Give the frame of a cached page, which is made if it is not there."""
    pfn: int | None = state.data.get(("cache", file, page))
    if pfn is None:
        of_file = state.data["file", file]
        pfn = _fresh(state, of_file.kind == "hugetlb", of_file.byte)
        only_here = of_file.kind != "file"  # nobody may drop it
        state.set(("frame", pfn), FrameState(mapping=file, index=page, uptodate=True, dirty=only_here))
        state.set(("cache", file, page), pfn)
    return pfn


def _map_area(state: State, number: int, area: Area, mm: int, scenario: Scenario) -> None:
    flags = VmFlag.READ | (VmFlag.WRITE if "w" in area.prot else VmFlag(0))
    flags |= VmFlag.SHARED if area.shared else VmFlag(0)
    flags |= VmFlag.RAND_READ if area.random else VmFlag(0)
    context = mm if area.userfaultfd else None
    modes = MODES.get(area.userfaultfd, 0)
    if modes & UFFDIO_REGISTER_MODE_MISSING:
        flags |= VmFlag.UFFD_MISSING
    if modes & UFFDIO_REGISTER_MODE_WP:
        flags |= VmFlag.UFFD_WP
    if modes & UFFDIO_REGISTER_MODE_MINOR:
        flags |= VmFlag.UFFD_MINOR
    if area.huge:
        flags |= VmFlag.HUGETLB
    end = area.address + area.pages * area.page_size
    file = _file_of(state, number, area, scenario)
    first = area.first_page * (area.page_size // PAGE_SIZE)
    reserves = area.huge and area.reserve and not area.shared
    state.add_vma(number, VmaState(mm, area.address, end, flags, context, True, file, first, reserves))
    for page in area.populated:
        write = write_huge_entry if area.huge else write_entry
        write(state, mm, area.address + page * area.page_size, _first_entry(state, area, file, page))
    for page in area.swapped:
        write_entry(state, mm, area.address + page * PAGE_SIZE, _swapped_entry(state, area, page, scenario))
    if area.huge and area.reserve:
        _reserve(state, area, mm, file, scenario)


def _check_served(area: Area, scenario: Scenario, tree: Tree) -> None:
    """Refuse a userfaultfd for minor faults where the kernel of the tree doesn't know them."""
    of_shmem = "minor" in area.userfaultfd and not area.huge
    known = tree.policies.minor_faults_of_shmem if of_shmem else tree.policies.minor_faults
    if "minor" in area.userfaultfd and not known:
        version = "v5.14" if of_shmem else "v5.13"
        raise ScenarioError(
            f"scenario {scenario.name}: area {area.name} has userfaultfd = {area.userfaultfd!r}, "
            f"which came with "
            f"Linux {version} for this kind of memory; on tree {tree} UFFDIO_REGISTER gives EINVAL. "
            f"Run it on "
            "v6_1 or later."
        )


def _reserve(state: State, area: Area, mm: int, file: int | None, scenario: Scenario) -> None:
    """Promise huge pages to a mapping: one for each page of it that isn't there yet."""
    pages = [area.first_page + page for page in range(area.pages) if page not in area.populated]
    owner = 0 if area.shared else mm
    wanted = [
        page
        for page in pages
        if state.data.get(("cache", file, page)) is None and state.data.get(("reserve", file, page)) is None
    ]
    pool = state.data[POOL]
    if len(wanted) > pool.available:
        raise ScenarioError(
            f"scenario {scenario.name}: area {area.name} reserves {len(wanted)} huge pages, and "
            f"{pool.available} "
            "of the pool are left: mmap(2) would give ENOMEM. Give the machine more ([machine] "
            "huge_pages), or "
            "the area reserve = false."
        )
    for page in wanted:
        state.set(("reserve", file, page), owner)
    state.set(POOL, replace(pool, reserved=pool.reserved + len(wanted)))


def _fresh(state: State, huge: bool, byte: int = 0) -> int:
    """Take a page."""
    if not huge:
        return state.alloc_page(byte)
    if not state.data[POOL].free:
        raise ScenarioError(
            "the pool of huge pages is empty before the first task runs: give the machine more, by [machine] "
            "huge_pages."
        )
    return state.alloc_huge_page(byte)


def _file_of(state: State, number: int, area: Area, scenario: Scenario) -> int | None:
    """Give the file that an area shows; shared memory without a name gets one of its own."""
    if area.kind == "anon":
        return None
    if area.file:
        return scenario.file_number(area.file)
    own = len(scenario.files) + number
    state.set(("file", own), FileState(area.name, area.kind, area.pages, named=area.kind != "hugetlb"))
    return own


def _first_entry(state: State, area: Area, file: int | None, page: int) -> int:
    """Give the entry of a page that is mapped at the start."""
    writable = "w" in area.prot
    if file is None or (area.huge and not area.shared):
        pfn = _fresh(state, area.huge, area.byte)
    else:
        pfn = _cached(state, file, area.first_page + page)
        state.set(("frame", pfn), replace(get_frame(state, pfn), refcount=get_frame(state, pfn).refcount + 1))
        writable = writable and area.shared and state.data["file", file].kind != "file"
    if page in area.protected:
        return pfn << PAGE_SHIFT | x86.P | x86.US | PAGE_UFFD_WP
    size = x86.PS if area.huge else 0
    return pfn << PAGE_SHIFT | x86.P | x86.US | size | (x86.RW if writable else 0)


def _swapped_entry(state: State, area: Area, page: int, scenario: Scenario) -> int:
    """Give the entry of a page that is swapped out at the start: it takes the next slot."""
    slot = state.data[SWAP_MAP].index(0, FIRST_SLOT) if 0 in state.data[SWAP_MAP][FIRST_SLOT:] else 0
    if not slot:
        pages = scenario.machine.swap_pages
        raise ScenarioError(
            f"scenario {scenario.name}: the swap device is full: all {pages} slots are in use. Give it more: "
            f"[machine] swap_pages = {pages * 2}."
        )
    state.set(("stored", SWAP.id, slot), bytes([area.byte]) * PAGE_SIZE)
    return make_swap_entry(slot, PAGE_UFFD_WP if page in area.protected else 0)


def build_tasks(state: State, scenario: Scenario) -> dict[int, Task]:
    """Make the tasks, by number; the disk is the last one, if there is one."""
    processes = scenario.processes()
    tasks: dict[int, Task] = {}
    actions: dict[int, dict[int, str]] = {}  # by process
    alone = len(processes)  # who is no thread of its process counts as one by itself, for signals
    for number, spec in enumerate(scenario.tasks, 1):
        mm = process = processes.index(spec.process) + 1
        if not spec.thread:
            process = alone = alone + 1
        parent = scenario.parent(spec)
        shared = actions.setdefault(process, dict(parent.signals) if parent else {})
        shared.update(spec.signals)
        task = Task(number, spec.name, process, mm, spec.monitor, shared)
        if spec.stack:
            stack = scenario.area(spec.stack)
            task.sp = stack.address + stack.pages * PAGE_SIZE
        state.set(("blocked", number), frozenset(spec.blocked or (parent.blocked if parent else ())))
        program = run_child if parent else run_program
        task.frames.append(KernelFrame("program", program, (scenario.resolve(spec),)))
        tasks[number] = task
        if parent:
            state.set(("state", number), TaskState.NEW)
            task.asleep = True
            for one in (spec, parent):
                state.set(("mm_users", processes.index(one.process) + 1), _users(scenario, one.process))
    if scenario.swaps or any(file.kind == "disk" for file in scenario.files):
        number = len(tasks) + 1
        tasks[number] = disk = Task(number, DISK, alone + 1, 0, monitor=True)
        state.set(("blocked", number), frozenset())
        state.set(("disk_task",), number)
        disk.frames.append(KernelFrame(DISK, disk_thread))
    _add_timers(state, scenario, tasks)
    return tasks


def _add_timers(state: State, scenario: Scenario, tasks: dict[int, Task]) -> None:
    """Make a device for each process that sets a timer."""
    for spec, owner in zip(scenario.tasks, list(tasks.values()), strict=False):
        sets = any(step.do is Action.SETITIMER for step in spec.program)
        if not sets or ("itimer", owner.process) in state.data:
            continue
        number = len(tasks) + 1
        timer = Task(number, timer_name(spec.process), -number, 0, monitor=True, device=True)
        state.set(("blocked", number), frozenset())
        state.set(("itimer", owner.process), Itimer(number))
        timer.frames.append(KernelFrame("itimer", itimer_thread, (owner.process,)))
        tasks[number] = timer


def _users(scenario: Scenario, process: str) -> int:
    """Count the tasks of a process."""
    return sum(task.process == process for task in scenario.tasks)
