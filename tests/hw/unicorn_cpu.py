"""A second opinion: Unicorn's x86-64 CPU (QEMU's translation) makes one access at a time.

Traps that this harness steps around, seen with Unicorn 2.1.4:

- Paging is used only with ``UC_TLB_CPU``, and once CR0.PG is set it must stay set.
- A first #PF reaches the interrupt hook as 14; a second one in the same context arrives as 8 (double
  fault). So every access starts from a context that has never seen a fault.
- The error code isn't among the registers. It lies in the saved context; its place is found by
  making faults whose code is known.
- An access to a physical address without memory ends in a hook that tells this address. So all
  pages lie where there is no memory, and no access has another effect than A and D bits. No translation
  of such a page stays in the TLB; others are flushed, so that every access walks.
- In a walk that faults, A is set in each table that was passed, and in a leaf of 1 GiB.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar

from pyemu.hw import GeneralProtection, Kind, PageFault, Registers, x86
from pyemu.hw.check import AdOnFault
from pyemu.hw.mmu import InvpcidKind
from tests.hw.oracle import Seen

unicorn: Any = import_module("unicorn")  # its type hints are incomplete
reg: Any = import_module("unicorn.x86_const")

CODE_USER = 0xFFFF_FF00_0000_0000  # level-4 slot 510, level-5 slot 511
CODE_KERNEL = 0xFFFF_FF80_0000_0000  # level-4 slot 511, level-5 slot 511
READ_AT, WRITE_AT, SYSRET_AT = 0, 16, 32
MSR_EFER, MSR_STAR = 0xC000_0080, 0xC000_0081
EFER_SCE = 1
NO_FLUSH = 1 << 63  # of what is written to CR3
EFLAGS_AC = 1 << 18
FLUSH_TLB = 11  # UC_CTL_TLB_FLUSH


class UnicornCpu:
    """The CPU over a ram of its own; see `tests.hw.oracle.Oracle`. It has no stale translations."""

    cpls: ClassVar[tuple[int, ...]] = (0, 3)
    ad_on_fault: ClassVar[AdOnFault] = "per_level"
    maxphyaddr: ClassVar[int] = 40  # of every CPU model
    levels: ClassVar[int] = 4

    def __init__(self, image: bytes | bytearray, root: int, spare: int) -> None:
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        uc.ctl_set_cpu_model(reg.UC_CPU_X86_ICELAKE_SERVER)  # it has SMEP and SMAP
        uc.ctl_set_tlb_mode(unicorn.UC_TLB_CPU)
        self.ram = ram = bytearray(image)
        self._memory = (ctypes.c_char * len(ram)).from_buffer(ram)  # keeps ram in place
        uc.mem_map_ptr(0, len(ram), unicorn.UC_PROT_ALL, ctypes.addressof(self._memory))
        self._put_code(root, iter(range(spare, len(ram), 0x1000)))
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        uc.hook_add(
            unicorn.UC_HOOK_MEM_READ_UNMAPPED
            | unicorn.UC_HOOK_MEM_WRITE_UNMAPPED
            | unicorn.UC_HOOK_MEM_FETCH_UNMAPPED,
            self._on_unmapped,
        )
        self._vector: int | None = None
        self._pa: int | None = None
        self._start(root)
        self._error_code_at = self._calibrate(root)

    def _put_code(self, root: int, pages: Iterator[int]) -> None:
        ram, code = self.ram, next(pages)
        ram[code + READ_AT : code + READ_AT + 2] = b"\x8a\x06"  # mov al, [rsi]
        ram[code + WRITE_AT : code + WRITE_AT + 2] = b"\x88\x06"  # mov [rsi], al
        ram[code + SYSRET_AT : code + SYSRET_AT + 3] = b"\x48\x0f\x07"  # sysretq
        tables = x86.P | x86.RW | x86.US | x86.A  # A is set, so that no access changes these entries
        for va, rights in ((CODE_KERNEL, x86.P), (CODE_USER, x86.P | x86.US)):
            leaf = rights | x86.A
            x86.map_page(ram, root, va, code, leaf, pages.__next__, table_flags=tables, levels=self.levels)

    @property
    def _cr4(self) -> int:
        return x86.CR4_PAE | (x86.CR4_LA57 if self.levels == 5 else 0)

    def _on_interrupt(self, uc: Any, vector: int, _: object) -> None:
        self._vector = vector
        uc.emu_stop()

    def _on_unmapped(self, _uc: Any, _type: int, pa: int, *_: object) -> bool:
        self._pa = pa
        return False

    def _start(self, root: int) -> None:
        """Enter 64-bit mode, and save a clean context of each privilege level."""
        uc = self._uc
        uc.reg_write(reg.UC_X86_REG_CR4, self._cr4)
        uc.reg_write(reg.UC_X86_REG_CR3, root)
        uc.reg_write(reg.UC_X86_REG_MSR, (MSR_EFER, EFER_SCE | x86.EFER_LME | x86.EFER_LMA))
        uc.reg_write(reg.UC_X86_REG_CR0, x86.CR0_PG | x86.CR0_PE)
        uc.reg_write(reg.UC_X86_REG_MSR, (MSR_STAR, 0x18 << 48 | 0x08 << 32))
        self._clean = {0: uc.context_save()}
        uc.reg_write(reg.UC_X86_REG_RCX, CODE_USER)
        uc.reg_write(reg.UC_X86_REG_R11, 2)
        uc.emu_start(CODE_KERNEL + SYSRET_AT, 0, count=1)
        if uc.reg_read(reg.UC_X86_REG_CS) & 3 != 3 or self._vector is not None:
            raise RuntimeError("Unicorn did not enter user mode")
        self._clean[3] = uc.context_save()

    def _calibrate(self, root: int) -> int:
        """Find the error code in the saved context: the only place that is right for each fault."""
        places: set[int] | None = None
        absent = CODE_KERNEL + 0x1000  # our own last table has one entry
        for cpl, kind, code in ((0, Kind.READ, 0), (0, Kind.WRITE, 2), (3, Kind.READ, 4), (3, Kind.WRITE, 6)):
            cpu = Registers(cr0=x86.CR0_PG | x86.CR0_PE, cr3=root, cr4=self._cr4, efer=0x500, cpl=cpl)
            self._run(cpu, absent, kind)
            saved = bytes(self._uc.context_save())
            here = {
                i for i in range(0, len(saved) - 4, 4) if int.from_bytes(saved[i : i + 4], "little") == code
            }
            places = here if places is None else places & here
        if places is None or len(places) != 1:
            raise RuntimeError(f"the error code's place in the context is ambiguous: {places}")
        return places.pop()

    def _run(self, cpu: Registers, va: int, kind: int) -> None:
        uc = self._uc
        uc.context_restore(self._clean[cpu.cpl])
        uc.reg_write(reg.UC_X86_REG_CR3, cpu.cr3)
        uc.reg_write(reg.UC_X86_REG_MSR, (MSR_EFER, cpu.efer | EFER_SCE))
        uc.reg_write(reg.UC_X86_REG_CR4, cpu.cr4)
        uc.reg_write(reg.UC_X86_REG_CR0, cpu.cr0)
        uc.reg_write(reg.UC_X86_REG_EFLAGS, 2 | (EFLAGS_AC if cpu.ac else 0))
        uc.reg_write(reg.UC_X86_REG_RSI, va)
        uc.ctl(FLUSH_TLB, unicorn.UC_CTL_IO_WRITE)
        self._vector = self._pa = None
        code = CODE_USER if cpu.user else CODE_KERNEL
        at = va if kind == Kind.FETCH else code + (WRITE_AT if kind == Kind.WRITE else READ_AT)
        try:
            uc.emu_start(at, 0, count=1)
        except unicorn.UcError:
            if self._pa is None:
                raise

    def load(self, cpu: Registers) -> None:
        """Load CR3 and the other registers."""
        self._cpu = cpu

    def set_mode(self, cpl: int, ac: bool) -> None:
        """Change privilege level and EFLAGS.AC."""
        self._cpu = replace(self._cpu, cpl=cpl, ac=ac)

    def write_cr3(self, cr3: int) -> None:
        """Load another CR3."""
        self._cpu = replace(self._cpu, cr3=cr3 & ~NO_FLUSH)

    def invlpg(self, va: int) -> None:
        """There is nothing to forget."""

    def invpcid(self, kind: InvpcidKind, pcid: int, va: int) -> None:
        """There is nothing to forget."""

    def access(self, va: int, kind: int) -> Seen:
        """Make one access; A and D bits change in `ram`."""
        self._run(self._cpu, va, kind)
        if self._vector is None:
            return Seen(pa=self._pa)
        if self._vector == GeneralProtection.vector:
            return Seen(fault=GeneralProtection(va))
        if self._vector != PageFault.vector:
            raise RuntimeError(f"Unicorn raised vector {self._vector} at {va:#x}")
        saved = bytes(self._uc.context_save())
        code = int.from_bytes(saved[self._error_code_at : self._error_code_at + 4], "little")
        return Seen(fault=PageFault(code, self._uc.reg_read(reg.UC_X86_REG_CR2)))


class FiveLevelUnicornCpu(UnicornCpu):
    """The same with CR4.LA57."""

    levels: ClassVar[int] = 5
