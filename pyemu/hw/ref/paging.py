"""How a CPU translates with its present registers: the rules of their format, bound to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pyemu.hw import bits, riscv_bits
from pyemu.hw.bits import Kind, is_canonical
from pyemu.hw.faults import GeneralProtection, HardwareFault
from pyemu.hw.ref import riscv, x86
from pyemu.hw.ref.steps import Step, Walked, low_bits
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tlb import TableRef

AnyRegisters = Registers | RiscvRegisters


class Paging:
    """The rules of x86-64 or RISC-V for given registers.

    Attributes
    ----------
    cpu : Registers or RiscvRegisters
    asid : int
        The current address space (x86: PCID).
    dirty : int
        The bit D of the format.
    permits : dict of callable
        By kind: whether rights, as a TLB holds them, allow an access.
    """

    permits: dict[int, Callable[[int], bool]]
    _walk: Callable[..., Walked]

    def __init__(self, cpu: AnyRegisters, per_level: bool) -> None:
        self.cpu = cpu
        self.asid = cpu.asid
        self._va_bits = cpu.va_bits
        if isinstance(cpu, Registers):
            self.dirty = bits.D
            self.permits = {int(kind): partial(x86.permits, cpu, kind=int(kind)) for kind in Kind}
            self._walk = partial(x86.walk, per_level=per_level)
        else:
            self.dirty = riscv_bits.D
            self.permits = {int(kind): partial(riscv.permits, cpu, kind=int(kind)) for kind in Kind}
            self._walk = riscv.walk

    def is_canonical(self, va: int) -> bool:
        """Tell whether `va` can be translated at all."""
        return is_canonical(va, self._va_bits)

    def not_canonical(self, va: int, kind: int) -> HardwareFault:
        """Make the fault of an access to an address that can't be translated."""
        if isinstance(self.cpu, Registers):
            return GeneralProtection(va)
        return riscv.page_fault(va, kind)

    def low(self, va: int) -> int:
        """Cut an address to the bits that are translated."""
        return low_bits(va, self._va_bits)

    def walk(self, ram: memoryview, va: int, kind: int, start: Step | None, refs: list[TableRef]) -> Walked:
        """Walk the tables: `pyemu.hw.ref.x86.walk` or `pyemu.hw.ref.riscv.walk`."""
        return self._walk(ram, self.cpu, va, kind, start=start, refs=refs)
