"""Random sequences on MMUs of ours with their TLBs and on an oracle with its own, until they differ.

Processors may keep or drop translations as they like, so two of them must agree only on addresses for
which the kernel has done its part. What that is:

- An entry that was not present, or malformed, was not cached: after a change of it there is nothing to do.
- An entry that grants more rights than before (RW set, NX cleared) needs nothing either: what a TLB
  holds permits less, and a processor asks the tables before it raises a fault.
- Any other change makes the addresses that it serves *stale*. INVLPG of one of them makes it good
  again, and with it all of the large page in which it lay; so does a load of CR3 for all.

Stale addresses are not accessed here.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pyemu.hw import Kind, Mmu, TableRef, TlbConfig, make_mmu, x86
from pyemu.hw.check import AdOnFault
from tests.hw import random_tlbs
from tests.hw.oracle import TWINS, Oracle, Subject, attempt
from tests.hw.random_tables import RAM_BYTES, TABLES_END, RandomTables, chance
from tests.hw.single_accesses import PAGE_FAULTS, Report, malformed

VISIBLE_MUTANTS = {  # of the TLB; the others change counts and contents, and no result
    "invlpg-only-l1",
    "invlpg-drops-one-piece",
    "load-keeps-the-tlb",
    "rights-of-hits-ignored",
    "d-walk-forgotten-in-l1",
    "not-canonical-is-walked",
}
N_PER_MACHINE = 2000  # operations, most of them accesses
N_ADDRESSES = (8, 20, 60)


def wanted() -> set[str]:
    """What random sequences have to meet."""
    operations = {"edit", "upgrade", "invlpg", "set_mode", "reload_cr3", "load", "other pieces"}
    return {f"#PF {code:#x}" for code in PAGE_FAULTS} | {"#GP", "done"} | operations


def verify(report: Report, n_accesses: int) -> None:
    """Assert that at least `n_accesses` were equal, and that they met enough of everything."""
    assert report.difference == ""
    assert report.n >= n_accesses
    least = dict.fromkeys(sorted(wanted()), n_accesses // 2000)
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
        self.tables = RandomTables(rng)
        image = bytearray(RAM_BYTES)
        self.tables.fill(image)
        self.oracle = make(image, self.tables.root, TABLES_END)
        self.rams = [bytearray(self.oracle.ram) for _ in subjects]
        # Without walk caches: with them, fewer entries are read, so fewer get A.
        config = replace(random_tlbs.config(rng), walk_caches=())
        self.subjects = subjects
        self.mmus = [
            mmu_of(subject, ram, config, make.ad_on_fault)
            for subject, ram in zip(subjects, self.rams, strict=True)
        ]
        self.seen = Counter[str]()
        self.stale: dict[int, int] = {}  # address: bytes of the page that a TLB may hold for it
        self.load()

    def path(self, va: int) -> Iterator[tuple[int, int, int]]:
        """Level, place and value of the entries that a walk for `va` reads."""
        table = self.registers.root
        for level in (4, 3, 2, 1):
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
        names = (self.access, self.edit, self.upgrade, self.invlpg, self.set_mode, self.reload_cr3, self.load)
        operation = self.rng.choices(names, (160, 10, 6, 16, 6, 1, 1))[0]
        operation()
        self.seen[operation.__name__] += 1
        after = self.oracle.ram[:TABLES_END]
        for subject, ram in zip(self.subjects, self.rams, strict=True):
            if ram[:TABLES_END] != after:
                raise Difference(f"{subject}: A or D bits differ after {operation.__name__}")

    def access(self) -> None:
        good = [va for va in self.addresses if va not in self.stale]
        if not good:
            self.load()
            return
        va, kind = self.rng.choice(good) | self.rng.getrandbits(12), self.tables.kind()
        if kind != Kind.READ:  # what `BochsMmu` asks for
            va = va & -8 if kind == Kind.FETCH else va | 7
        expected = self.oracle.access(va, kind)
        self.seen[expected.name] += 1
        for subject, mmu in zip(self.subjects, self.mmus, strict=True):
            refs: list[TableRef] = []
            got = attempt(mmu.access, va, kind, refs)
            self.seen[f"{subject} without a walk"] += not refs and got.fault is None
            if got != expected:
                raise Difference(
                    f"{subject}: {self.registers}, va {va:#x}, kind {kind}: expected {expected}, got {got}"
                )

    def load(self) -> None:
        """Other registers and other addresses, most of which have a page."""
        oracle = type(self.oracle)
        self.registers = self.tables.registers(maxphyaddr=oracle.maxphyaddr, cpl=self.rng.choice(oracle.cpls))
        self.oracle.load(self.registers)
        for mmu in self.mmus:
            mmu.load(self.registers)
        self.stale.clear()
        self.addresses: list[int] = []
        n = self.rng.choice(N_ADDRESSES)
        while len(self.addresses) < n:
            va = self.tables.address() & -0x1000
            if self.page_bytes(va) or chance(self.rng, 5):
                self.addresses.append(va)

    def reload_cr3(self) -> None:
        self.oracle.reload_cr3()
        for mmu in self.mmus:
            mmu.load(self.registers)
        self.stale.clear()

    def set_mode(self) -> None:
        cpl, ac = self.rng.choice(type(self.oracle).cpls), chance(self.rng, 30)
        self.registers = replace(self.registers, cpl=cpl, ac=ac)
        self.oracle.set_mode(cpl, ac)
        for mmu in self.mmus:
            mmu.set_mode(cpl, ac)

    def invlpg(self) -> None:
        va = self.rng.choice(list(self.stale) or self.addresses)
        self.oracle.invlpg(va)
        for mmu in self.mmus:
            mmu.invlpg(va)
        if size := self.stale.get(va):
            good = [
                other for other in self.stale if self.stale[other] == size and other // size == va // size
            ]
            self.seen["other pieces"] += len(good) - 1
            for other in good:
                del self.stale[other]

    def edit(self) -> None:
        """Any change: what was served by the entry is stale, if the entry was good for anything."""
        where, entry = self.tables.edit()
        for va in self.addresses:
            old = {at: (level, value) for level, at, value in self.path(va)}.get(where)
            if old is not None and self.well_formed(*old):
                self.stale.setdefault(va, self.page_bytes(va) or x86.PAGE_SIZE)
        self.write(where, entry)

    def upgrade(self) -> None:
        """A change that grants rights: nothing is stale."""
        _, where, entry = self.rng.choice(list(self.path(self.rng.choice(self.addresses))))
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
