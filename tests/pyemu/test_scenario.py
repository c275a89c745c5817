"""Scenarios: the library is sound, and whatever is wrong with one is named with file, key, value and rule."""

from __future__ import annotations

import copy
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Scenario, run
from pyemu.errors import ScenarioError
from pyemu.flags import PAGE_SIZE
from pyemu.scenario import STEPS, Action, MachineSpec
from pyemu.scenario.memory import AREA_DISTANCE, FIRST_ADDRESS

# --------------------------------------------------------------------------------- the library


def test_the_library_has_the_first_scenarios() -> None:
    assert {"S13", "S10a", "S10b"} <= set(Scenario.library())


@pytest.mark.parametrize("name", Scenario.library())
def test_a_scenario_of_the_library_has_the_name_of_its_file_and_a_story(name: str) -> None:
    scenario = Scenario.load(name)
    assert scenario.name == name
    assert scenario.story.endswith(".")


@pytest.mark.parametrize("name", Scenario.library())
def test_a_file_of_the_library_reads_the_same_from_its_path(name: str, tmp_path: Path) -> None:
    text = resources.files("pyemu.scenarios").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    copied = tmp_path / "mine.toml"
    copied.write_text(text, encoding="utf-8")
    assert Scenario.load(copied) == Scenario.load(str(copied)) == Scenario.load(name)


def test_every_default_of_the_documentation_is_filled_in() -> None:
    scenario = Scenario.from_dict(
        {
            "version": 1,
            "name": "n",
            "title": "t",
            "areas": [{"name": "A"}, {"name": "B"}],
            "tasks": [{"name": "T"}, {"name": "U", "process": "T"}],
        }
    )
    assert scenario.machine == MachineSpec(n_cpus=2, preemption=False, ram_pages=256, max_ticks=10_000_000)
    first, second = scenario.areas
    assert (first.process, first.address, first.pages, first.prot) == ("T", FIRST_ADDRESS, 1, "rw")
    assert (first.populated, first.userfaultfd, first.features) == ((), "", ())
    assert second.address == FIRST_ADDRESS + AREA_DISTANCE
    task = scenario.tasks[0]
    assert (task.process, task.serves, task.monitor, task.signals, task.blocked) == ("T", "T", False, (), ())
    assert scenario.permits == ()
    assert scenario.story == ""


def test_steps_are_resolved_to_addresses_and_numbers() -> None:
    scenario = Scenario.from_dict(valid())
    read, *_ = scenario.resolve(scenario.tasks[0])
    assert read.address == FIRST_ADDRESS + PAGE_SIZE + 9
    by_name = {step.do: step for step in scenario.resolve(scenario.tasks[1])}
    assert by_name[Action.COPY].address == FIRST_ADDRESS + PAGE_SIZE
    assert by_name[Action.UNREGISTER].length == 3 * PAGE_SIZE  # to the end of the area
    assert by_name[Action.SIGNAL].task == 1
    assert by_name[Action.SIGNAL].signal == 10
    assert by_name[Action.COPY].byte == 5
    assert by_name[Action.WAKE].length == PAGE_SIZE
    assert {step.context for step in by_name.values()} == {1}  # the first process has the first userfaultfd


# --------------------------------------------------------------------------------- what is refused


def valid() -> dict[str, Any]:
    """A scenario in which every key and every kind of step stands."""
    return {
        "version": 1,
        "name": "whole",
        "title": "Every key",
        "story": "All of them.",
        "permits": ["spin"],
        "machine": {
            "n_cpus": 2,
            "preemption": False,
            "ram_pages": 256,
            "max_ticks": 1000,
            "arch": "s390",
            "huge_pages": 3,
            "hugetlb_walk": "as Linux",
            "swap_pages": 4,
            "swap_ticks": 500,
        },
        "areas": [
            {
                "name": "V",
                "process": "P",
                "address": FIRST_ADDRESS,
                "pages": 4,
                "prot": "rw",
                "populated": [0],
                "userfaultfd": "missing+wp",
                "features": [],
                "user_mode_only": False,
                "swapped": [1, 2],
                "protected": [0, 1],
                "byte": 3,
            },
            {"name": "W", "process": "P"},
            {
                "name": "R",
                "process": "P",
                "pages": 8,
                "kind": "file",
                "file": "F",
                "first_page": 1,
                "shared": True,
                "random": True,
            },
            {"name": "Y", "process": "P", "kind": "shmem"},
            {"name": "Z", "process": "P", "kind": "faulty"},
            {"name": "H", "process": "P", "kind": "hugetlb", "pages": 2, "reserve": False},
        ],
        "files": [
            {
                "name": "F",
                "kind": "disk",
                "pages": 9,
                "byte": 3,
                "cached": [2, 3],
                "io_ticks": 100,
                "read_ahead": 4,
                "throttle": 10,
            },
            {"name": "G", "kind": "tmpfs", "cached": True},
        ],
        "tasks": [
            {
                "name": "T",
                "process": "P",
                "thread": True,
                "signals": {"SIGUSR1": "handler"},
                "blocked": ["SIGUSR2"],
                "program": [
                    {"do": "read", "area": "V", "page": 1, "offset": 9},
                    {"do": "write", "area": "W", "byte": 3},
                    {"do": "mmap_fixed", "area": "W"},
                    {"do": "munmap", "area": "W"},
                    {"do": "madvise_dontneed", "area": "V", "page": 0, "pages": 2},
                    {"do": "post", "task": "M"},
                    {"do": "wait_post", "ticks": 5},
                    {"do": "mark", "label": "m"},
                    {
                        "do": "process_vm_readv",
                        "area": "V",
                        "page": 1,
                        "pages": 1,
                        "task": "T",
                        "buffer": "W",
                        "buffer_offset": 0,
                    },
                    {"do": "futex_wake_op", "area": "V", "first": "W"},
                    {"do": "get_mempolicy", "area": "V"},
                    {"do": "vmsplice", "area": "V", "pipe": "p"},
                    {"do": "odirect_write", "area": "V"},
                    {"do": "procmem_read", "area": "V", "task": "T", "buffer": "W"},
                    {"do": "mlock", "area": "V"},
                    {"do": "munlock", "area": "V"},
                    {"do": "pin", "area": "V", "entry": "get_user_pages", "write": False, "nowait": True},
                    {"do": "pin", "area": "V", "interruptible": True},
                    {"do": "vcpu_fault", "area": "V", "write": False, "worker": "M"},
                    {"do": "async_pf", "area": "V", "page": 1, "task": "T"},
                    {"do": "guest_read", "area": "V"},
                    {"do": "guest_write", "area": "V", "byte": 3},
                    {"do": "read_zero", "area": "V", "pages": 2},
                    {"do": "tmpfs_write", "area": "V"},
                    {"do": "pipe_write", "area": "V", "pipe": "p"},
                    {"do": "pipe_read", "area": "V", "pipe": "p"},
                    {"do": "pagemap", "area": "V", "page": 1, "label": "p"},
                    {"do": "write", "area": "R"},
                    {"do": "msync", "area": "R", "page": 0, "pages": 2},
                    {"do": "fadvise_dontneed", "file": "F"},
                    {"do": "drop_caches"},
                    {"do": "mprotect", "area": "V", "page": 1, "pages": 2, "prot": "r"},
                    {"do": "populate", "area": "V", "page": 2, "pages": 2},
                    {"do": "fork", "child": "C"},
                    {"do": "truncate", "file": "F", "size": 2},
                    {"do": "hold_page", "file": "F", "page": 0, "ticks": 5},
                    {"do": "punch_hole", "file": "G", "page": 0, "pages": 1},
                    {"do": "madvise_pageout", "area": "V", "page": 0, "pages": 2},
                ],
            },
            {
                "name": "M",
                "monitor": True,
                "serves": "P",
                "program": [
                    {"do": "wait_message", "ticks": 9},
                    {"do": "pause", "ticks": 3},
                    {"do": "poll", "ticks": 3},
                    {"do": "copy", "area": "V", "page": 1, "byte": 5, "wake": True, "answer": False},
                    {"do": "wake", "area": "V", "page": 1, "pages": 1, "answer": True},
                    {"do": "unregister", "area": "V", "page": 1},
                    {"do": "signal", "task": "T", "signal": "SIGUSR1"},
                    {"do": "sample", "task": "T", "label": "s"},
                    {"do": "close"},
                    {"do": "wait_readable", "ticks": 9},
                ],
            },
            {
                "name": "N",
                "process": "M",
                "monitor": True,
                "program": [
                    {"do": "copy", "area": "V", "page": 2, "pages": 2, "protect": True},
                    {"do": "zeropage", "area": "V", "page": 1, "pages": 1, "wake": True, "answer": False},
                    {"do": "writeprotect", "area": "V", "page": 1, "protect": True, "wake": True},
                    {"do": "register", "area": "V", "page": 1, "pages": 1, "mode": "missing+wp"},
                    {"do": "block", "signal": "SIGUSR1"},
                    {"do": "unblock", "signal": "SIGUSR1"},
                    {"do": "tkill", "task": "T", "signal": "SIGUSR1"},
                    {"do": "setitimer", "ticks": 5, "interval": 3, "count": 2},
                    {"do": "reclaim", "area": "V", "pages": 3, "task": "T"},
                    {"do": "move_pages", "area": "V", "pages": 2, "task": "T", "ticks": 50},
                    {"do": "khugepaged", "area": "V", "pages": 3, "task": "T"},
                    {"do": "continue", "area": "H", "page": 1, "pages": 1, "wake": True, "answer": False},
                ],
            },
            {"name": "C", "forked": True, "program": [{"do": "write", "area": "V", "page": 0}]},
        ],
    }


def test_the_scenario_with_everything_is_valid_and_has_every_step() -> None:
    scenario = Scenario.from_dict(valid())
    assert {step.do for task in scenario.tasks for step in task.program} == set(Action) == set(STEPS)
    run(scenario)


def put(*path: Any) -> Any:
    """A change: the last of `path` is the value, the others lead to its place; `...` deletes."""

    def change(data: dict[str, Any]) -> None:
        *way, last, value = path
        for key in way:
            data = data[key]
        if value is ...:
            del data[last]
        else:
            data[last] = value

    return change


def add_step(task: int, /, **step: Any) -> Any:
    return lambda data: data["tasks"][task]["program"].append(step)


BROKEN: dict[str, tuple[Any, str]] = {
    "unknown key": (
        put("titel", "x"),
        r"unknown key 'titel'; allowed keys are version, name.*mean 'title'\?",
    ),
    "unknown key of machine": (put("machine", "cpus", 2), r"machine has the unknown key 'cpus'"),
    "unknown key of an area": (put("areas", 0, "uffd", True), r"area V has the unknown key 'uffd'"),
    "unknown key of a task": (put("tasks", 0, "blokced", []), r"task T has .*'blokced'.*mean 'blocked'\?"),
    "unknown key of a step": (
        put("tasks", 0, "program", 0, "pages", 2),
        r"task T, step 1 \(read\) has the unknown key 'pages'.*mean 'page'\?",
    ),
    "no version": (put("version", ...), "lacks the key 'version', which is required"),
    "other version": (put("version", 2), "version is 2; this faultlab reads version 1"),
    "version true": (put("version", True), "version is True; this faultlab reads version 1"),
    "no name": (put("name", ...), "the scenario lacks the key 'name'"),
    "title is a number": (put("title", 3), "title is 3; it must be a text"),
    "permits a text": (put("permits", "spin"), "permits is 'spin'; it must be a list"),
    "permits something": (put("permits", ["fun"]), r"permits\[0\] is 'fun'; it must be one of spin, hang"),
    "machine a list": (put("machine", []), r"machine is \[\]; it must be a table"),
    "no CPU": (put("machine", "n_cpus", 0), "machine.n_cpus is 0; it must be a whole number from 1 to 8"),
    "CPUs true": (put("machine", "n_cpus", True), "machine.n_cpus is True; it must be a whole number"),
    "half a CPU": (put("machine", "n_cpus", 1.5), "machine.n_cpus is 1.5"),
    "preemption 1": (put("machine", "preemption", 1), "machine.preemption is 1; it must be true or false"),
    "little RAM": (put("machine", "ram_pages", 3), "machine.ram_pages is 3; .* from 16 to 65536"),
    "unknown x86": (put("machine", "x86", "5.6"), "machine.x86 is '5.6'; it must be one of 4.14, 5.7"),
    "unknown arch": (put("machine", "arch", "vax"), "machine.arch is 'vax'; it must be one of alpha, arm"),
    "x86 elsewhere": (put("machine", "x86", "4.14"), r"machine.x86 is '4\.14', and machine.arch is 's390'"),
    "a guest elsewhere": (put("machine", "arch", "sh"), r"\(guest_read\): a guest's fault .* is 'sh'"),
    "no time": (put("machine", "max_ticks", 0), "machine.max_ticks is 0"),
    "areas a table": (put("areas", {}), "areas is {}; it must be a list"),
    "area a text": (put("areas", 0, "V"), r"areas\[0\] is 'V'; it must be a table"),
    "area without name": (put("areas", 0, "name", ...), r"areas\[0\] lacks the key 'name'"),
    "empty name": (put("areas", 0, "name", ""), r"areas\[0\].name is empty"),
    "two areas of a name": (put("areas", 1, "name", "V"), r"areas\[1\].name is 'V', which another area has"),
    "area of nobody": (put("areas", 0, "process", "X"), "area V: process is 'X'; it must be one of P, M"),
    "crooked address": (
        put("areas", 0, "address", 0x7F00_0000_0001),
        "area V: address is 0x7f0000000001; it must be a multiple of 4096",
    ),
    "address zero": (
        put("areas", 0, "address", 0),
        "area V: address is 0; it must be a whole number from 4096",
    ),
    "beyond user space": (put("areas", 0, "address", 1 << 47), "area V: address is 140737488355328"),
    "overlap": (
        put("areas", 1, "address", FIRST_ADDRESS + PAGE_SIZE),
        "area W overlaps area V; areas of a process lie apart",
    ),
    "no page": (put("areas", 0, "pages", 0), "area V: pages is 0; it must be a whole number from 1 to 512"),
    "prot w": (put("areas", 0, "prot", "w"), "area V: prot is 'w'; it must be one of r, rw"),
    "populated outside": (put("areas", 0, "populated", [4]), "area V: populated is 4; .* from 0 to 3"),
    "two files of a name": (
        put("files", 1, "name", "F"),
        r"files\[1\].name is 'F', which another file has; names are unique",
    ),
    "file of a kind": (
        put("files", 0, "kind", "ext4"),
        "file F: kind is 'ext4'; it must be one of disk, tmpfs",
    ),
    "a file without pages": (put("files", 0, "pages", 0), "file F: pages is 0; .* from 1 to 512"),
    "cached outside": (put("files", 0, "cached", [9]), "file F: cached is 9; .* from 0 to 8"),
    "cached a number": (
        put("files", 0, "cached", 3),
        r"file F: cached is 3; it must be true \(all\), false \(none\) or a list of pages",
    ),
    "negative time of the disk": (put("files", 0, "io_ticks", -1), "file F: io_ticks is -1; .* from 0"),
    "area of a kind": (
        put("areas", 1, "kind", "hugetblb"),
        "area W: kind is 'hugetblb'; it must be one of anon, shmem, file, hugetlb, faulty",
    ),
    "area of a file without one": (
        put("areas", 1, "kind", "file"),
        "area W: kind is 'file', and the key `file` is missing: name one of `files`",
    ),
    "area of no such file": (put("areas", 2, "file", "H"), "area R: file is 'H'; it must be one of F, G"),
    "shared memory of a file": (
        put("areas", 2, "kind", "shmem"),
        "area R: kind is 'shmem', and it names a file; an area of a file is 'file'",
    ),
    "a file where there is none": (
        put("files", ...),
        r"area R: file is 'F', but the scenario has no \[\[files\]\]; add it there",
    ),
    "shared anonymous memory": (
        put("areas", 1, "shared", True),
        "area W: shared is true, and kind is 'anon'; shared memory without a file is 'shmem'",
    ),
    "random anonymous memory": (
        put("areas", 1, "random", True),
        "area W: random is for areas of kind 'file'; this one is 'anon'. Take it out",
    ),
    "first page of shared memory": (
        put("areas", 3, "first_page", 1),
        "area Y: first_page is for areas of kind 'file'; this one is 'shmem'",
    ),
    "userfaultfd on a disk": (
        put("areas", 2, "userfaultfd", True),
        "area R: userfaultfd is set; it serves areas of kind 'anon', 'shmem' and 'hugetlb', and files",
    ),
    "protection of a step": (
        add_step(0, do="mprotect", area="W", prot="x"),
        r"\(mprotect\): prot is 'x'; it must be one of none, r, rw",
    ),
    "child that is not forked": (
        add_step(0, do="fork", child="M"),
        r"\(fork\): child is 'M'; it must be one of C",
    ),
    "child that nobody forks": (
        put("tasks", 0, "program", []),
        "task C: forked is true, and 0 steps `fork` name it; exactly one must",
    ),
    "child that is forked twice": (
        add_step(0, do="fork", child="C"),
        "task C: forked is true, and 2 steps `fork` name it; exactly one must",
    ),
    "child in a process of others": (
        put("tasks", 3, "process", "P"),
        "task C: forked is true, and another task has its process 'P'; a child begins with a process",
    ),
    "truncate no such file": (
        add_step(0, do="truncate", file="H", size=1),
        r"\(truncate\): file is 'H'; it must be one of F, G",
    ),
    "truncate to less than nothing": (
        add_step(0, do="truncate", file="F", size=-1),
        r"\(truncate\): size is -1; .* from 0 to 512",
    ),
    "page that a file lacks": (
        add_step(0, do="hold_page", file="F", page=9, ticks=1),
        r"\(hold_page\) means page 9 of file F, which has 9 pages",
    ),
    "slot that nobody uses": (
        add_step(0, do="hold_page", file="swap", page=3, ticks=1),
        r"\(hold_page\) means page 3 of the swap device, where pages 1 to 2 are in use",
    ),
    "swap device that is truncated": (
        add_step(0, do="truncate", file="swap", size=1),
        r"\(truncate\): file swap is of kind 'swap'; this step takes disk or tmpfs",
    ),
    "shared memory that is swapped": (
        put("areas", 3, "swapped", [0]),
        r"area Y: swapped is \[0\], and kind is 'shmem'; only pages of kind 'anon' are swapped out",
    ),
    "a page in two places": (
        put("areas", 0, "populated", [0, 2]),
        "area V: page 2 is populated and swapped; a page is in one place",
    ),
    "a page that is swapped beyond the area": (
        put("areas", 0, "swapped", [4]),
        "area V: swapped is 4; it must be a whole number from 0 to 3",
    ),
    "protected without write-protection": (
        put("areas", 0, "userfaultfd", "missing"),
        r"area V: protected is \[0, 1\], and userfaultfd is 'missing'; ask it for 'wp'",
    ),
    "a missing page that is protected": (
        put("areas", 0, "swapped", [2]),
        "area V: page 1 is protected, and neither populated nor swapped; a missing page has no mark",
    ),
    "a byte of an area that is none": (put("areas", 0, "byte", 256), "area V: byte is 256; .* from 0 to 255"),
    "no slot on the swap device": (put("machine", "swap_pages", 0), "machine.swap_pages is 0; .* from 1"),
    "negative time of the swap device": (put("machine", "swap_ticks", -1), "machine.swap_ticks is -1"),
    "reclaim without a process": (
        put("tasks", 2, "program", 8, "task", "M"),
        "area V belongs to process P, task M to process M; name a task that has the area",
    ),
    "a task with the name of the disk": (
        put("tasks", 1, "name", "disk"),
        r"tasks\[1\].name is 'disk'; with files, that is the machine's disk; choose another",
    ),
    "no tasks": (put("tasks", []), "tasks is empty; a scenario has at least one task"),
    "tasks missing": (put("tasks", ...), "lacks the key 'tasks'"),
    "two tasks of a name": (put("tasks", 1, "name", "T"), r"tasks\[1\].name is 'T', which another task has"),
    "task of the machine's name": (
        put("tasks", 1, "name", "-"),
        r"tasks\[1\].name is '-', which means the machine",
    ),
    "only monitors": (
        lambda data: [task.update(monitor=True) for task in data["tasks"]],
        "every task is a monitor.*when all others have ended",
    ),
    "too many tasks": (
        lambda data: data["tasks"].extend({"name": f"X{n}"} for n in range(300)),
        "tasks has 304 entries; at most 250",
    ),
    "process a number": (put("tasks", 0, "process", 1), "task T: process is 1; it must be a text"),
    "serves nobody": (put("tasks", 1, "serves", "X"), "task M: serves is 'X'; it must be one of P, M"),
    "unknown signal": (
        put("tasks", 0, "signals", {"SIGFOO": "handler"}),
        "task T: signals has the unknown key 'SIGFOO'",
    ),
    "unknown disposition": (
        put("tasks", 0, "signals", {"SIGUSR1": "catch"}),
        "task T: signals.SIGUSR1 is 'catch'; it must be one of handler, restart",
    ),
    "handler for SIGKILL": (
        put("tasks", 0, "signals", {"SIGKILL": "handler"}),
        "task T: signals.SIGKILL is 'handler'; nobody can catch, ignore or block SIGKILL",
    ),
    "ignore SIGSTOP": (
        put("tasks", 0, "signals", {"SIGSTOP": "ignore"}),
        "task T: signals.SIGSTOP is 'ignore'; nobody can",
    ),
    "block SIGKILL": (
        put("tasks", 0, "blocked", ["SIGKILL"]),
        r"task T: blocked\[0\] is 'SIGKILL'; nobody can catch, ignore or block SIGKILL",
    ),
    "block a number": (
        put("tasks", 0, "blocked", [10]),
        r"task T: blocked\[0\] is 10; it must be one of SIGHUP",
    ),
    "threads that disagree": (
        lambda data: data["tasks"].append({"name": "U", "process": "P", "signals": {"SIGUSR1": "ignore"}}),
        "task U: signals.SIGUSR1 is 'ignore', but task T of the same process says 'handler'",
    ),
    "program a text": (put("tasks", 0, "program", "read"), "task T: program is 'read'; it must be a list"),
    "step a text": (
        put("tasks", 0, "program", 0, "read"),
        "task T, step 1 is 'read'; it must be a table such as",
    ),
    "step without do": (put("tasks", 0, "program", 0, {}), "task T, step 1 lacks the key 'do'"),
    "unknown step": (
        put("tasks", 0, "program", 0, "do", "reed"),
        "task T, step 1: do is 'reed'; .* one of read",
    ),
    "step without area": (
        put("tasks", 0, "program", 0, "area", ...),
        r"task T, step 1 \(read\) lacks the key 'area'",
    ),
    "unknown area": (
        put("tasks", 0, "program", 0, "area", "X"),
        r"\(read\): area is 'X'; it must be one of V, W",
    ),
    "page outside": (
        put("tasks", 0, "program", 0, "page", 4),
        r"task T, step 1 \(read\) reaches page 4 of area V, which has 4 pages",
    ),
    "negative page": (put("tasks", 0, "program", 0, "page", -1), r"\(read\): page is -1; .* from 0 to 511"),
    "offset outside": (put("tasks", 0, "program", 0, "offset", 4096), r"offset is 4096; .* from 0 to 4095"),
    "byte too large": (
        put("tasks", 0, "program", 1, "byte", 256),
        r"\(write\): byte is 256; .* from 0 to 255",
    ),
    "ticks a text": (put("tasks", 1, "program", 1, "ticks", "3"), r"task M, step 2 \(pause\): ticks is '3'"),
    "wake 1": (put("tasks", 1, "program", 3, "wake", 1), r"\(copy\): wake is 1; it must be true or false"),
    "signal to nobody": (
        put("tasks", 1, "program", 6, "task", "X"),
        r"\(signal\): task is 'X'; .* one of T, M",
    ),
    "label a number": (
        put("tasks", 1, "program", 7, "label", 5),
        r"\(sample\): label is 5; it must be a text",
    ),
    "another's memory": (
        add_step(1, do="read", area="V"),
        r"task M, step 11 \(read\): area V belongs to process P; this step means memory of process M",
    ),
    "unmapping another's memory": (add_step(1, do="munmap", area="V"), "area V belongs to process P"),
    "serving another's memory": (
        put("tasks", 1, "serves", "M"),
        r"task M, step 4 \(copy\): area V belongs to process P; this step means memory of process M",
    ),
    "serving who has none": (
        put("tasks", 2, {"name": "N", "serves": "M", "process": "M", "program": [{"do": "wait_message"}]}),
        r"task N, step 1 \(wait_message\): process M has no area with userfaultfd = true",
    ),
    "copy into another's memory": (
        lambda data: (
            data["areas"].append({"name": "X", "process": "M", "userfaultfd": True}),
            data["tasks"][1].update(serves="M"),
        ),
        r"task M, step 4 \(copy\): area V belongs to process P; this step means memory of process M",
    ),
    "odd userfaultfd": (
        put("areas", 0, "userfaultfd", "wp+missing"),
        r"area V: userfaultfd is 'wp\+missing'; it must be true, false or one of missing, wp, missing\+wp",
    ),
    "writes to shared memory": (
        put("areas", 0, "kind", "shmem"),
        r"area V: userfaultfd is 'missing\+wp'; only areas of kind 'anon' are write-protected",
    ),
    "unknown feature": (
        put("areas", 0, "features", ["SIGBUS", "FORK"]),
        r"area V: features\[1\] is 'FORK'; it must be one of PAGEFAULT_FLAG_WP, SIGBUS",
    ),
    "user_mode_only 1": (
        put("areas", 0, "user_mode_only", 1),
        "area V: user_mode_only is 1; it must be true",
    ),
    "a feature of nothing": (
        put("areas", 1, "features", ["SIGBUS"]),
        "area W has features or user_mode_only, but no userfaultfd; give it one",
    ),
    "two userfaultfds": (
        lambda data: (
            put("areas", 1, "userfaultfd", True)(data),
            put("areas", 1, "features", ["SIGBUS"])(data),
        ),
        "area W: features and user_mode_only differ from those of area V; a process has one userfaultfd",
    ),
    "a stack that is no area": (put("tasks", 0, "stack", "X"), r"task T: stack is 'X'; it must be one of"),
    "a stack of another": (put("tasks", 2, "stack", "V"), r"task N: stack is 'V'; it must be one of"),
    "a timer's name": (
        put("tasks", 2, "name", "timer of P"),
        r"tasks\[2\].name is 'timer of P', which means a timer of the machine; choose another",
    ),
    "a count below zero": (
        put("tasks", 2, "program", 7, "count", -1),
        r"task N, step 8 \(setitimer\): count is -1; it must be a whole number from 0 to 1000000",
    ),
    "an interval that is none": (
        put("tasks", 2, "program", 7, "interval", "5"),
        r"task N, step 8 \(setitimer\): interval is '5'; it must be a whole number",
    ),
    "odd mode": (
        put("tasks", 2, "program", 3, "mode", "mino"),
        r"task N, step 4 \(register\): mode is 'mino'; it must be one of missing, wp, missing\+wp, minor",
    ),
    "protect 1": (
        put("tasks", 2, "program", 2, "protect", 1),
        r"task N, step 3 \(writeprotect\): protect is 1; it must be true or false",
    ),
    "buffer that is no area": (
        add_step(0, do="process_vm_readv", area="V", buffer="X"),
        r"step \d+ \(process_vm_readv\): buffer is 'X'; it must be one of V, W",
    ),
    "buffer of another": (
        lambda data: (
            data["areas"].append({"name": "X", "process": "M"}),
            add_step(0, do="futex_wake_op", area="V", first="X")(data),
        ),
        r"area X belongs to process M; bytes go to memory of one's own, process P",
    ),
    "buffer too small": (
        add_step(0, do="process_vm_readv", area="V", buffer="W", buffer_offset=1),
        "the bytes end at 4097 of area W, which has 4096",
    ),
    "memory of a task that has it not": (
        add_step(1, do="process_vm_readv", area="V", buffer="V", task="M"),
        r"area V belongs to process P, task M to process M; name a task that has the area",
    ),
    "unknown entry": (
        add_step(0, do="pin", area="V", entry="get_pages"),
        "entry is 'get_pages'; it must be one of get_user_pages, get_user_pages_locked",
    ),
    "no userfaultfd": (
        lambda data: (
            put("areas", 0, "userfaultfd", False)(data),
            put("areas", 0, "protected", ...)(data),
            put("tasks", 2, {"name": "N"})(data),
        ),
        r"task M, step 1 \(wait_message\): process P has no area with userfaultfd = true",
    ),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN)
def test_each_mistake_is_named_with_place_value_and_rule(change: Any, says: str) -> None:
    data = valid()
    change(data)
    with pytest.raises(ScenarioError, match=r"^my file: .*" + says):
        Scenario.from_dict(data, "my file")


@pytest.mark.parametrize("data", [None, [], "text", 3, {"version": 1}], ids=repr)
def test_what_is_no_scenario_at_all_is_refused_too(data: Any) -> None:
    with pytest.raises(ScenarioError):
        Scenario.from_dict(data)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("S99", r"scenario 'S99' is not in the library: it has .*S10a, .*A file of your own ends in .toml"),
        ("../S13", "is not in the library"),
        ("", "is not in the library"),
        ("nowhere/x.toml", r"scenario file nowhere/x.toml does not exist"),
    ],
)
def test_a_scenario_that_is_not_there_is_named(name: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        Scenario.load(name)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 9_000 + "]" * 9_000,
        "x = " + "{a=" * 3_000 + "1" + "}" * 3_000,
        "version = " + "9" * 6_000,
    ],
    ids=["lists", "tables", "digits"],
)
def test_toml_that_no_reader_can_take_is_a_mistake_of_its_writer(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^mine is no TOML: "):
        Scenario.from_toml(text, "mine")


def test_a_file_s_name_may_hold_anything() -> None:
    with pytest.raises(ScenarioError, match="can't be read"):
        Scenario.load("\0.toml")


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("version = = 1", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"broken\.toml is no TOML: .*line 1"):
        Scenario.load(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match=r"broken\.toml can't be read"):
        Scenario.load(broken)
    (tmp_path / "dir.toml").mkdir()
    with pytest.raises(ScenarioError, match="can't be read"):
        Scenario.load(tmp_path / "dir.toml")


# --------------------------------------------------------------------------------- mutations

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1 << 50),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.sampled_from(["T", "V", "P", "SIGKILL", "read", "close", [1], ["SIGUSR1"], {"do": "close"}]),
)


def places(data: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested data."""
    found = [way] if way else []
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        found += places(value, (*way, key))
    return found


PLACES = places(valid())


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(PLACES), junk, st.booleans()), min_size=1, max_size=3))
def test_random_changes_give_a_scenario_that_runs_or_a_message(
    changes: list[tuple[tuple[Any, ...], Any, bool]],
) -> None:
    data: Any = valid()
    for way, value, delete in changes:
        place = data
        try:
            for key in way[:-1]:
                place = place[key]
            if delete:
                del place[way[-1]]
            else:
                place[way[-1]] = copy.deepcopy(value)
        except (TypeError, KeyError, IndexError, AttributeError):
            continue  # an earlier change took the place away
    try:
        scenario = Scenario.from_dict(data, "mutant")
    except ScenarioError as error:
        said = str(error)
    else:
        said = "" if scenario.machine.max_ticks > 10**7 else outcome(scenario)
    assert re.match(r"mutant: |emulated RAM is full|$", said)


def outcome(scenario: Scenario) -> str:
    """Run it; whatever goes wrong must be one of our messages."""
    try:
        run(scenario)
    except ScenarioError as error:
        return str(error)
    return ""
