"""KVM on s390: run a guest, and deal with what ended its run.

Models `arch/s390/kvm/kvm-s390.c` of Linux v5.7 [fact:arch-s390-pfault]. The guest's memory is an area of
the program that runs it, and a fault of the guest is one of the instruction that runs it: in kernel mode, and
with an entry in the exception table. A guest does one thing here: it reads or writes one byte. It can't be
told that a page is on its way, so the page is brought at once.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.gup import fixup_user_fault
from pyemu.effects.extable import SIE, SIE_PFAULT
from pyemu.effects.handles import current
from pyemu.effects.hardware import access_user
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.signals import signal_pending
from pyemu.flags import EFAULT, EINTR, FAULT_FLAG_WRITE
from pyemu.kernel import implements
from pyemu.kernel.uaccess import fault_in_kernel


@implements
async def vcpu_run(address: int, kind: str, byte: int) -> int:
    """Run the guest until it has done its access, or a signal is pending."""
    while True:
        done: Any = await access_user(address, kind, byte)
        if done.value is not None:
            value: int = done.value
            return value
        ip = await fault_in_kernel(SIE, done.error_code, address)
        if ip == SIE_PFAULT:
            error = await fault_in_page(address)
            if error:
                return error
        elif ip != SIE:
            return -EFAULT  # Linux lets the guest see an addressing exception
        if await signal_pending(current):
            return -EINTR


async def fault_in_page(address: int) -> int:
    """Bring a page for the guest, to be written whatever the guest wants (``kvm_arch_fault_in_page``).

    Where the lock was lost meanwhile, the address is translated again, and all begins anew (``gmap_fault``).
    """
    mm = await current.mm
    await down_read(mm)
    while True:
        fixed = await fixup_user_fault(current, mm, address, FAULT_FLAG_WRITE, False)
        if fixed.error or not fixed.unlocked:
            break
    await up_read(mm)
    return -EFAULT if fixed.error else 0
