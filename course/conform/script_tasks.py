"""The tasks of a script besides its monitor: the victim, who shares its memory, who is its timer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course.conform.experiment import BUFFER_OFFSET, BYTE_WRITTEN

Step = dict[str, Any]

MS = 1_000  # ticks
AREA_PAGES = 8
FILE_PAGES = 64
STORM_AT = 20 * MS
STORM_EVERY = 5 * MS
STORM_LENGTH = 10
COLD_PAGE = 40  # which page of the file the third task of `Q` reads

_BUFFER: Step = {"cold": {"name": "B", "pages": 8}}
_TO_BUFFER = {"buffer": "B", "buffer_offset": BUFFER_OFFSET}
# `from`: the first page, if it is another one than the access waits for; `cold`: memory that no step before
# has touched.
ACCESSES: dict[str, Step] = {
    "user_read": {"do": {"do": "read"}},
    "user_write": {"do": {"do": "write", "byte": BYTE_WRITTEN}},
    "read_zero": {"do": {"do": "read_zero"}},
    "tmpfs_write": {"do": {"do": "tmpfs_write"}},
    "tmpfs_write2": {"do": {"do": "tmpfs_write", "pages": 2}},
    "pipe_write": {"do": {"do": "pipe_write"}},
    "pvm": {"do": {"do": "process_vm_readv", **_TO_BUFFER}, **_BUFFER},
    "pvm_remote": {"do": {"do": "process_vm_readv", **_TO_BUFFER, "task": "O"}, **_BUFFER},
    "pvm_tail": {"do": {"do": "process_vm_readv", "pages": 2, **_TO_BUFFER}, "from": 0, **_BUFFER},
    "pvm4": {"do": {"do": "process_vm_readv", "pages": 4, **_TO_BUFFER}, "from": 0, **_BUFFER},
    "vmsplice": {"do": {"do": "vmsplice"}},
    "mlock": {"do": {"do": "mlock"}},
    "procmem": {"do": {"do": "procmem_read"}},
    "futex_op": {"do": {"do": "futex_wake_op", "first": "W"}, "cold": {"name": "W", "pages": 1}},
}
LATER_ACCESSES = ("pvm_huge",)
_SLOW: Step = {"kind": "file", "file": "slow", "shared": True, "prot": "r"}
MEMORIES: dict[str, Step] = {
    "anon": {},
    "shmem": {"kind": "shmem", "shared": True},
    "file": _SLOW,
    "filer": {**_SLOW, "random": True},
}
# One page is swapped out, and nothing of it in the swap cache; of `swapf` a child shares the entry.
_SWAPPED: Step = {"populated": [0], "swapped": [1], "byte": 3}
MEMORIES |= {"swap": _SWAPPED, "swapf": _SWAPPED}
LATER_MEMORIES = ("huge",)
# What SIGUSR1 does, and whether it is blocked; a storm is made of SIGALRM, whose handler always runs.
SIGNALS: dict[str, Step] = {
    "handler": {"signals": {"SIGUSR1": "handler"}},
    "restart": {"signals": {"SIGUSR1": "restart"}},
    "ignore": {"signals": {"SIGUSR1": "ignore"}},
    "block": {"signals": {"SIGUSR1": "handler"}, "blocked": ["SIGUSR1"]},
    "storm": {"signals": {"SIGUSR1": "handler", "SIGALRM": "handler"}},
}


def victim(access: str, signals: str, page: int) -> list[Step]:
    """Give the victim T, and for `pvm_remote` the task O whose memory it reads."""
    known = ACCESSES[access]
    step = {**known["do"], "area": "V", "page": known.get("from", page)}
    one: Step = {"name": "T", "process": "P", "program": [step], **SIGNALS[signals]}
    one["signals"] = {**one["signals"], "SIGBUS": "escape", "SIGSEGV": "escape"}
    if access != "pvm_remote":
        return [one]
    owner = {"name": "O", "process": "P", "monitor": True, "program": [{"do": "wait_post"}]}
    return [{**one, "process": "R"}, owner]


def with_child(tasks: list[Step]) -> list[Step]:
    """Let the victim fork a child first, which does nothing; it shares what the victim has."""
    one, *more = tasks
    child = {"name": "C", "forked": True, "monitor": True, "program": [{"do": "wait_post"}]}
    return [{**one, "program": [{"do": "fork", "child": "C"}, *one["program"]]}, *more, child]


def helper(commands: Sequence[Step]) -> list[Step]:
    """Give the task that shares the memory and obeys the monitor; it is no thread of the victim."""
    if not commands:
        return []
    return [{"name": "H", "process": "P", "thread": False, "monitor": True, "program": [*commands]}]


def others(words: Sequence[str], signals: str) -> list[Step]:
    """Give the task that reads from the slow disk with mmap_sem held, and the one that is the timer."""
    tasks: list[Step] = []
    if "Q" in words:
        read = {"do": "procmem_read", "area": "S", "page": COLD_PAGE}
        program = [{"do": "wait_post"}, read]
        tasks.append({"name": "R", "process": "P", "thread": False, "monitor": True, "program": program})
    if signals == "storm":
        alarm = {"do": "signal", "task": "T", "signal": "SIGALRM"}
        more = [{"do": "pause", "ticks": STORM_EVERY}, alarm] * (STORM_LENGTH - 1)
        program = [{"do": "pause", "ticks": STORM_AT}, alarm, *more]
        tasks.append({"name": "S", "monitor": True, "program": program})
    return tasks
