"""Steps that access memory, and those that change what is mapped."""

from __future__ import annotations

from typing import Any

from pyemu.calls.fault import do_page_fault
from pyemu.calls.gup import __mm_populate
from pyemu.calls.mmap import sys_madvise_dontneed, sys_mmap_fixed, sys_mprotect, sys_munmap
from pyemu.calls.signal import exit_to_user_mode
from pyemu.effects.entries import pagemap
from pyemu.effects.hardware import access
from pyemu.effects.machine import report
from pyemu.flags import VM_READ, VM_WRITE
from pyemu.program.perform import USER, performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.READ, Action.WRITE)
async def access_memory(step: ResolvedStep) -> None:
    """Access one byte until it works or a signal handler leaves; tell the outcome as the records name it."""
    while True:
        done: Any = await access(step.address, step.do.value, step.byte)
        if done.value is not None:
            await report("outcome", f"ret={done.value}")
            return
        await do_page_fault(USER, done.error_code, step.address)
        left = await exit_to_user_mode(USER)
        if left:
            await report("outcome", left)
            return


@performs(Action.MMAP_FIXED)
async def map_over(step: ResolvedStep) -> None:
    """Map fresh memory over a range."""
    await sys_mmap_fixed(step.address, step.length, int(VM_READ | VM_WRITE))


@performs(Action.MUNMAP)
async def unmap(step: ResolvedStep) -> None:
    """Unmap a range."""
    await sys_munmap(step.address, step.length)


@performs(Action.MADV_DONTNEED)
async def give_back(step: ResolvedStep) -> None:
    """Give the pages of a range back."""
    await sys_madvise_dontneed(step.address, step.length)


@performs(Action.PAGEMAP)
async def look_up(step: ResolvedStep) -> None:
    """Tell what /proc/self/pagemap shows of a page."""
    words = await pagemap(step.address)
    await report(f"pagemap {step.label}", words)


PROT = {"none": 0, "r": int(VM_READ), "rw": int(VM_READ | VM_WRITE)}


@performs(Action.MPROTECT)
async def protect(step: ResolvedStep) -> None:
    """Allow or forbid reading and writing of a range."""
    await sys_mprotect(step.address, step.length, PROT[step.prot])


@performs(Action.POPULATE)
async def populate(step: ResolvedStep) -> None:
    """Bring the pages of a range in, as MAP_POPULATE does when memory is mapped."""
    await __mm_populate(step.address, step.length, True)
