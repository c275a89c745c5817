"""Random bytes as page tables, registers, TLBs and calls, over RAM between two pages that can't be touched.

``python -m tests.hw.fuzz --minutes 10`` runs it. A read or write outside RAM, or outside the arrays of a
batch, ends the process; the last number that was printed is the seed of the machine that did it, and
``--first`` starts there. A part of the machines is compared with the readable twin.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import mmap
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from pyemu.hw import BadValueError, EventLog, HardwareFault, Mmu, Registers, make_mmu, riscv, twins, x86
from pyemu.hw.mmu import InvpcidKind
from tests.hw import random_tlbs
from tests.hw.random_tables import chance

PAGE = mmap.PAGESIZE
MAX_RAM = 20 * 4096
MAX_BATCH = 400


class Guarded:
    """Memory between two pages that can't be touched."""

    def __init__(self, capacity: int) -> None:
        n_bytes = -(-capacity // PAGE) * PAGE
        self._all = mmap.mmap(-1, n_bytes + 2 * PAGE)
        first = ctypes.addressof(ctypes.c_char.from_buffer(self._all))
        libc = ctypes.CDLL(None, use_errno=True)
        for guard in (first, first + PAGE + n_bytes):
            if libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(PAGE), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self._usable = memoryview(self._all)[PAGE : PAGE + n_bytes]

    def take(self, n_bytes: int, at_end: bool = True) -> memoryview:
        """The last bytes, up to the guard behind them, or the first ones."""
        return self._usable[len(self._usable) - n_bytes :] if at_end else self._usable[:n_bytes]


class Memory:
    """What all machines share, because mappings are slow to make."""

    def __init__(self) -> None:
        self.ram = Guarded(MAX_RAM)
        self.addresses = Guarded(8 * MAX_BATCH)
        self.kinds = Guarded(MAX_BATCH)
        self.pa = Guarded(8 * MAX_BATCH)


def words(rng: random.Random, n_bytes: int, clear: int, put: int) -> bytes:
    """Random 64-bit numbers, some of whose bits are the same in all."""
    n = -(-n_bytes // 8)
    keep = int.from_bytes((x86.MAX_U64 & ~clear).to_bytes(8, "little") * n, "little")
    number = rng.getrandbits(64 * n) & keep | int.from_bytes(put.to_bytes(8, "little") * n, "little")
    return number.to_bytes(8 * n, "little")[:n_bytes]


def table_bytes(rng: random.Random, n_bytes: int, is_x86: bool) -> bytes:
    """Noise, or noise most of which points to tables inside RAM or little beyond it."""
    if chance(rng, 15):
        return rng.randbytes(n_bytes)
    reach = (1 << max(13, (n_bytes - 1).bit_length())) - 1 & -0x1000  # where pointers go
    if is_x86:
        clear = x86.ADDRESS & ~reach | 0x7FF << 52  # nothing is reserved
        if chance(rng, 60):
            clear |= x86.PS
        return words(rng, n_bytes, clear | x86.NX * chance(rng, 70), x86.P | x86.RW | x86.US)
    clear = (1 << 64) - (1 << 10) & ~(reach >> 2)
    if chance(rng, 70):  # pointers at all levels; else leaves too
        clear |= riscv.R | riscv.W | riscv.X | riscv.U | riscv.A | riscv.D
    return words(rng, n_bytes, clear, riscv.V)


class Machine:
    """Random tables under one or two MMUs; with two, all answers must be equal."""

    def __init__(self, seed: int, memory: Memory) -> None:
        self.rng = rng = random.Random(seed)
        self.memory = memory
        self.n_ram = rng.choice(
            (4096, 4097, 4103, 8191, 4096 * rng.randint(2, 20), rng.randrange(4096, MAX_RAM))
        )
        self.is_x86 = chance(rng, 60)
        self.rams: list[Any] = [memory.ram.take(self.n_ram, chance(rng, 70))]
        self.rams[0][:] = table_bytes(rng, self.n_ram, self.is_x86)
        tlb = random_tlbs.config(rng)
        ad_on_fault = rng.choice(("per_level", "none"))
        self.ad: dict[str, Any] = {"ad_on_fault": ad_on_fault}
        self.twins = ["fast"]
        self.mmus: list[Mmu] = [
            make_mmu(self.rams[0], "fast", tlb, variant=rng.choice(twins.variants()), **self.ad)
        ]
        if chance(rng, 25):
            self.twins.append("ref")
            self.rams.append(bytearray(self.rams[0]))
            self.mmus.append(make_mmu(self.rams[1], "ref", tlb, **self.ad))
        self.pool: list[int] = []
        self.cpu: Registers | riscv.Registers
        self.load()

    # -- random things -------------------------------------------------------------------------

    def new_address(self) -> int:
        rng = self.rng
        if chance(rng, 10):
            return rng.getrandbits(64)
        va = rng.getrandbits(rng.choice((57, 48, 39, 21, 14)))
        return va if chance(rng, 70) else x86.MAX_U64 ^ va

    def address(self) -> int:
        return (
            self.rng.choice(self.pool) ^ self.rng.getrandbits(12)
            if chance(self.rng, 90)
            else self.new_address()
        )

    def registers(self) -> Registers | riscv.Registers:
        rng = self.rng
        root = rng.randrange(self.n_ram // 4096) << 12
        if self.is_x86 == chance(rng, 97):
            cr4 = 0
            for bit, percent in ((x86.CR4_LA57, 40), (x86.CR4_PCIDE, 50), (x86.CR4_PGE, 50)):
                cr4 |= bit * chance(rng, percent)
            cr4 |= x86.CR4_SMEP * chance(rng, 30) | x86.CR4_SMAP * chance(rng, 30) | x86.CR4_PAE
            cr3 = root | rng.getrandbits(2) << 3 if not cr4 & x86.CR4_PCIDE else root | rng.getrandbits(2)
            if cr4 & x86.CR4_PCIDE and chance(rng, 40):
                cr3 |= 1 << 63
            cr0 = x86.CR0_PG | x86.CR0_PE | x86.CR0_WP * chance(rng, 50)
            efer = x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE * chance(rng, 60)
            return Registers(cr0, cr3, cr4, efer, rng.randrange(4), chance(rng, 30), rng.randint(32, 52))
        mode = rng.choice((riscv.SV39, riscv.SV48))
        flags = (chance(rng, 50), chance(rng, 50), chance(rng, 30))
        return riscv.Registers(riscv.satp(root, mode, rng.getrandbits(2)), rng.getrandbits(1), *flags)

    # -- calls ---------------------------------------------------------------------------------

    def ask(self, call: Callable[[Mmu], Any]) -> Any:
        """Make a call on all; their answers, refusals and faults must be equal."""
        answers: list[Any] = []
        for mmu in self.mmus:
            try:
                answers.append(call(mmu))
            except BadValueError as refused:
                answers.append(str(refused))
            except HardwareFault as fault:
                answers.append(fault)
        assert all(answer == answers[0] for answer in answers)
        return answers[0]

    def load(self) -> None:
        self.cpu = self.registers()
        self.ask(lambda mmu: mmu.load(self.cpu))
        vas = [self.new_address() for _ in range(60)]
        kind = self.rng.choice(("read", "read", "fetch"))
        found = self.ask(lambda mmu: list(mmu.access_many(vas, kind, on_fault="skip").pa))
        served = [va for va, pa in zip(vas, found, strict=True) if pa != x86.MAX_U64]
        self.pool = served[:20] + vas[:4]

    def set_mode(self) -> None:
        cpl, ac = self.rng.randrange(4), chance(self.rng, 50)
        if not self.ask(lambda mmu: mmu.set_mode(cpl, ac)) and isinstance(self.cpu, Registers):
            cpu = self.cpu
            self.cpu = Registers(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpl, ac, cpu.maxphyaddr)

    def forget(self) -> None:
        rng, va = self.rng, self.address()
        kinds: tuple[InvpcidKind, ...] = ("address", "context", "all", "all_non_global")
        kind, pcid = rng.choice(kinds), rng.getrandbits(2)
        where = va if chance(rng, 70) else None
        asid = pcid if chance(rng, 70) else None
        calls: tuple[Callable[[Mmu], None], ...] = (
            lambda mmu: mmu.invlpg(va),
            lambda mmu: mmu.invpcid(kind, pcid, va),
            lambda mmu: mmu.sfence_vma(where, asid),
        )
        self.ask(rng.choice(calls))

    def single(self) -> None:
        va, kind = self.address(), self.rng.randrange(3)
        name = ("read", "write", "fetch")[kind]
        if chance(self.rng, 50):
            self.ask(lambda mmu: mmu.access(va, kind, []))
        else:
            self.ask(lambda mmu: getattr(mmu, name)(va))

    def raw(self) -> None:
        """Accesses to the same RAM without a TLB."""
        vas = [self.address() for _ in range(self.rng.choice((1, 9, 50)))]
        kind = self.rng.randrange(3)
        many: Any = x86.access_many if isinstance(self.cpu, Registers) else riscv.access_many
        results = [
            many(ram, self.cpu, vas, kind, twin=twin, **self.options())
            for ram, twin in zip(self.rams, self.twins, strict=True)
        ]
        assert all((one.pa, one.status) == (results[0].pa, results[0].status) for one in results)

    def options(self) -> dict[str, Any]:
        return self.ad if isinstance(self.cpu, Registers) else {}

    def edit(self) -> None:
        where = self.rng.randrange(self.n_ram)
        new = table_bytes(self.rng, self.n_ram, self.is_x86)[where : where + self.rng.choice((1, 8, 512))]
        for ram in self.rams:
            ram[where : where + len(new)] = new

    def batch(self) -> None:
        rng = self.rng
        pages = rng.choices(self.pool, k=rng.choice((1, 8, 40)))
        vas = [page ^ rng.getrandbits(12) for page in pages for _ in range(rng.choice((1, 1, 3, 8, 20)))]
        n = min(len(vas), MAX_BATCH)
        shift = rng.choice((0, 0, 1, 4))  # arrays may start at any byte
        addresses = self.memory.addresses.take(8 * n + shift)[: 8 * n].cast("Q")
        kinds = self.memory.kinds.take(n)
        out = self.memory.pa.take(8 * n + rng.choice((0, 0, 3)))[: 8 * n].cast("Q")
        for i in range(n):
            addresses[i] = vas[i]
        kinds[:] = bytes(rng.choices((0, 1, 2), rng.choice(((5, 4, 1), (1, 0, 0), (0, 0, 1))), k=n))
        quantum = rng.choice((None, None, 1, 7, 100))
        options: dict[str, Any] = {
            "on_fault": rng.choice(("stop", "skip", "skip")),
            "detail": chance(rng, 30),
            "quantum": quantum,
        }
        capacity = rng.choice((None, None, 16, 17, 200))
        logs = [None if capacity is None else EventLog(capacity) for _ in self.mmus]
        outs = [out, None]
        batches = [
            mmu.access_many(addresses, kinds, to, events=log, **options)
            for mmu, to, log in zip(self.mmus, outs, logs, strict=False)
        ]
        for _ in range(6):
            one = batches[0]
            for two, log in zip(batches[1:], logs[1:], strict=True):
                assert (one.n_done, one.n_faults, one.fault) == (two.n_done, two.n_faults, two.fault)
                assert list(one.pa[: one.n_done]) == list(two.pa[: one.n_done])
                assert (one.status, one.level, one.refs) == (two.status, two.level, two.refs)
                assert list(log or ()) == list(logs[0] or ())
            if one.done:
                break
            for log in logs:
                if log is not None:
                    log.clear()
            batches = [batch.resume(quantum) for batch in batches]

    def run(self) -> int:
        """A number of calls; returns how many accesses were made."""
        names = ("batch", "single", "raw", "edit", "load", "set_mode", "forget")
        for name in self.rng.choices(names, (30, 10, 5, 10, 6, 5, 14), k=self.rng.choice((10, 40))):
            getattr(self, name)()
            self.check()
        return self.mmus[0].stats.accesses

    def check(self) -> None:
        for mmu, ram in zip(self.mmus[1:], self.rams[1:], strict=True):
            assert mmu.stats == self.mmus[0].stats
            assert mmu.tlb_entries() == self.mmus[0].tlb_entries()
            assert ram == self.rams[0]


def fuzz(seconds: float, first: int = 0) -> Counter[str]:
    """Run machines, whose seeds are printed; returns how many ran, were compared, and made how much."""
    memory, seen, seed = Memory(), Counter[str](), first
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        print(seed, end="\r", flush=True)
        machine = Machine(seed, memory)
        seen["accesses"] += machine.run()
        stats = machine.mmus[0].stats
        seen["hits"] += stats.l1_hits
        seen["faults"] += stats.faults
        seen["entries read"] += sum(stats.walk_refs)
        seen["machines"] += 1
        seen["compared"] += len(machine.mmus) - 1
        seed += 1
    return seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first machine")
    asked = parser.parse_args()
    faulthandler.enable()
    print("", *(f"{name}: {n:,}" for name, n in fuzz(60 * asked.minutes, asked.first).items()), sep="\n")
