"""How a fault in kernel mode ends: served, at the fixup, or in an oops."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.operations import operation


@operation(turn=False)
def resume_at(ip: int) -> None:
    """Let the interrupted kernel code go on at another instruction: set the saved instruction pointer."""


@operation(turn=False)
def take_fixup() -> int:
    """Give the instruction at which interrupted kernel code goes on, if `resume_at` set one; else 0."""


@operation(turn=False)
def die(ip: int, address: int) -> None:
    """End the running task with an oops: kernel code faulted where it must not."""


@operation(turn=False)
def pagefault_disable() -> None:
    """Let faults of this task go straight to the fixup, until `pagefault_enable`; it nests."""


@operation(turn=False)
def pagefault_enable() -> None:
    """End one `pagefault_disable`."""


@operation(turn=False)
def out_of_memory() -> None:
    """Tell the recorder that there was no page frame for a fault."""


@operation(turn=False)
def bug_on(is_so: bool, text: str) -> None:
    """End the running task with an oops if something is so that must not be (``BUG_ON``)."""
