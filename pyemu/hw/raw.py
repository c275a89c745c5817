"""Accesses without a TLB, for all formats: what `pyemu.hw.x86` and `pyemu.hw.riscv` share."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from pyemu.hw import check, ref, twins
from pyemu.hw.faults import HardwareFault
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tlb import Access, TableRef


@dataclass(frozen=True, slots=True)
class WalkBatch:
    """Results of `access_many`."""

    pa: Any
    """Physical addresses, uint64, shape (n,); 2**64 - 1 where the access faulted."""
    status: array[int]
    """uint32, shape (n,): 0, or what faulted (`HardwareFault.status`). x86: ``vector << 16 | error_code``
    (vector 14 for #PF, 13 for #GP); RISC-V: the cause."""


def access(
    ram: Any, cpu: Registers | RiscvRegisters, va: int, kind: int | str, twin: str, per_level: bool
) -> Access:
    """Make one access; the arguments are those of `pyemu.hw.x86.access`."""
    if twins.choose(twin) == "fast":
        result: Access = twins.fast().walk_one(ram, cpu, va, kind, per_level)
        return result
    memory = check.ram(ram)
    check.root(len(memory), cpu)
    return _walk(memory, ref.Paging(cpu, per_level), check.address(va), check.kind(kind))


def access_many(
    ram: Any,
    cpu: Registers | RiscvRegisters,
    addresses: Any,
    kinds: Any,
    out: Any,
    twin: str,
    per_level: bool,
) -> WalkBatch:
    """Make many accesses; the arguments are those of `pyemu.hw.x86.access_many`."""
    memory = check.ram(ram)
    check.root(len(memory), cpu)
    vas = check.addresses(addresses)
    whats = check.kinds(kinds, len(vas))
    pas = check.output(out, len(vas), addresses)
    status = array("I", bytes(4 * len(vas)))
    if twins.choose(twin) == "fast":
        twins.fast().walk_many(memory, cpu, vas, whats, pas, status, per_level)
        return WalkBatch(pas, status)
    check.all_kinds(whats)
    paging = ref.Paging(cpu, per_level)
    for i, (va, kind) in enumerate(zip(vas.tolist(), whats.tolist(), strict=True)):
        try:
            pas[i] = _walk(memory, paging, va, kind).pa
        except HardwareFault as fault:
            pas[i], status[i] = ref.NO_ADDRESS, fault.status
    return WalkBatch(pas, status)


def _walk(ram: memoryview, paging: ref.Paging, va: int, kind: int) -> Access:
    """Make one access with the readable twin."""
    if not paging.is_canonical(va):
        raise paging.not_canonical(va, kind)
    refs: list[TableRef] = []
    entry, _ = paging.walk(ram, va, kind, None, refs)
    return Access(ref.physical(entry, va), entry.page_size, refs=len(refs))
