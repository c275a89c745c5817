"""The kernel: its functions as plain Python coroutines that read like the C they model.

They know effects, flags and the rows of architectures only: neither the scheduler, nor the state, nor the
hardware. A learner's function stands on the same floor. An ``await`` is a whole statement, or the whole right
side of an assignment, a condition or a return, and no ``for`` stands around it (tested): so the place in the
code and the local names tell where a function is.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from pyemu.calls import CALLS, KernelFunction
from pyemu.calls.declare import BUILDERS
from pyemu.effects import Effect

P = ParamSpec("P")
R = TypeVar("R")
FUNCTIONS: dict[str, KernelFunction] = {}
MODULES = (
    "apparatus",
    "arch_fault",
    "cow",
    "direct_io",
    "driver",
    "fault",
    "fault_errors",
    "file_fault",
    "filemap",
    "fixup",
    "fork",
    "futex",
    "gup",
    "gup_locked",
    "hole",
    "hugetlb",
    "hugetlb_gup",
    "iov_iter",
    "khugepaged",
    "kvm",
    "kvm_s390",
    "mcontinue",
    "mcopy",
    "mcopy_hugetlb",
    "memory",
    "mempolicy",
    "migrate",
    "mlock",
    "mmap",
    "mprotect",
    "pipe",
    "populate",
    "proc_mem",
    "process_vm",
    "read_write",
    "reclaim",
    "shmem",
    "signal",
    "splice",
    "swap",
    "syscalls",
    "truncate",
    "uaccess",
    "userfaultfd",
    "userfaultfd_ioctl",
    "writeback",
)


def implements(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Effect[R]]:
    """Register the kernel's own code of a declared function; the name then builds the call, as everywhere."""
    name = function.__name__
    declared, own = CALLS[name].parameters, tuple(inspect.signature(function).parameters)
    if declared != own:
        raise AssertionError(f"{name} is declared with {declared}, written with {own}")
    FUNCTIONS[name] = function
    stub: Callable[P, Effect[R]] = BUILDERS[name]
    return stub


def load() -> dict[str, KernelFunction]:
    """Give the kernel's own code of every declared function."""
    for module in MODULES:
        importlib.import_module(f"pyemu.kernel.{module}")
    return FUNCTIONS
