"""The readable twin: page walks, TLBs and the MMU between them, in plain Python.

This is what lessons show, what runs without a compiler, and what `pyemu.hw._fast` is compared with
bit by bit. It knows no numpy. Read in this order:

- `x86` and `riscv`: one walk of the page tables, and the rights that it finds
- `paging`: which of the two holds with the present registers
- `sets`: one set of a TLB, with the policy that chooses who goes
- `caches`: the arrays of one level, and the walk caches
- `tlb`: all of them, and the ways to forget
- `loads`: what a load of registers drops
- `mmu`: one access from the TLB to the tables and back, and what the kernel does to the TLB
- `batch`: many accesses
- `bulk`: many accesses to anonymous memory, and a handler of their faults
"""

from __future__ import annotations

from pyemu.hw.ref.batch import NO_ADDRESS, RefBatch
from pyemu.hw.ref.caches import cut
from pyemu.hw.ref.mmu import RefMmu
from pyemu.hw.ref.paging import Paging
from pyemu.hw.ref.steps import physical

__all__ = ["NO_ADDRESS", "Paging", "RefBatch", "RefMmu", "cut", "physical"]
