"""Signals as the fault path meets them: the test after RETRY, and delivery on the way back to user mode.

Models `include/linux/sched/signal.h` and `kernel/signal.c` of Linux v5.6 and v5.7
[fact:signal-fault-test] [fact:signal-delivery].
"""

from __future__ import annotations

from pyemu.calls.mmap import exit_mm
from pyemu.calls.signal import INTERRUPTED, RESTARTED
from pyemu.calls.uaccess import put_user
from pyemu.effects.handles import current
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import (
    deliver_signal,
    dequeue_signal,
    do_signal_stop,
    fatal_signal_pending,
    force_sig_fault,
    reset_signal_action,
    signal_action,
    signal_pending,
)
from pyemu.effects.sleeping import do_exit, schedule
from pyemu.flags import (
    ERESTART_RESTARTBLOCK,
    ERESTARTSYS,
    PAGE_MASK,
    SI_KERNEL,
    SIGSEGV,
    VM_FAULT_RETRY,
    Signal,
)
from pyemu.kernel import implements

FRAME_SIZE = 1024  # bytes: registers, siginfo and the state of the FPU
HANDLERS = ("handler", "restart", "escape")


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
    first handler; without one, the call is made again. A handler whose frame can't be written doesn't run.
    """
    left, n_frames = "", 0
    restarts = RESTARTED if regs.ax in (-ERESTARTSYS, -ERESTART_RESTARTBLOCK) else ""
    undecided = bool(restarts)
    while True:
        info = await dequeue_signal()
        if info is None:
            return left or restarts
        action = await signal_action(info.signal)
        if action in HANDLERS:
            n_frames += 1
            failed = await setup_rt_frame(n_frames)
            if failed:
                await force_sigsegv(info.signal)
                continue
        await deliver_signal(info.signal)
        if action == "stop":
            if await do_signal_stop():
                await schedule()
        elif action == "kill":
            if await current.forks:
                await exit_mm()
            await do_exit(info.signal)
        elif action == "escape":
            left = f"{Signal(info.signal).name}(code={info.code})"
        elif undecided and action in ("handler", "restart"):
            undecided = False
            if action == "handler" or regs.ax == -ERESTART_RESTARTBLOCK:
                restarts = INTERRUPTED


async def setup_rt_frame(n_frames: int) -> int:
    """Write the frame of a handler to the task's stack, below those of this return that came before.

    That is an access of the kernel like any other: a missing page costs a fault, which may wait. Gives 0, or
    -EFAULT when the stack can't be written. A task whose stack is not part of the scenario writes none.

    References
    ----------
    Linux v5.7, arch/x86/kernel/signal.c, __setup_rt_frame [fact:x86-signal-frame].
    """
    top = await current.sp
    if not top:
        return 0
    address = top - n_frames * FRAME_SIZE
    end = address + FRAME_SIZE
    while address < end:
        error = await put_user(address, 1)
        if error:
            return error
        address = (address | ~PAGE_MASK) + 1
    return 0


async def force_sigsegv(signal: int) -> None:
    """Send SIGSEGV instead of a signal whose frame can't be written; for SIGSEGV itself there is no way out.

    References
    ----------
    Linux v5.7, kernel/signal.c, force_sigsegv [fact:x86-signal-frame].
    """
    if signal == SIGSEGV:
        await reset_signal_action(SIGSEGV)
    await force_sig_fault(SIGSEGV, SI_KERNEL, 0)
