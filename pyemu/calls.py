"""Calls: the kernel functions, as one kernel function sees another.

Every kernel function is called by an effect too: ``await handle_mm_fault(vma, address, flags)``. The function
declared here builds that effect; the executor pushes a frame for the kernel's own code (`pyemu.kernel`), or
for the learner's function that replaces it, and comes back with what that returned.

A learner may replace any function declared here. `ALLOWED` says what such a replacement may use.
"""

# A declared operation has a name, parameters and a text, and no body: what it does stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from pyemu.effects import Context, Effect, Mm, Regs, Vma

P = ParamSpec("P")
R = TypeVar("R")
KernelFunction = Callable[..., Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class CallDeclaration:
    """A kernel function as others see it.

    Attributes
    ----------
    name : str
        Its name.
    parameters : tuple of str
        Names of its parameters.
    kinds : tuple of str
        Their types, as in `pyemu.effects.Operation`.
    returns : str
        What it gives: ``int``, ``bool``, ``str`` or ``None``.
    """

    name: str
    parameters: tuple[str, ...]
    kinds: tuple[str, ...]
    returns: str


CALLS: dict[str, CallDeclaration] = {}


def kernel_function(function: Callable[P, R]) -> Callable[P, Effect[R]]:
    """Declare a kernel function: the function below gives name, parameters and text."""
    name = function.__name__
    signature = inspect.signature(function)
    CALLS[name] = CallDeclaration(
        name,
        tuple(signature.parameters),
        tuple(str(one.annotation) for one in signature.parameters.values()),
        str(signature.return_annotation),
    )

    def build(*args: P.args, **kwargs: P.kwargs) -> Effect[R]:
        if kwargs or len(args) != len(signature.parameters):
            args = signature.bind(*args, **kwargs).args  # type: ignore[assignment]
        return Effect("call", (name, *args))

    build.__name__ = build.__qualname__ = name
    build.__doc__ = function.__doc__
    build.__signature__ = signature  # type: ignore[attr-defined]
    return build


@kernel_function
def do_page_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle one page-fault exception (Linux v5.7, arch/x86/mm/fault.c, do_page_fault)."""


@kernel_function
def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address (Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault)."""


@kernel_function
def access_error(error_code: int, vma: Vma) -> bool:
    """Say whether the area forbids the access (Linux v5.7, arch/x86/mm/fault.c, access_error)."""


@kernel_function
def bad_area(regs: Regs, error_code: int, address: int) -> None:
    """End a fault without an area: release mmap_sem, send SIGSEGV (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def bad_area_access_error(regs: Regs, error_code: int, address: int) -> None:
    """End a fault that the area forbids: release mmap_sem, send SIGSEGV (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def mm_fault_error(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """End a fault with error bits; mmap_sem is released already (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def fault_signal_pending(fault: int, regs: Regs) -> bool:
    """Say whether a signal must end this fault early (Linux v5.7, include/linux/sched/signal.h)."""


@kernel_function
def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
    """Make one attempt; give VM_FAULT_* bits (Linux v5.7, mm/memory.c). With RETRY, mmap_sem is gone."""


@kernel_function
def do_anonymous_page(vma: Vma, address: int, flags: int) -> int:
    """Serve a missing page of anonymous memory (Linux v5.7, mm/memory.c)."""


@kernel_function
def do_wp_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Serve a write to a read-only page of a writable area (Linux v5.7, mm/memory.c)."""


@kernel_function
def handle_userfault(vma: Vma, address: int, flags: int) -> int:
    """Hand a fault to the monitor and wait (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def userfaultfd_must_wait(mm: Mm, address: int) -> bool:
    """Say whether the page is still missing (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def exit_to_user_mode(regs: Regs) -> str:
    """Deliver pending signals before user mode goes on; name the one whose handler left the access."""


@kernel_function
def sys_poll(context: Context, ticks: int) -> bool:
    """Sleep until a message is there, at most `ticks` (-1: for ever); say whether one is."""


@kernel_function
def sys_nanosleep(ticks: int) -> None:
    """Sleep for `ticks` microseconds of virtual time."""


@kernel_function
def userfaultfd_copy(context: Context, address: int, byte: int, wake: bool) -> int:
    """UFFDIO_COPY: fill one missing page with a byte; 0, or -EEXIST, or -ENOENT (Linux v5.7)."""


@kernel_function
def userfaultfd_unregister(context: Context, start: int, length: int) -> int:
    """UFFDIO_UNREGISTER: detach a range and wake its waiters (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def userfaultfd_close(context: Context) -> None:
    """Close a userfaultfd: detach every area, wake every waiter (Linux v5.7, fs/userfaultfd.c)."""


@kernel_function
def sys_mmap_fixed(start: int, length: int, vm_flags: int) -> None:
    """Map fresh anonymous memory over a range of the running task's address space (MAP_FIXED)."""


@kernel_function
def sys_munmap(start: int, length: int) -> None:
    """Unmap a range of the running task's address space."""


@kernel_function
def sys_madvise_dontneed(start: int, length: int) -> None:
    """Give the pages of a range back; the area stays (MADV_DONTNEED)."""


# What a replacement of a kernel function may use: operations and calls by name. A read of a field is
# ``vma.vm_flags``. What is not listed here is refused, and the name that is replaced leads to itself.
_ARCH_FAULT = frozenset(
    {
        "task.mm",
        "down_read",
        "down_read_trylock",
        "down_read_killable",
        "up_read",
        "find_vma",
        "vma.vm_start",
        "vma.vm_end",
        "vma.vm_flags",
        "signal_pending",
        "fatal_signal_pending",
        "flush_signals",
        "force_sig_fault",
        "perf_sw_event",
        "count",
        "access_error",
        "bad_area",
        "bad_area_access_error",
        "mm_fault_error",
        "fault_signal_pending",
        "handle_mm_fault",
    }
)
ALLOWED: dict[str, frozenset[str]] = {"do_user_addr_fault": _ARCH_FAULT}
