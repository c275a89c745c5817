"""The disk: it serves one request after the other. A kernel has interrupts where this model has a task."""

from __future__ import annotations

from pyemu.effects.disk import end_request, next_request
from pyemu.effects.sleeping import schedule_timeout, set_current_state
from pyemu.flags import TASK_UNINTERRUPTIBLE


async def disk_thread() -> None:
    """Serve requests for ever."""
    while True:
        ticks = await next_request()
        await set_current_state(TASK_UNINTERRUPTIBLE)
        await schedule_timeout(ticks)
        await end_request()
