"""How an x86 page fault ends without a page: a signal, the fixup of kernel code, an oops, out of memory.

Models the functions around `do_user_addr_fault` in `arch/x86/mm/fault.c` of Linux v5.6 and v5.7
[fact:x86-bad-area] [fact:x86-fault-error] [fact:x86-fixup].
"""

from __future__ import annotations

from pyemu.effects.exceptions import die, out_of_memory, resume_at
from pyemu.effects.extable import search_exception_tables
from pyemu.effects.handles import current
from pyemu.effects.locks import up_read
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import fatal_signal_pending, force_sig_fault
from pyemu.flags import (
    BUS_ADRERR,
    BUS_MCEERR_AR,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SIGBUS,
    SIGSEGV,
    VM_FAULT_HWPOISON,
    VM_FAULT_HWPOISON_LARGE,
    VM_FAULT_OOM,
    VM_FAULT_SIGBUS,
)
from pyemu.kernel import implements


@implements
async def no_context(regs: Regs, error_code: int, address: int, signal: int, code: int) -> None:
    """Let kernel code go on at its fixup, or oops. No signal is sent: the code reports -EFAULT or less done.

    `signal` and `code` would matter only for the emulation of vsyscalls, which is not modelled.
    """
    fixup = search_exception_tables(regs.ip)
    if fixup:
        await resume_at(fixup)
    else:
        await die(regs.ip, address)


@implements
async def bad_area_nosemaphore(regs: Regs, error_code: int, address: int) -> None:
    """End a fault without an area; no lock is held."""
    await end_bad_area(regs, error_code, address, SEGV_MAPERR)


async def end_bad_area(regs: Regs, error_code: int, address: int, code: int) -> None:
    """Send SIGSEGV for an access in user mode; in kernel mode take the fixup."""
    if user_mode(regs):
        await force_sig_fault(SIGSEGV, code, address)
    else:
        await no_context(regs, error_code, address, SIGSEGV, code)


@implements
async def bad_area(regs: Regs, error_code: int, address: int) -> None:
    """Release mmap_sem: there is no area."""
    mm = await current.mm
    await up_read(mm)
    await end_bad_area(regs, error_code, address, SEGV_MAPERR)


@implements
async def bad_area_access_error(regs: Regs, error_code: int, address: int) -> None:
    """Release mmap_sem: the area forbids the access."""
    mm = await current.mm
    await up_read(mm)
    await end_bad_area(regs, error_code, address, SEGV_ACCERR)


@implements
async def mm_fault_error(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """Do what the error bits ask for; mmap_sem is released already."""
    doomed = await fatal_signal_pending(current)
    if doomed and not user_mode(regs):
        await no_context(regs, error_code, address, 0, 0)
        return
    if fault & VM_FAULT_OOM:
        if user_mode(regs):
            await pagefault_out_of_memory()
        else:
            await no_context(regs, error_code, address, SIGSEGV, SEGV_MAPERR)
    elif fault & (VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE):
        await do_sigbus(regs, error_code, address, fault)
    else:
        await bad_area_nosemaphore(regs, error_code, address)


@implements
async def do_sigbus(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """Send SIGBUS for an access in user mode; in kernel mode take the fixup."""
    poison = fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)
    if not user_mode(regs):
        await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
    else:
        await force_sig_fault(SIGBUS, BUS_MCEERR_AR if poison else BUS_ADRERR, address)


@implements
async def pagefault_out_of_memory() -> None:
    """Tell that memory ran out. The access faults again: whom to kill is not modelled."""
    await out_of_memory()
