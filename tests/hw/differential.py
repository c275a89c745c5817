"""Two MMUs side by side over equal RAM: every difference between them is an assertion error."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pyemu.hw import (
    COMPILED,
    BadValueError,
    Batch,
    EventLog,
    HardwareFault,
    Mmu,
    PageFault,
    Registers,
    TableRef,
    TlbConfig,
    make_mmu,
    ref,
    riscv,
    twins,
    x86,
)
from pyemu.hw.check import AdOnFault
from pyemu.hw.mmu import InvpcidKind
from tests.hw import random_tlbs
from tests.hw.random_tables import RAM_BYTES, RandomTables, RiscvTables, chance

OTHER = "fast" if COMPILED else "ref"
"""The twin that the readable one is compared with; itself, where there is no other: then only mutants
make a difference. Each machine draws one of its variants."""

PCIDS = (0, 1, 2, 0xFFF)
FORMATS = ("x86-4", "x86-4", "x86-5", "sv39", "sv48")


def outcome(fault: HardwareFault | None) -> str:
    """A short name of what ended a run of accesses."""
    if isinstance(fault, PageFault):
        return f"#PF {fault.error_code:#x}"
    if isinstance(fault, riscv.PageFault):
        return f"cause {fault.cause}"
    return "none" if fault is None else "#GP"


def make_tables(rng: random.Random, form: str) -> RandomTables:
    if form.startswith("x86"):
        return RandomTables(rng, wild=True, levels=int(form[-1]))
    return RiscvTables(rng, wild=True, levels=3 if form == "sv39" else 4)


Other = Callable[[bytearray, TlbConfig, bool], Mmu]
"""Makes the MMU that the readable one is compared with."""


def installed(variant: str) -> Other:
    """The other twin of this install, in one of its variants."""

    def make(ram: bytearray, config: TlbConfig, per_level: bool) -> Mmu:
        ad_on_fault: AdOnFault = "per_level" if per_level else "none"
        return make_mmu(ram, OTHER, config, ad_on_fault=ad_on_fault, variant=variant)

    return make


def copy(module: Any, variant: str = "plain") -> Other:
    """A copy of the compiled twin (tests.hw.compiled), in one of its variants."""
    return lambda ram, config, per_level: module.FastMmu(ram, config, per_level, variant)


class Pair:
    """One random machine, twice: `readable` (the readable twin, or a mutant of it) and the other twin."""

    def __init__(self, rng: random.Random, readable: Any = ref, other: Other | None = None) -> None:
        self.rng = rng
        self.plain = chance(rng, 25)  # what the fastest loop of the compiled twin needs: see core/loop.h
        self.tables = make_tables(rng, "x86-4" if self.plain else rng.choice(FORMATS))
        self.rams = (bytearray(RAM_BYTES), bytearray(RAM_BYTES))
        self.tables.fill(self.rams[0])
        self.rams[1][:] = self.rams[0]
        self.config: TlbConfig = random_tlbs.front(rng) if self.plain else random_tlbs.config(rng)
        self.variant = rng.choice(twins.variants() or ("auto",))
        per_level = chance(rng, 70)
        make = other or installed(self.variant)
        self.mmus: tuple[Mmu, Mmu] = (
            readable.RefMmu(self.rams[0], self.config, per_level),
            make(self.rams[1], self.config, per_level),
        )
        self.seen: Counter[str] = Counter([self.variant, "usual machine" if self.plain else "any machine"])
        self.pool: list[int] = []
        self.cpu: Registers | riscv.Registers
        self.load()
        self.draw_pool()

    @property
    def n_accesses(self) -> int:
        return self.mmus[0].stats.accesses

    def draw_pool(self) -> None:
        """Choose the addresses of the next operations: of those that fault only a part."""
        size = self.rng.choice((6, 20, 60))
        ram = self.rams[1][:]
        self.pool.clear()
        while len(self.pool) < size:
            va = self.tables.address()
            try:
                if isinstance(self.cpu, Registers):
                    x86.access(ram, self.cpu, va, self.tables.kind(), twin=OTHER)
                else:
                    riscv.access(ram, self.cpu, va, self.tables.kind(), twin=OTHER)
            except HardwareFault:
                if not chance(self.rng, 3):
                    continue
            self.pool.append(va)

    def _address(self) -> int:
        if chance(self.rng, 5):
            return self.tables.address()
        return self.rng.choice(self.pool) ^ self.rng.getrandbits(12)

    def step(self) -> None:
        """One random operation on both, then a comparison of all that can be seen."""
        if isinstance(self.cpu, Registers):
            own: list[tuple[Callable[[], None], int]] = [
                (self.invlpg, 7),
                (self.invpcid, 8),
                (self.set_mode, 4),
            ]
        else:
            own = [(self.sfence_vma, 12)]
        operations = [(self.batch, 45), (self.single, 8), (self.call, 4), (self.edit, 16), (self.load, 16)]
        operations += [*own, (self.share, 5), (self.clear, 1)]
        operation = self.rng.choices([do for do, _ in operations], [weight for _, weight in operations])[0]
        operation()
        self.seen[operation.__name__] += 1
        if chance(self.rng, 3):
            self.draw_pool()
        one, two = self.mmus
        assert one.stats == two.stats, operation.__name__
        assert one.tlb_entries() == two.tlb_entries(), operation.__name__
        assert self.rams[0] == self.rams[1], f"A or D bits differ after {operation.__name__}"

    # -- what the kernel does ------------------------------------------------------------------

    def load(self) -> None:
        rng, tables = self.rng, self.tables
        if isinstance(tables, RiscvTables):
            self.cpu = tables.hart()
            if chance(rng, 5):  # the other mode over the same tables
                self.cpu = replace(self.cpu, satp=self.cpu.satp ^ 1 << 60)
            if self.pool and chance(rng, 3):
                self.load_foreign()
            self.load_both()
            return
        old = getattr(self, "cpu", None)
        if isinstance(old, Registers) and chance(rng, 70):
            self.cpu = self.changed(old)
            self.load_both()
            return
        cpu = tables.registers()
        cr4, cr3 = cpu.cr4, cpu.cr3
        if chance(rng, 20 if self.plain else 85):
            cr4 |= x86.CR4_PGE
        if chance(rng, 85):
            cr4 |= x86.CR4_PCIDE
            cr3 = tables.root | rng.choice(PCIDS)
        if chance(rng, 3):
            cr4 ^= x86.CR4_LA57
        self.cpu = replace(cpu, cr3=cr3, cr4=cr4)
        self.load_both()

    def changed(self, cpu: Registers) -> Registers:
        """The same registers but for one thing, which decides what a load drops; mostly the PCID."""
        rng = self.rng
        what = rng.choice(("pcid", "pcid", "pcid", "pge", "smep", "nxe", "pcide", "maxphyaddr"))
        flush = 0 if chance(rng, 40) else 1 << 63
        cpu = replace(cpu, cr3=cpu.cr3 & ~(1 << 63) | flush)
        if what == "pcid":
            return replace(cpu, cr3=cpu.cr3 & ~0xFFF | rng.choice(PCIDS))
        if what == "nxe":
            return replace(cpu, efer=cpu.efer ^ x86.EFER_NXE)
        if what == "maxphyaddr":
            return replace(cpu, maxphyaddr=rng.choice((36, 40, 46, 52)))
        bit = {"pge": x86.CR4_PGE, "smep": x86.CR4_SMEP, "pcide": x86.CR4_PCIDE}[what]
        return replace(cpu, cr4=cpu.cr4 ^ bit)

    def load_both(self) -> None:
        for mmu in self.mmus:
            mmu.load(self.cpu)

    def load_foreign(self) -> None:
        """Load registers of x86 and make an access or two with them."""
        mine, self.cpu = self.cpu, RandomTables(random.Random(self.rng.getrandbits(32))).registers()
        self.load_both()
        self.single()
        self.single()
        self.cpu = mine

    def set_mode(self) -> None:
        cpl, ac = self.rng.choice((0, 0, 1, 3, 3)), chance(self.rng, 50)
        for mmu in self.mmus:
            mmu.set_mode(cpl, ac)
        if isinstance(self.cpu, Registers):
            self.cpu = replace(self.cpu, cpl=cpl, ac=ac)

    def invlpg(self) -> None:
        va = self._address()
        for mmu in self.mmus:
            mmu.invlpg(va)

    def invpcid(self) -> None:
        kinds: tuple[InvpcidKind, ...] = ("address", "address", "context", "all", "all_non_global")
        kind = self.rng.choice(kinds)
        pcid = self.rng.choice(PCIDS) if self.cpu.asid or chance(self.rng, 30) else 0
        va = self._address()
        refused = []
        for mmu in self.mmus:
            try:
                mmu.invpcid(kind, pcid, va)
            except BadValueError as error:
                refused.append(str(error))
        assert len(refused) in (0, 2)
        assert refused[:1] == refused[1:]

    def sfence_vma(self) -> None:
        va = self._address() if chance(self.rng, 70) else None
        asid = self.rng.choice((0, 1, 2, 0xFFFF)) if chance(self.rng, 60) else None
        for mmu in self.mmus:
            mmu.sfence_vma(va, asid)

    def clear(self) -> None:
        done = self.n_accesses
        for mmu in self.mmus:
            mmu.clear()
        self.seen["accesses"] += done

    def path(self, va: int) -> list[TableRef]:
        """The entries that a walk reads."""
        refs: list[TableRef] = []
        with suppress(HardwareFault):
            ref.Paging(self.cpu, per_level=False).walk(memoryview(self.rams[1][:]), va, 0, None, refs)
        return refs

    def edit(self) -> None:
        if chance(self.rng, 50):
            self.write(*self.tables.edit())
        else:  # a bit of an entry on the way to an address in use
            refs = self.path(self.rng.choice(self.pool))
            self.flip(self.rng.choice((refs[-1], refs[-1], *refs)).pa, self.rng.choice(self.tables.BITS))

    def write(self, where: int, entry: int) -> None:
        if where <= RAM_BYTES - 8:
            for ram in self.rams:
                x86.write_entry(ram, where, entry)

    def flip(self, where: int, bit: int) -> None:
        self.write(where, x86.read_entry(self.rams[1], where) ^ 1 << bit)

    def share(self) -> None:
        """Change G of a page while two address spaces use it: one may hold it as its own, one as global."""
        va, cpu = self.rng.choice(self.pool), self.cpu
        spaces = [cpu]
        if isinstance(cpu, riscv.Registers):
            spaces.append(replace(cpu, satp=cpu.satp ^ 1 << 44))
        elif cpu.cr4 & x86.CR4_PCIDE:
            spaces.append(replace(cpu, cr3=cpu.cr3 ^ 1 | 1 << 63))
            spaces[0] = replace(cpu, cr3=cpu.cr3 | 1 << 63)
        self.single(va)
        self.flip(self.path(va)[-1].pa, self.tables.GLOBAL_BIT)
        for self.cpu in reversed(spaces):
            self.load_both()
            self.single(va)
            self.single(va)

    # -- what the processor does ---------------------------------------------------------------

    def single(self, va: int | None = None) -> None:
        va, kind = self._address() if va is None else va, self.tables.kind()
        answers: list[tuple[object, list[TableRef]]] = []
        for mmu in self.mmus:
            refs: list[TableRef] = []
            try:
                answers.append((mmu.access(va, kind, refs), refs))
            except HardwareFault as fault:
                answers.append((fault, refs))
                self.seen[outcome(fault)] += 1
        assert answers[0] == answers[1]

    def call(self) -> None:
        va, name = self._address(), self.rng.choice(("read", "write", "fetch"))
        answers: list[object] = []
        for mmu in self.mmus:
            try:
                answers.append(getattr(mmu, name)(va))
            except HardwareFault as fault:
                answers.append(fault)
                self.seen[outcome(fault)] += 1
        assert answers[0] == answers[1]

    def batch(self) -> None:
        rng = self.rng
        n = rng.choice((5, 10, 30, 100, 300))
        offsets = memoryview(rng.randbytes(2 * n)).cast("H")
        pages = rng.choices(self.pool, k=n)
        if chance(rng, 50):  # runs of one page
            pages = [page for page in pages for _ in range(rng.choice((1, 7, 8, 9, 20)))][:n]
        addresses = array("Q", [page ^ offset & 0xFFF for page, offset in zip(pages, offsets, strict=True)])
        kinds = bytes(rng.choices((0, 1, 2), rng.choice(((5, 4, 1), (1, 0, 0), (3, 1, 0), (0, 0, 1))), k=n))
        options: dict[str, Any] = {
            "quantum": rng.choice((None, None, 7, 64)),
            "on_fault": rng.choice(("stop", "stop", "skip")),
            "detail": chance(rng, 10 if self.plain else 40),
        }
        logs: list[EventLog | None] = [None, None]
        if chance(rng, 10 if self.plain else 40):
            capacity = rng.choice((16, 17, 40, 5000))
            logs = [EventLog(capacity), EventLog(capacity)]

        def start() -> tuple[Batch, Batch]:
            one, two = (
                mmu.access_many(addresses, kinds, events=log, **options)
                for mmu, log in zip(self.mmus, logs, strict=True)
            )
            return one, two

        one, two = start()
        for _ in range(3 * n):
            self.compare_batches(one, two)
            self.compare_logs(logs)
            self.seen[outcome(one.fault)] += 1
            if one.done:
                break
            if one.fault is not None and chance(rng, 70):  # no handler: on with the next access
                rest = slice(one.n_done + 1, None)
                addresses, kinds = addresses[rest], kinds[rest]
                one, two = start()
                continue
            if one.fault is not None:
                self.edit()
            one, two = one.resume(options["quantum"]), two.resume(options["quantum"])

    def compare_batches(self, one: Batch, two: Batch) -> None:
        assert (one.n_done, one.n_faults, one.fault) == (two.n_done, two.n_faults, two.fault)
        assert one.pa == two.pa
        assert (one.status, one.level, one.refs) == (two.status, two.level, two.refs)

    def compare_logs(self, logs: list[EventLog | None]) -> None:
        one, two = logs
        if one is not None and two is not None:
            assert one.n == two.n
            assert one.buffer[: 16 * one.n] == two.buffer[: 16 * two.n]
            self.seen["events"] += one.n
            if one.full or chance(self.rng, 50):
                one.clear()
                two.clear()


def compare(seed: int, n_accesses: int, readable: Any = ref, other: Other | None = None) -> Counter[str]:
    """Run random machines until `n_accesses` were made; returns how often each thing was seen."""
    rng = random.Random(seed)
    done, seen = 0, Counter[str]()
    while done < n_accesses:
        pair = Pair(rng, readable, other)
        while pair.n_accesses + pair.seen["accesses"] < min(2_000, n_accesses - done):
            pair.step()
        done += pair.n_accesses + pair.seen["accesses"]
        seen += pair.seen
    seen["accesses"] = done
    return seen
