"""Steps that read and write files: the kernel copies from and to the memory of the program."""

from __future__ import annotations

from pyemu.calls.pipe import pipe_read, pipe_write
from pyemu.calls.read_write import sys_pwrite, sys_read_zero
from pyemu.effects.files import memfd_create
from pyemu.effects.handles import Pipe
from pyemu.effects.machine import report
from pyemu.effects.pages import alloc_page
from pyemu.effects.pipes import make_pipe, pipe_append, pipe_fill
from pyemu.flags import PAGE_SIZE
from pyemu.program.perform import performs, system_call
from pyemu.scenario import Action, ResolvedStep

FILLED = 3  # the byte that a fresh pipe holds


@performs(Action.READ_ZERO)
async def read_zero(step: ResolvedStep) -> None:
    """Read /dev/zero."""
    outcome = await system_call(sys_read_zero, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.TMPFS_WRITE)
async def tmpfs_write(step: ResolvedStep) -> None:
    """Write to a fresh memfd."""
    file = await memfd_create()
    outcome = await system_call(sys_pwrite, file, step.address, step.length, 0)
    await report("outcome", outcome)


async def full_pipe(length: int) -> Pipe:
    """Make a pipe that holds what another process has written."""
    pipe = await make_pipe()
    while length > 0:
        page = await alloc_page(FILLED)
        await pipe_append(pipe, page)
        await pipe_fill(pipe, min(length, PAGE_SIZE))
        length -= PAGE_SIZE
    return pipe


@performs(Action.PIPE_READ)
async def read_pipe(step: ResolvedStep) -> None:
    """Read a pipe."""
    pipe = Pipe(step.pipe)
    if not step.pipe:
        pipe = await full_pipe(step.length)
    outcome = await system_call(pipe_read, pipe, step.address, step.length)
    await report("outcome", outcome)


@performs(Action.PIPE_WRITE)
async def write_pipe(step: ResolvedStep) -> None:
    """Write to a pipe."""
    pipe = Pipe(step.pipe)
    if not step.pipe:
        pipe = await make_pipe()
    outcome = await system_call(pipe_write, pipe, step.address, step.length)
    await report("outcome", outcome)
