"""The invariants I1 to I6 of the fault path, and the balance of locks, asserted while a machine runs.

A broken invariant is an event and an entry in the result; the run goes on, as a kernel would. I3 (every RETRY
first waited) shows as a spin and is found by `pyemu.sched.spin`.
"""

from __future__ import annotations

from typing import Any

from pyemu.effects.handles import Handle
from pyemu.flags import SIGKILL, FaultFlag, VmFault, names
from pyemu.sched import lockdep
from pyemu.sched.lockdep import LockClass
from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task
from pyemu.state import VmaState

ERRORS = (
    VmFault.OOM
    | VmFault.SIGBUS
    | VmFault.SIGSEGV
    | VmFault.HWPOISON
    | VmFault.HWPOISON_LARGE
    | VmFault.FALLBACK
)


def holds(world: World, task: Task, mm: int, flags: int) -> bool:
    """Say whether the fault holds its lock: mmap_sem, or that of its area alone."""
    if flags & FaultFlag.VMA_LOCK:
        return any(kind == LockClass.AREA for kind, _ in task.locks)
    return task.holds_lock(mm)


def faulting(world: World, task: Task, vma: Any) -> tuple[int, bool]:
    """Give the address space that a fault is about, which may be another's, and whether its area is alive."""
    area: VmaState | None = world.state.data.get(("vma", vma.id)) if isinstance(vma, Handle) else None
    if area is None:
        return task.mm, True
    world.look(("vma", vma.id))
    return area.mm, area.alive


def on_attempt(world: World, task: Task, vma: Any, flags: int) -> None:
    """Check what a caller of handle_mm_fault promises: I5, and mmap_sem held."""
    mm, _ = faulting(world, task, vma)
    if not holds(world, task, mm, flags):
        world.violation(
            task,
            "I1",
            f"{task.name} calls handle_mm_fault without mmap_sem.",
        )
    again = task.attempt - task.by_area > 1  # RETRY under the area's own lock only asks for mmap_sem
    task.by_area += bool(flags & FaultFlag.VMA_LOCK)
    if again and task.last_result & VmFault.RETRY and not flags & FaultFlag.TRIED:
        world.violation(
            task,
            "I5",
            f"attempt {task.attempt} has flags {flags:#x} ({names(flags, FaultFlag)}) without TRIED.",
        )


def on_attempt_end(world: World, task: Task, vma: Any, flags: int, bits: Any) -> None:
    """Check what handle_mm_fault promises: I1, I2, I4, I6, and an area that is still there."""
    if not isinstance(bits, int):
        return
    mm, alive = faulting(world, task, vma)
    held = holds(world, task, mm, flags)
    retry = bool(bits & VmFault.RETRY)
    world.look(("signal", task.id))
    if retry and not flags & FaultFlag.RETRY_NOWAIT and held:
        world.violation(
            task, "I1", "handle_mm_fault gave RETRY and still holds mmap_sem; the caller will not release it."
        )
    completed = bits & VmFault.COMPLETED  # from 6.0 on: served, and the lock is dropped
    if held is False and not completed and (not retry or flags & FaultFlag.RETRY_NOWAIT):
        world.violation(
            task,
            "I1",
            f"handle_mm_fault gave {bits:#x} and dropped mmap_sem; the caller will release it again.",
        )
    if held and not alive and not retry and not completed:
        world.violation(
            task,
            "dangling vma",
            f"handle_mm_fault gave {bits:#x} as if it had held mmap_sem all the time, and the vma of its "
            "caller was freed.",
        )
    killed = SIGKILL in world.state.data.get(("signal", task.id), ())
    if retry and not flags & FaultFlag.ALLOW_RETRY and not killed:
        world.violation(
            task,
            "I2",
            "handle_mm_fault gave RETRY, though the caller did not allow it and no SIGKILL is pending.",
        )
    if retry and bits & ERRORS:
        world.violation(
            task, "I4", f"handle_mm_fault gave RETRY together with an error: {names(bits, VmFault)}."
        )
    if retry and task.attempt - task.by_area > 1 and not task.waited_in_userfault and not killed:
        world.violation(
            task,
            "I6",
            f"attempt {task.attempt} gave RETRY without a userfaultfd.",
        )


def on_user_mode(world: World, task: Task) -> None:
    """Check that a task takes no lock along to user mode."""
    for _, mode in task.holds:
        world.violation(
            task,
            "mmap_sem held on return",
            f"{task.name} goes back to user mode holding mmap_sem for {mode}.",
        )
    lockdep.on_user_mode(world, task, ends=False)


def on_exit(world: World, task: Task) -> None:
    """Check that a task ends without a lock and without an entry in a queue."""
    for _, mode in task.holds:
        world.violation(task, "mmap_sem held on exit", f"{task.name} ended holding mmap_sem for {mode}.")
    lockdep.on_user_mode(world, task, ends=True)
