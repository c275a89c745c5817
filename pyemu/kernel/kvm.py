"""KVM: a guest's memory is a process's memory, so a guest's fault becomes a call of get_user_pages.

Models `virt/kvm/kvm_main.c`, `virt/kvm/async_pf.c` and, for x86, `arch/x86/kvm/mmu/mmu.c` of Linux v5.7 and
v6.2 [fact:kvm-nowait] [fact:kvm-async-page-fault] [fact:kvm-signal-pending]. The guest's own page tables are
left out: a page that was found is given back at once.
"""

from __future__ import annotations

from pyemu.calls.gup import get_user_pages_remote, get_user_pages_unlocked
from pyemu.effects.areas import find_vma_intersection
from pyemu.effects.gup import gup_fast_pte
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.machine import policies
from pyemu.effects.pages import put_page
from pyemu.effects.records import PfnResult
from pyemu.flags import (
    EFAULT,
    EINTR,
    FOLL_GET,
    FOLL_HWPOISON,
    FOLL_INTERRUPTIBLE,
    FOLL_NOWAIT,
    FOLL_WRITE,
    PAGE_MASK,
    VM_READ,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.gup import put_pages


@implements
async def hva_to_pfn(address: int, write: bool, nowait: bool, interruptible: bool) -> PfnResult:
    """Try the page table, then get_user_pages; without a page, say whether waiting would help.

    With FOLL_NOWAIT no page and no error means that one would have to wait.
    """
    mm = await current.mm
    pfn = await gup_fast_pte(mm, address & PAGE_MASK, FOLL_GET | FOLL_WRITE)
    if pfn:
        return PfnResult(pfn)
    flags = FOLL_HWPOISON
    flags |= FOLL_WRITE if write else 0
    flags |= FOLL_NOWAIT if nowait else 0
    flags |= FOLL_INTERRUPTIBLE if interruptible else 0
    got = await get_user_pages_unlocked(address & PAGE_MASK, 1, flags)
    if got.n == 1:
        return PfnResult(got.pages[0])
    policy = await policies()
    if policy.knows_foll_interruptible and got.n == -EINTR:
        return PfnResult(-EINTR)
    await down_read(mm)
    areas: tuple[Vma, ...] = await find_vma_intersection(mm, address, address + 1)
    wait = False
    if areas and nowait:
        vm_flags = await areas[0].vm_flags
        wait = bool(vm_flags & (VM_WRITE if write else VM_READ))
    await up_read(mm)
    return PfnResult(-EFAULT, wait)


@implements
async def async_pf_execute(mm: Mm, address: int) -> None:
    """Wait for the page in the guest's place; the fault counts for no task [fact:kvm-async-page-fault]."""
    await down_read(mm)
    got = await get_user_pages_remote(None, mm, address & PAGE_MASK, 1, FOLL_WRITE, 1)
    if got.locked:
        await up_read(mm)
    await put_pages(got.pages)


@implements
async def kvm_page_fault(address: int, write: bool, asynchronous: bool) -> int:
    """Ask without waiting; then let a worker wait if the guest can do something else, else wait here.

    Entry and exit: no lock held. From v6.2 on any signal ends the wait here [fact:kvm-signal-pending].
    """
    found = await hva_to_pfn(address, write, True, False)
    if found.wait and asynchronous:
        return 0
    if found.wait:
        found = await hva_to_pfn(address, write, False, True)
    if found.pfn < 0:
        return found.pfn
    await put_page(found.pfn)
    return 1
