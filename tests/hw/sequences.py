"""Random sequences on MMUs of ours with their TLBs and on an oracle with its own, until they differ.

Processors may keep or drop translations as they like, so two of them must agree only on addresses for
which the kernel has done its part. What that is:

- An entry that was not present, or malformed, was not cached: after a change of it there is nothing to do.
- An entry that grants more rights than before (RW set, NX cleared) needs nothing either: what a TLB
  holds permits less, and a processor asks the tables before it raises a fault. Only walk caches may still
  give the old rights of an upper entry: one *spurious* fault, which drops them.
- Any other change makes the addresses that it serves *stale*, in all address spaces (PCIDs). INVLPG of one
  of them makes it good again in the current one, and with it all of the large page in which it lay, and in
  all spaces if it was global; loads of CR3 and INVPCID make more of them good: see `tests.hw.stale`.

Stale addresses are not accessed here.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pyemu.hw import Kind, Mmu, TableRef, TlbConfig, make_mmu, x86
from pyemu.hw.check import AdOnFault
from pyemu.hw.mmu import InvpcidKind
from tests.hw import random_tlbs
from tests.hw.mutants import OTHER_WALK_MUTANTS, TLB_MUTANTS
from tests.hw.oracle import TWINS, Oracle, Subject, attempt
from tests.hw.random_tables import RAM_BYTES, TABLES_END, RandomTables, chance
from tests.hw.single_accesses import PAGE_FAULTS, Report, malformed
from tests.hw.stale import GLOBAL, Stale

VISIBLE_MUTANTS = {  # of the TLB; most others change counts and contents, and no result
    "d-walk-forgotten-in-l1",
    "global-without-pge",
    "invlpg-drops-one-piece",
    "invlpg-keeps-global-entries",
    "invlpg-keeps-walk-caches",
    "invlpg-only-l1",
    "invpcid-all-keeps-global-entries",
    "larger-than-the-page",
    "load-keeps-the-tlb",
    "not-canonical-is-walked",
    "pcid-ignored",
    "piece-of-the-first-frame",
    "rights-of-hits-ignored",
    "walk-cache-of-the-level-below",
    "walk-caches-give-all-rights",
}
MUTANTS = [mutant for mutant in TLB_MUTANTS + OTHER_WALK_MUTANTS if mutant.name in VISIBLE_MUTANTS]
N_PER_MACHINE = 2000  # operations, most of them accesses
PCIDS = (0, 1, 0xFFF)
INVPCID_KINDS: tuple[InvpcidKind, ...] = ("address", "address", "address", "context", "all", "all_non_global")
N_ADDRESSES = (8, 20, 60)


def wanted() -> set[str]:
    """What random sequences have to meet."""
    operations = {"edit", "upgrade", "invlpg", "invpcid", "write_cr3", "set_mode", "load"}
    return {f"#PF {code:#x}" for code in PAGE_FAULTS} | {"#GP", "done"} | operations


def verify(report: Report, n_accesses: int) -> None:
    """Assert that at least `n_accesses` were equal, and that they met enough of everything."""
    assert report.difference == ""
    assert report.n >= n_accesses
    least = dict.fromkeys(sorted(wanted()), n_accesses // 5000)  # single accesses ask for more
    least |= dict.fromkeys((f"{twin} without a walk" for twin in TWINS), n_accesses // 8)
    too_rare = {name: report.seen[name] for name, n in least.items() if report.seen[name] < n}
    assert not too_rare


class Difference(AssertionError):
    """The two don't agree; the message says where."""


def mmu_of(subject: Subject, ram: bytearray, config: TlbConfig, ad_on_fault: AdOnFault) -> Mmu:
    """An MMU of a twin or of a mutant."""
    if isinstance(subject, str):
        return make_mmu(ram, subject, config, ad_on_fault=ad_on_fault)
    mmu: Mmu = subject.build().RefMmu(ram, config, ad_on_fault == "per_level")
    return mmu


class Machine:
    """One oracle, and the subjects side by side, over equal tables."""

    def __init__(self, make: type[Oracle], rng: random.Random, subjects: Sequence[Subject]) -> None:
        self.rng = rng
        self.tables = RandomTables(rng, levels=make.levels)
        image = bytearray(RAM_BYTES)
        self.tables.fill(image)
        self.oracle = make(image, self.tables.root, TABLES_END)
        self.rams = [bytearray(self.oracle.ram) for _ in subjects]
        config = random_tlbs.config(rng)
        self.subjects = subjects
        self.mmus = [
            mmu_of(subject, ram, config, make.ad_on_fault)
            for subject, ram in zip(subjects, self.rams, strict=True)
        ]
        self.seen = Counter[str]()
        self.stale = Stale()
        self.upgraded: set[int] = set()  # addresses for which a walk cache may hold less than the tables say
        self.has_walk_caches = bool(config.walk_caches)
        self.load()

    def path(self, va: int) -> Iterator[tuple[int, int, int]]:
        """Level, place and value of the entries that a walk for `va` reads."""
        table = self.registers.root
        for level in range(self.registers.levels, 0, -1):
            where = x86.entry_address(table, va, level)
            entry = x86.read_entry(self.oracle.ram, where)
            yield level, where, entry
            if level == 1 or entry & x86.PS or not self.well_formed(level, entry):
                break
            table = entry & x86.ADDRESS

    def well_formed(self, level: int, entry: int) -> bool:
        """Tell whether an entry is present and without reserved bits: only such may be cached."""
        return bool(entry & x86.P) and not malformed(self.registers, level, entry)

    def page_bytes(self, va: int) -> int:
        """The size of the page at `va`; 0 if there is none."""
        *_, (level, _, entry) = self.path(va)
        return x86.page_size(level) if self.well_formed(level, entry) else 0

    # -- operations ------------------------------------------------------------------------------

    def step(self) -> None:
        """One random operation on all, then a comparison of all memory."""
        operation = self.rng.choices(
            (
                self.access,
                self.edit,
                self.upgrade,
                self.invlpg,
                self.invpcid,
                self.write_cr3,
                self.set_mode,
                self.load,
            ),
            (160, 10, 6, 16, 6, 4, 6, 1),
        )[0]
        operation()
        self.seen[operation.__name__] += 1
        after = self.oracle.ram[:TABLES_END]
        for subject, ram in zip(self.subjects, self.rams, strict=True):
            if ram[:TABLES_END] != after:
                raise Difference(f"{subject}: A or D bits differ after {operation.__name__}")

    def access(self) -> None:
        good = [va for va in self.addresses if not self.stale.has(self.registers.asid, va)]
        if not good:
            self.load()
            return
        page = self.rng.choice(good)
        va, kind = page | self.rng.getrandbits(12), self.tables.kind()
        if kind != Kind.READ:  # what `BochsMmu` asks for
            va = va & -8 if kind == Kind.FETCH else va | 7
        expected = self.oracle.access(va, kind)
        self.seen[expected.name] += 1
        for subject, mmu in zip(self.subjects, self.mmus, strict=True):
            refs: list[TableRef] = []
            got = attempt(mmu.access, va, kind, refs)
            self.seen[f"{subject} without a walk"] += not refs and got.fault is None
            if got.fault and expected.fault is None and page in self.upgraded and self.has_walk_caches:
                self.seen[f"{subject} spurious fault"] += 1
                got = attempt(mmu.access, va, kind)
            if got != expected:
                raise Difference(
                    f"{subject}: {self.registers}, va {va:#x}, kind {kind}: expected {expected}, got {got}"
                )

    def load(self) -> None:
        """Other registers and other addresses, most of which have a page; nothing is kept."""
        oracle, rng = type(self.oracle), self.rng
        cpu = self.tables.registers(maxphyaddr=oracle.maxphyaddr, cpl=rng.choice(oracle.cpls))
        pcide, pge = chance(rng, 50), chance(rng, 50)
        cr4 = cpu.cr4 | (x86.CR4_PCIDE if pcide else 0) | (x86.CR4_PGE if pge else 0)
        self.pcids = PCIDS if pcide else (0,)
        self.registers = replace(cpu, cr3=cpu.root | rng.choice(self.pcids), cr4=cr4)
        self.oracle.load(self.registers)
        for mmu in self.mmus:
            mmu.load(self.registers)
            mmu.invpcid("all")
        self.stale.forget_spaces(lambda _: True)
        self.upgraded.clear()
        self.addresses: list[int] = []
        n = rng.choice(N_ADDRESSES)
        while len(self.addresses) < n:
            va = self.tables.address() & -0x1000
            size = self.page_bytes(va)
            if size or chance(rng, 5):
                self.addresses.append(va)
            if size > x86.PAGE_SIZE:  # and another piece of the same page
                self.addresses.append(va ^ rng.randrange(0x1000, size, 0x1000))

    def write_cr3(self) -> None:
        """Change to another address space, or to the same one, with or without a flush."""
        pcid = self.rng.choice(self.pcids)
        keep = len(self.pcids) > 1 and chance(self.rng, 50)
        self.registers = replace(self.registers, cr3=self.registers.root | pcid | keep << 63)
        self.oracle.write_cr3(self.registers.cr3)
        for mmu in self.mmus:
            mmu.load(self.registers)
        if not keep:
            self.stale.forget_spaces(lambda space: space == pcid)

    def invpcid(self) -> None:
        kind: InvpcidKind = self.rng.choice(INVPCID_KINDS)
        pcid, va = self.rng.choice(self.pcids), self.some_address()
        if not x86.is_canonical(va, self.registers.va_bits):
            va = 0  # it would be refused
        self.oracle.invpcid(kind, pcid, va)
        for mmu in self.mmus:
            mmu.invpcid(kind, pcid, va)
        match kind:
            case "address":
                self.stale.forget_page((pcid,), va)
            case "context":
                self.stale.forget_spaces(lambda space: space == pcid)
            case "all":
                self.stale.forget_spaces(lambda _: True)
            case "all_non_global":
                self.stale.forget_spaces(lambda space: space != GLOBAL)

    def set_mode(self) -> None:
        cpl, ac = self.rng.choice(type(self.oracle).cpls), chance(self.rng, 30)
        self.registers = replace(self.registers, cpl=cpl, ac=ac)
        self.oracle.set_mode(cpl, ac)
        for mmu in self.mmus:
            mmu.set_mode(cpl, ac)

    def invlpg(self) -> None:
        va = self.some_address()
        self.oracle.invlpg(va)
        for mmu in self.mmus:
            mmu.invlpg(va)
        n_good = self.stale.forget_page((self.registers.asid, GLOBAL), va)
        self.seen["other pieces"] += n_good > 1

    def some_address(self) -> int:
        """An address that is stale, if there is one."""
        return self.rng.choice(self.stale.addresses() or self.addresses)

    def edit(self) -> None:
        """Any change: what was served by the entry is stale, if the entry was good for anything."""
        where, entry = self.tables.edit()
        for va in self.addresses:
            path = list(self.path(va))
            old = next(((level, value) for level, at, value in path if at == where), None)
            if old is None or not self.well_formed(*old):
                continue
            size, (_, leaf, value) = self.page_bytes(va), path[-1]
            is_global = size and value & x86.G and self.registers.cr4 & x86.CR4_PGE
            spaces = [GLOBAL] if is_global else []
            if not is_global or where != leaf:  # walk caches hold upper entries for each space
                spaces += self.pcids
            for space in spaces:
                self.stale.add(space, va, size or x86.PAGE_SIZE)
        self.write(where, entry)

    def upgrade(self) -> None:
        """A change that grants rights: nothing is stale."""
        level, where, entry = self.rng.choice(list(self.path(self.rng.choice(self.addresses))))
        if level > 1:
            self.upgraded.update(va for va in self.addresses if where in (at for _, at, _ in self.path(va)))
        self.write(where, (entry | x86.RW) & ~(x86.NX if chance(self.rng, 50) else 0))

    def write(self, where: int, entry: int) -> None:
        for ram in (self.oracle.ram, *self.rams):
            x86.write_entry(ram, where, entry)


def compare(make: type[Oracle], seed: int, n_accesses: int, subjects: Sequence[Subject]) -> Report:
    """Run random machines until `n_accesses` were made, or the oracle and a subject differ."""
    rng = random.Random(seed)
    report = Report()
    while report.n < n_accesses and not report.difference:
        machine = Machine(make, rng, subjects)
        try:
            for _ in range(N_PER_MACHINE):
                machine.step()
        except Difference as difference:
            report.difference = str(difference)
        report.seen += machine.seen
        report.n = report.seen["access"]
    return report
