"""What the CPU does for a task."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.operations import operation
from pyemu.effects.records import AccessResult


@operation()
def access(address: int, kind: str, value: int) -> AccessResult:
    """Let the CPU of the running task make one access: TLB, walk, permission, A and D bits."""
