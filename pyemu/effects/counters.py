"""Counters of a task, of perf and of /proc/vmstat."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Task
from pyemu.effects.operations import operation


@operation(turn=False)
def count(counter: str) -> None:
    """Add one to a counter of the running task: ``maj_flt`` or ``min_flt``."""


@operation(turn=False)
def count_for(task: Task, counter: str) -> None:
    """Add one to a counter of a task, which may be another than the running one."""


@operation(turn=False)
def perf_sw_event(event: str) -> None:
    """Count a perf software event: ``page-faults``, ``major-faults`` or ``minor-faults``."""


@operation(turn=False)
def count_vm_event(event: str) -> None:
    """Count an event of /proc/vmstat: ``pgfault``, ``pgmajfault``, or ``vma_lock_...``."""
