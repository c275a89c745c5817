"""Two MMUs side by side over equal RAM: every difference between them is an assertion error."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from typing import Any

from pyemu.hw import HardwareFault, Mmu, PageFault, TableRef, TlbGeometry, make_mmu, ref, x86
from tests.hw.random_tables import RAM_BYTES, RandomTables, chance

GEOMETRIES = (
    TlbGeometry(),
    TlbGeometry(2, 2, 4, 3),
    TlbGeometry(3, 2, 5, 3),
    TlbGeometry(1, 1, 1, 1),
    TlbGeometry(4, 4, 1, 12),
    TlbGeometry(1, 6, 7, 2),
)


def outcome(fault: HardwareFault | None) -> str:
    """A short name of what ended a run of accesses."""
    if isinstance(fault, PageFault):
        return f"#PF {fault.error_code:#x}"
    return "none" if fault is None else "#GP"


class Pair:
    """One random machine, twice: `ref` (or a mutant of it) and `fast`."""

    def __init__(self, rng: random.Random, readable: Any = ref) -> None:
        self.rng = rng
        self.tables = RandomTables(rng, wild=True)
        self.rams = (bytearray(RAM_BYTES), bytearray(RAM_BYTES))
        self.tables.fill(self.rams[0])
        self.rams[1][:] = self.rams[0]
        geometry = rng.choice(GEOMETRIES)
        per_level = chance(rng, 70)
        self.mmus: tuple[Mmu, Mmu] = (
            readable.RefMmu(self.rams[0], geometry, per_level),
            make_mmu(self.rams[1], "fast", geometry, ad_on_fault="per_level" if per_level else "none"),
        )
        self.seen: Counter[str] = Counter()
        self.pool: list[int] = []
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
                x86.access(ram, self.registers, va, self.tables.kind())
            except HardwareFault:
                if not chance(self.rng, 3):
                    continue
            self.pool.append(va)

    def _address(self) -> int:
        if chance(self.rng, 0.5):
            return self.tables.address()
        return self.rng.choice(self.pool) ^ self.rng.getrandbits(12)

    def step(self) -> None:
        """One random operation on both, then a comparison of all that can be seen."""
        names = (self.batch, self.single, self.edit, self.invlpg, self.load, self.set_mode)
        operation = self.rng.choices(names, (70, 8, 8, 8, 3, 3))[0]
        operation()
        if chance(self.rng, 3):
            self.draw_pool()
        one, two = self.mmus
        assert one.stats == two.stats, operation.__name__
        assert one.tlb_entries() == two.tlb_entries(), operation.__name__
        assert self.rams[0] == self.rams[1], f"A or D bits differ after {operation.__name__}"

    def load(self) -> None:
        self.registers = self.tables.registers()
        for mmu in self.mmus:
            mmu.load(self.registers)

    def set_mode(self) -> None:
        cpl, ac = self.rng.choice((0, 0, 1, 3, 3)), chance(self.rng, 50)
        for mmu in self.mmus:
            mmu.set_mode(cpl, ac)

    def invlpg(self) -> None:
        va = self._address()
        for mmu in self.mmus:
            mmu.invlpg(va)

    def edit(self) -> None:
        where, entry = self.tables.edit()
        for ram in self.rams:
            x86.write_entry(ram, where, entry)

    def single(self) -> None:
        va, kind = self._address(), self.tables.kind()
        answers: list[tuple[object, list[TableRef]]] = []
        for mmu in self.mmus:
            refs: list[TableRef] = []
            try:
                answers.append((mmu.access(va, kind, refs), refs))
            except HardwareFault as fault:
                answers.append((fault, refs))
        assert answers[0] == answers[1]

    def batch(self) -> None:
        rng = self.rng
        n = rng.choice((10, 100, 300))
        offsets = memoryview(rng.randbytes(2 * n)).cast("H")
        pages = rng.choices(self.pool, k=n)
        addresses = array("Q", [page ^ offset & 0xFFF for page, offset in zip(pages, offsets, strict=True)])
        kinds = bytes(rng.choices((0, 1, 2), (5, 4, 1), k=n))
        quantum = rng.choice((None, None, 7, 64))
        one, two = (mmu.access_many(addresses, kinds, quantum=quantum) for mmu in self.mmus)
        for _ in range(2 * n):
            assert (one.n_done, one.fault) == (two.n_done, two.fault)
            assert one.pa[: one.n_done] == two.pa[: two.n_done]
            self.seen[outcome(one.fault)] += 1
            if one.done:
                break
            if one.fault is not None and chance(rng, 70):  # no handler: on with the next access
                rest = slice(one.n_done + 1, None)
                addresses, kinds = addresses[rest], kinds[rest]
                one, two = (mmu.access_many(addresses, kinds, quantum=quantum) for mmu in self.mmus)
                continue
            if one.fault is not None:
                self.edit()
            one, two = one.resume(quantum), two.resume(quantum)


def compare(seed: int, n_accesses: int, readable: Any = ref) -> Counter[str]:
    """Run random machines until `n_accesses` were made; returns how often each fault was seen."""
    rng = random.Random(seed)
    done, seen = 0, Counter[str]()
    while done < n_accesses:
        pair = Pair(rng, readable)
        while pair.n_accesses < 4_000 and done + pair.n_accesses < n_accesses:
            pair.step()
        done += pair.n_accesses
        seen += pair.seen
    seen["accesses"] = done
    return seen
