"""How a fault in kernel mode ends: the saved instruction pointer, the oops, page faults switched off."""

from __future__ import annotations

from pyemu.errors import HandlerError
from pyemu.flags import SIGKILL
from pyemu.sched.semantics import TaskEnded, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

OOPS = "oops"
BUG = "BUG_ON"


def own_fixup(world: World, task: Task, *_: object) -> tuple[list[Location], list[Location]]:
    """Footprint of changing where one's interrupted kernel code goes on."""
    return [], [("fixup", task.id)]


def own_switch(world: World, task: Task) -> tuple[list[Location], list[Location]]:
    """Footprint of switching one's page faults off and on."""
    return [], [("pagefault_disabled", task.id)]


@semantics(own_fixup)
def resume_at(world: World, task: Task, ip: int) -> None:
    """Set the saved instruction pointer."""
    world.state.set(("fixup", task.id), ip)
    world.event(task, "fixup", ip)


@semantics(own_fixup)
def take_fixup(world: World, task: Task) -> int:
    """Give it once."""
    ip: int = world.state.get(("fixup", task.id), 0)
    world.state.set(("fixup", task.id), 0)
    return ip


@semantics(lambda world, task, ip, address: ([], []))
def die(world: World, task: Task, ip: int, address: int) -> None:
    """End the task; what it holds stays held, as in a kernel that goes on after an oops."""
    world.event(task, "oops", ip, address)
    world.violation(
        task,
        OOPS,
        f"{task.name} touched {address:#x} from kernel code at {ip:#x}, which has no entry in the exception "
        "table.",
    )
    raise TaskEnded(signal=SIGKILL)


@semantics(lambda world, task, is_so, text: ([], []))
def bug_on(world: World, task: Task, is_so: bool, text: str) -> None:
    """End the task; what it holds stays held."""
    if is_so:
        world.event(task, "bug", text)
        world.violation(task, BUG, f"{task.name} meets a BUG_ON: {text}.")
        raise TaskEnded(signal=SIGKILL)


@semantics(own_switch)
def pagefault_disable(world: World, task: Task) -> None:
    """Switch page faults off once more."""
    world.state.set(("pagefault_disabled", task.id), world.state.get(("pagefault_disabled", task.id), 0) + 1)


@semantics(own_switch)
def pagefault_enable(world: World, task: Task) -> None:
    """End one switching off."""
    depth: int = world.state.get(("pagefault_disabled", task.id), 0)
    if not depth:
        raise HandlerError("pagefault_enable without pagefault_disable: page faults are on already.")
    world.state.set(("pagefault_disabled", task.id), depth - 1)


@semantics(lambda world, task: ([], []))
def out_of_memory(world: World, task: Task) -> None:
    """Record it; nobody is chosen and killed in this model."""
    world.event(task, "oom")
    task.stats["oom"] += 1
