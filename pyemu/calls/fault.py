"""The page-fault exception (`pyemu.kernel.fault`, `pyemu.kernel.arch_fault`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import OURS, kernel_function
from pyemu.effects.handles import Vma
from pyemu.effects.records import Regs


@kernel_function("arch/x86/mm/fault.c")
def do_page_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle one page-fault exception."""


@kernel_function("arch/x86/mm/fault.c")
def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address."""


@kernel_function(OURS)
def do_arch_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address as another architecture than x86 does (its file: `pyemu.arches`)."""


@kernel_function("arch/x86/mm/fault.c")
def access_error(error_code: int, vma: Vma) -> bool:
    """Say whether the area forbids the access."""


@kernel_function("arch/x86/mm/fault.c")
def bad_area(regs: Regs, error_code: int, address: int) -> None:
    """End a fault without an area: release mmap_sem, send SIGSEGV."""


@kernel_function("arch/x86/mm/fault.c")
def bad_area_access_error(regs: Regs, error_code: int, address: int) -> None:
    """End a fault that the area forbids: release mmap_sem, send SIGSEGV."""


@kernel_function("arch/x86/mm/fault.c")
def bad_area_nosemaphore(regs: Regs, error_code: int, address: int) -> None:
    """End a fault that nothing can serve; no lock is held."""


@kernel_function("arch/x86/mm/fault.c")
def no_context(regs: Regs, error_code: int, address: int, signal: int, code: int) -> None:
    """End a fault of kernel code: at its fixup, or in an oops."""


@kernel_function("arch/x86/mm/fault.c")
def mm_fault_error(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """End a fault with error bits; mmap_sem is released already."""


@kernel_function("arch/x86/mm/fault.c")
def do_sigbus(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """End a fault whose page can't be had: SIGBUS, or the fixup."""


@kernel_function("mm/oom_kill.c")
def pagefault_out_of_memory() -> None:
    """Call the OOM killer; the access will be made again."""
