"""What others do with the traces of the benchmark, each on the part of the work that it has.

- pycachesim counts the misses of two levels; it has no walk, no address, no rights, no faults.
- Unicorn runs a guest program that loads from each address through page tables; its TLB has no geometry
  and counts nothing. All accesses are reads.
"""

from __future__ import annotations

import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from pyemu.hw import x86

U64 = npt.NDArray[np.uint64]

GIB = 1 << 30
PHYSICAL = 4 * GIB  # where Unicorn's pages lie
CODE, DATA = 0x10_0000, 0x7E00_0000_0000  # where its program and its list of addresses appear
# next: lodsq; mov bl, [rax]; dec rcx; jnz next; hlt
PROGRAM = bytes.fromhex("48ad 8a18 48ffc9 75f7 f4".replace(" ", ""))


def pycachesim(addresses: U64) -> float:
    """Million accesses a second of CPU time; 0 where it isn't installed."""
    if find_spec("cachesim") is None:
        return 0.0
    cachesim: Any = import_module("cachesim")
    second = cachesim.Cache("L2", 128, 12, 4096, "LRU")
    first = cachesim.Cache("L1", 16, 4, 4096, "LRU", load_from=second, store_to=second)
    memory = cachesim.MainMemory()
    memory.load_to(second)
    memory.store_from(second)
    simulator = cachesim.CacheSimulator(first, memory)
    trace = addresses.tolist()
    start = time.thread_time()
    simulator.load(trace)
    return len(trace) / (time.thread_time() - start) / 1e6


def unicorn(addresses: U64, base: int, n_pages: int) -> float:
    """Million loads a second of CPU time by a guest program; 0 where it isn't installed."""
    if find_spec("unicorn") is None:
        return 0.0
    uc_module: Any = import_module("unicorn")
    reg: Any = import_module("unicorn.x86_const")
    ram = bytearray(8 << 20)
    tables = iter(range(0x2000, len(ram), 0x1000)).__next__
    rights = x86.P | x86.RW | x86.A | x86.D
    n_data = (8 * len(addresses) + 0xFFF) >> 12
    for i in range(n_pages):
        x86.map_page(ram, 0x1000, base + (i << 12), PHYSICAL + (i << 12), rights, tables)
    for i in range(n_data):
        x86.map_page(ram, 0x1000, DATA + (i << 12), 8 * GIB + (i << 12), rights, tables)
    x86.map_page(ram, 0x1000, CODE, CODE + (16 << 20), rights, tables)
    uc = uc_module.Uc(uc_module.UC_ARCH_X86, uc_module.UC_MODE_64)
    uc.ctl_set_tlb_mode(uc_module.UC_TLB_CPU)
    uc.mem_map(0, len(ram))
    uc.mem_map(CODE + (16 << 20), 0x1000)
    uc.mem_map(PHYSICAL, n_pages << 12)
    uc.mem_map(8 * GIB, n_data << 12)
    uc.mem_write(0, bytes(ram))
    uc.mem_write(CODE + (16 << 20), PROGRAM)
    uc.mem_write(8 * GIB, addresses.tobytes())
    uc.reg_write(reg.UC_X86_REG_CR4, x86.CR4_PAE)
    uc.reg_write(reg.UC_X86_REG_CR3, 0x1000)
    uc.reg_write(reg.UC_X86_REG_MSR, (0xC000_0080, x86.EFER_LME | x86.EFER_LMA))
    uc.reg_write(reg.UC_X86_REG_CR0, x86.CR0_PG | x86.CR0_PE)
    uc.reg_write(reg.UC_X86_REG_RSI, DATA)
    uc.reg_write(reg.UC_X86_REG_RCX, len(addresses))
    start = time.thread_time()
    uc.emu_start(CODE, CODE + len(PROGRAM) - 1)
    seconds = time.thread_time() - start
    if uc.reg_read(reg.UC_X86_REG_RCX):
        raise RuntimeError("Unicorn's guest program did not come to its end")
    return len(addresses) / seconds / 1e6
