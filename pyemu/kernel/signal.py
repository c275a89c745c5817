"""Signals as the fault path meets them: the test after RETRY, and delivery on the way back to user mode.

Models `include/linux/sched/signal.h` and `kernel/signal.c` of Linux v5.6 and v5.7
[fact:signal-fault-test] [fact:signal-delivery].
"""

from __future__ import annotations

from pyemu.calls.mmap import exit_mm
from pyemu.calls.signal import INTERRUPTED, RESTARTED
from pyemu.effects.handles import current
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import (
    deliver_signal,
    dequeue_signal,
    do_signal_stop,
    fatal_signal_pending,
    signal_pending,
)
from pyemu.effects.sleeping import do_exit, schedule
from pyemu.flags import ERESTARTSYS, VM_FAULT_RETRY, Signal
from pyemu.kernel import implements


@implements
async def fault_signal_pending(fault: int, regs: Regs) -> bool:
    """Say whether a signal must end this fault early: only after RETRY, when mmap_sem is gone."""
    if not fault & VM_FAULT_RETRY:
        return False
    if await fatal_signal_pending(current):
        return True
    policy = await policies()
    if not policy.leave_on_any_signal or not user_mode(regs):
        return False
    return await signal_pending(current)


@implements
async def exit_to_user_mode(regs: Regs) -> str:
    """Deliver what is pending. A signal takes effect only here: nowhere else is there a user frame.

    Each handler gets a frame on top of the last one's, so the last one runs first: if several leave the
    access, it is the one that does. What becomes of a system call that a signal ended is decided with the
    first handler; without one, the call is made again.
    """
    left = ""
    restarts = RESTARTED if regs.ax == -ERESTARTSYS else ""
    undecided = bool(restarts)
    while True:
        info = await dequeue_signal()
        if info is None:
            return left or restarts
        action = await deliver_signal(info.signal)
        if action == "stop":
            if await do_signal_stop():
                await schedule()
        elif action == "kill":
            if await current.forks:
                await exit_mm()
            await do_exit(info.signal)
        elif action == "escape":
            left = f"{Signal(info.signal).name}(code={info.code})"
        elif action == "handler" and undecided:
            restarts = INTERRUPTED
        if action in ("handler", "restart"):
            undecided = False
