"""The x86 page-fault exception (`pyemu.kernel.fault`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Vma
from pyemu.effects.records import Regs


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
def bad_area_nosemaphore(regs: Regs, error_code: int, address: int) -> None:
    """End a fault that nothing can serve; no lock is held (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def no_context(regs: Regs, error_code: int, address: int, signal: int, code: int) -> None:
    """End a fault of kernel code: at its fixup, or in an oops (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def mm_fault_error(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """End a fault with error bits; mmap_sem is released already (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def do_sigbus(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """End a fault whose page can't be had: SIGBUS, or the fixup (Linux v5.7, arch/x86/mm/fault.c)."""


@kernel_function
def pagefault_out_of_memory() -> None:
    """Call the OOM killer; the access will be made again (Linux v5.7, mm/oom_kill.c)."""
