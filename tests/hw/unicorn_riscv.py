"""A second opinion on RISC-V: Unicorn's 64-bit hart (QEMU's translation) makes one access at a time.

Traps that this harness steps around, seen with Unicorn 2.1.4:

- stval and scause stay 0. The cause arrives in the interrupt hook; the address is told nowhere.
- To read a supervisor register in user mode ends in an exception inside Unicorn. Nothing is read here.
- Bits 63..54 of an entry are taken as part of the frame's number, and A, D and U of an entry that points
  to a table are ignored; since version 1.12 the specification calls both reserved and wants a fault.
  Such entries can't be compared.
- There is no Svade: the hart sets A and D, in the leaf, if the access succeeds.

Loads and stores are made in machine mode with mstatus.MPRV, which translates them as those of the mode in
MPP; so our own code needs no page. A fetch is the target of an mret. All pages lie where there is no
memory, and the hook that tells this tells the physical address.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pyemu.hw import Kind

unicorn: Any = import_module("unicorn")  # its type hints are incomplete
reg: Any = import_module("unicorn.riscv_const")

CODE = {
    Kind.READ: 0x0005_C503,  # lbu a0, 0(a1)
    Kind.WRITE: 0x00A5_8023,  # sb a0, 0(a1)
    Kind.FETCH: 0x3020_0073,  # mret
}
AT = {kind: 4 * i for i, kind in enumerate(CODE)}
MPP_SHIFT, MPRV, SUM, MXR = 11, 1 << 17, 1 << 18, 1 << 19  # of mstatus
FLUSH_TLB = 11  # UC_CTL_TLB_FLUSH


@dataclass(frozen=True)
class Outcome:
    """What an access did: exactly one of the two is set."""

    pa: int | None = None
    cause: int | None = None
    """12, 13 or 15: page fault of a fetch, a load, a store."""


class UnicornHart:
    """One hart over a ram of its own: `ram`, a copy of `image`, whose page at `spare` is for its code."""

    def __init__(self, image: bytes | bytearray, spare: int) -> None:
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        uc.ctl_set_tlb_mode(unicorn.UC_TLB_CPU)
        self.ram = bytearray(image)
        self._memory = (ctypes.c_char * len(image)).from_buffer(self.ram)  # keeps ram in place
        uc.mem_map_ptr(0, len(image), unicorn.UC_PROT_ALL, ctypes.addressof(self._memory))
        self._code = spare
        for kind, instruction in CODE.items():
            at = spare + AT[kind]
            self.ram[at : at + 4] = instruction.to_bytes(4, "little")
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(
            unicorn.UC_HOOK_MEM_READ_UNMAPPED
            | unicorn.UC_HOOK_MEM_WRITE_UNMAPPED
            | unicorn.UC_HOOK_MEM_FETCH_UNMAPPED,
            self._on_unmapped,
        )
        self._clean = uc.context_save()  # machine mode
        self._seen: list[Outcome] = []

    def _on_interrupt(self, uc: Any, cause: int, _: object) -> None:
        self._seen.append(Outcome(cause=cause))
        uc.emu_stop()

    def _on_unmapped(self, _uc: Any, _type: int, pa: int, *_: object) -> bool:
        self._seen.append(Outcome(pa))
        return False

    def access(self, satp: int, priv: int, sum_: bool, mxr: bool, va: int, kind: int) -> Outcome:
        """Make one access without a TLB; A and D bits change in `ram`.

        Parameters
        ----------
        satp : int
            The register, with the mode that Unicorn knows (8: Sv39, 9: Sv48).
        priv : int
            0 for user mode, 1 for supervisor mode.
        sum_, mxr : bool
            The bits of sstatus.
        va : int
            Virtual address; even for fetches, because mret clears bit 0.
        kind : int
            A number of `Kind`.
        """
        if kind == Kind.FETCH and va & 1:
            raise ValueError(f"va is {va:#x}; fetches must be at even addresses")
        uc = self._uc
        uc.context_restore(self._clean)
        uc.reg_write(reg.UC_RISCV_REG_SATP, satp)
        status = priv << MPP_SHIFT | sum_ * SUM | mxr * MXR | (kind != Kind.FETCH) * MPRV
        uc.reg_write(reg.UC_RISCV_REG_MSTATUS, status)
        uc.reg_write(reg.UC_RISCV_REG_MEPC if kind == Kind.FETCH else reg.UC_RISCV_REG_A1, va)
        uc.ctl(FLUSH_TLB, unicorn.UC_CTL_IO_WRITE)
        self._seen.clear()
        try:
            uc.emu_start(self._code + AT[Kind(kind)], 0, count=2 if kind == Kind.FETCH else 1)
        except unicorn.UcError:
            if not self._seen:
                raise
        return self._seen[0]
