"""Steps of a KVM guest: a CPU of it, and the worker of the kernel that waits for pages in its place."""

from __future__ import annotations

from pyemu.calls.kvm import async_pf_execute, kvm_page_fault
from pyemu.effects.handles import Task
from pyemu.effects.machine import report
from pyemu.effects.posts import post
from pyemu.flags import FOLL_WRITE
from pyemu.program.perform import performs, system_call
from pyemu.scenario import Action, ResolvedStep

NOT_PRESENT = "ret=0"


@performs(Action.VCPU_FAULT)
async def fault_of_a_guest(step: ResolvedStep) -> None:
    """Let a guest touch its memory; if it is told that the page is not present, a worker gets the work."""
    write = bool(step.gup_flags & FOLL_WRITE)
    outcome = await system_call(kvm_page_fault, step.address, write, bool(step.task))
    await report("outcome", outcome)
    if outcome == NOT_PRESENT:
        await post(Task(step.task))


@performs(Action.ASYNC_PF)
async def bring_page(step: ResolvedStep) -> None:
    """Bring a page in, and tell the guest."""
    mm = await Task(step.task).mm
    await async_pf_execute(mm, step.address)
    await post(Task(step.task))
