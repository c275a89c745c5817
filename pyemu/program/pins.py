"""Steps whose system call gets pages by get_user_pages: of the program itself, or of another process."""

from __future__ import annotations

from pyemu.calls.pins import (
    sys_futex_wake_op,
    sys_get_mempolicy,
    sys_mlock,
    sys_munlock,
    sys_odirect_write,
    sys_pin,
    sys_process_vm_readv,
    sys_procmem_read,
    sys_vmsplice,
)
from pyemu.effects.handles import Pipe, Task
from pyemu.effects.machine import report
from pyemu.effects.pipes import make_pipe
from pyemu.flags import PAGE_SIZE
from pyemu.program.perform import performs, system_call
from pyemu.scenario import Action, ResolvedStep


@performs(Action.PROCESS_VM_READV)
async def process_vm_readv(step: ResolvedStep) -> None:
    """Copy a process's memory."""
    outcome = await system_call(sys_process_vm_readv, Task(step.task), step.buffer, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.VMSPLICE)
async def vmsplice(step: ResolvedStep) -> None:
    """Put pages into a pipe."""
    pipe = Pipe(step.pipe)
    if not step.pipe:
        pipe = await make_pipe()
    outcome = await system_call(sys_vmsplice, pipe, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.ODIRECT_WRITE)
async def odirect_write(step: ResolvedStep) -> None:
    """Write to a disk past the page cache."""
    outcome = await system_call(sys_odirect_write, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.PROCMEM_READ)
async def read_proc_mem(step: ResolvedStep) -> None:
    """Read /proc/PID/mem."""
    outcome = await system_call(sys_procmem_read, Task(step.task), step.buffer, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.MLOCK)
async def lock_in_memory(step: ResolvedStep) -> None:
    """Lock pages in memory."""
    outcome = await system_call(sys_mlock, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.MUNLOCK)
async def let_go(step: ResolvedStep) -> None:
    """Let them go again."""
    outcome = await system_call(sys_munlock, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.FUTEX_WAKE_OP)
async def futex_wake_op(step: ResolvedStep) -> None:
    """Wake who waits for a futex, and change a second one."""
    outcome = await system_call(sys_futex_wake_op, step.buffer, step.address)
    await report("outcome", outcome)


@performs(Action.GET_MEMPOLICY)
async def get_mempolicy(step: ResolvedStep) -> None:
    """Ask on which node a page is."""
    outcome = await system_call(sys_get_mempolicy, step.address)
    await report("outcome", outcome)


@performs(Action.PIN)
async def pin(step: ResolvedStep) -> None:
    """Let a driver get pages."""
    outcome = await system_call(sys_pin, step.entry, step.address, step.length // PAGE_SIZE, step.gup_flags)
    await report("outcome", outcome)
