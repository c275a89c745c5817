"""KVM, which maps a process's memory for a guest (`pyemu.kernel.kvm`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Mm
from pyemu.effects.records import PfnResult


@kernel_function("virt/kvm/kvm_main.c")
def hva_to_pfn(address: int, write: bool, nowait: bool, interruptible: bool) -> PfnResult:
    """Get the page behind an address of one's own for a guest; with `nowait`, only if it is there."""


@kernel_function("virt/kvm/async_pf.c")
def async_pf_execute(mm: Mm, address: int) -> None:
    """Bring a page in for a guest that goes on meanwhile: what a worker of the kernel does."""


@kernel_function("arch/x86/kvm/mmu/mmu.c", "direct_page_fault")
def kvm_page_fault(address: int, write: bool, asynchronous: bool) -> int:
    """Serve a guest's fault: 1, or an error; 0 if the guest was told that the page is not present yet."""
