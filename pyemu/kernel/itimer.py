"""The device behind an interval timer: it tells a process of the time [fact:itimer-rings-once]."""

from __future__ import annotations

from pyemu.effects.signals import itimer_rings


async def itimer_thread(process: int) -> None:
    """Ring whenever it is time."""
    while True:
        await itimer_rings(process)
