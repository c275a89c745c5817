"""The handlers of exercise H4: x86's loop of Linux 5.7, and five that differ from it in one habit.

The right one asks for a sleep that any signal ends in user mode only (B5): otherwise a harmless signal during
a copy of the kernel would be a busy loop with every handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyemu.calls.fault import access_error, bad_area, bad_area_access_error, mm_fault_error, no_context
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import find_vma
from pyemu.effects.counters import count, perf_sw_event
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import user_mode
from pyemu.effects.signals import signal_pending
from pyemu.flags import (
    BUS_ADRERR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    SIGBUS,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    X86_PF_WRITE,
)

__all__ = ["HANDLERS"]


@dataclass(frozen=True, slots=True)
class Habits:
    """What a handler does.

    Attributes
    ----------
    limit : int
        Attempts that may wait; 0: any number.
    checks_again : bool
        Each attempt asks whether the area that was found has the address; else the first one alone, and the
        last attempt alone says whether the fault was major.
    leaves_kernel : bool
        A fault from kernel mode is left for any signal.
    fixup : bool
        A fault from kernel mode that is left goes on at its fixup.
    releases : bool
        mmap_sem is released before an error is told.
    """

    limit: int = 0
    checks_again: bool = True
    leaves_kernel: bool = False
    fixup: bool = True
    releases: bool = True


def handler(habits: Habits) -> Mapping[str, Any]:
    """Give what replaces the kernel's own handler in a run."""

    async def do_user_addr_fault(regs: Any, error_code: int, address: int) -> None:
        mm = await current.mm
        flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
        if user_mode(regs):
            flags |= FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE
        if error_code & X86_PF_WRITE:
            flags |= FAULT_FLAG_WRITE
        await perf_sw_event("page-faults")
        major, n = 0, 0
        while True:
            n += 1
            await down_read(mm)
            vma = await find_vma(mm, address)
            if vma is None or ((n == 1 or habits.checks_again) and await vma.vm_start > address):
                await bad_area(regs, error_code, address)
                return
            if await access_error(error_code, vma):
                await bad_area_access_error(regs, error_code, address)
                return
            fault = await handle_mm_fault(vma, address, flags)
            major = fault & VM_FAULT_MAJOR | (major if habits.checks_again else 0)
            leaves = await fault_signal_pending(fault, regs)
            if habits.leaves_kernel and fault & VM_FAULT_RETRY:
                leaves = await signal_pending(current)
            if leaves:
                if not user_mode(regs) and habits.fixup:
                    await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
                return
            if not fault & VM_FAULT_RETRY:
                break
            flags |= FAULT_FLAG_TRIED
            if n == habits.limit:
                flags &= ~FAULT_FLAG_ALLOW_RETRY
        if habits.releases or not fault & VM_FAULT_ERROR:
            await up_read(mm)
        if fault & VM_FAULT_ERROR:
            await mm_fault_error(regs, error_code, address, fault)
        else:
            await count("maj_flt" if major else "min_flt")

    return {"do_user_addr_fault": do_user_addr_fault}


HANDLERS = {
    0: handler(Habits()),
    1: handler(Habits(limit=2)),
    2: handler(Habits(checks_again=False)),
    3: handler(Habits(leaves_kernel=True)),
    4: handler(Habits(fixup=False)),
    5: handler(Habits(releases=False)),
}
"""The right handler, 0, and the faulty ones: overrides for `pyemu.run` and `pyemu.explore.explore`."""
