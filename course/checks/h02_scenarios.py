"""The cases of exercise H2: what a kernel and a processor do, and what each access of the TLB comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

from course.checks.call_case import CallCase, CallRun
from course.checks.draw import Draw
from course.child_functions import Answers
from course.paging.address_spaces import KEEP, Hardware, Operation, Walk, play
from pyemu.hw import x86

__all__ = ["ANSWERS", "answers_of", "eviction", "flushes", "hits", "modulo", "spaces"]

ANSWERS = ("power_on", "access", "load_cr3", "invlpg")
PAGE, LARGE = 1 << 12, 1 << 21
BEFORE = 6  # operations that are told before the answer that is wrong


class Learner:
    """A processor whose TLB is the learner's, in a process of its own."""

    def __init__(self, answers: Answers, sets: int, ways: int) -> None:
        self.answers = answers
        answers.call("power_on", sets, ways)

    def load_cr3(self, value: int) -> None:
        """Load CR3."""
        self.answers.call("load_cr3", value)

    def invlpg(self, address: int) -> None:
        """Forget the page around an address."""
        self.answers.call("invlpg", address)

    def access(self, address: int, kind: str, walk: Walk) -> object:
        """Translate."""
        return self.answers.call("access", address, kind, walk)


@dataclass(frozen=True, slots=True)
class TlbCase(CallCase):
    """A case that tells what happened before the first answer that is wrong."""

    def play(self, source: str, answers: Sequence[str]) -> CallRun:
        """Ask the learner's functions."""
        run = CallCase.play(self, source, answers)
        if not run.wrong:
            return run
        number = int(run.wrong[0].partition(".")[0])
        words = [one.words for one in self.numbers["operations"] if one.do != "map"][:number]
        left_out = "... " if number > BEFORE else ""
        told = f"{self.happens} The last operations: {left_out}{'; '.join(words[-BEFORE:])}."
        return replace(run, case=replace(self, happens=told))


def case(name: str, happens: str, operations: list[Operation], sets: int, ways: int) -> TlbCase:
    """Make a case; right is what the processor of the emulator does."""
    done = tuple(operations)
    return TlbCase(
        name,
        f"{happens} The TLB has {sets} sets of {ways} ways.",
        partial(look, done, sets, ways),
        named(done, play(done, lambda machine: Hardware(machine, sets, ways))),
        {"operations": done, "sets": sets, "ways": ways},
        said=lambda access, gives: f"{access}: {gives}",
    )


def look(operations: tuple[Operation, ...], sets: int, ways: int, answers: Answers) -> dict[str, Any]:
    """Let the learner's TLB make the accesses."""
    return named(operations, play(operations, lambda _: Learner(answers, sets, ways)))


def named(operations: tuple[Operation, ...], found: list[tuple[Operation, str]]) -> dict[str, Any]:
    """Give what accesses came to by number and words; what is mapped before all has no number."""
    done = [one for one in operations if one.do != "map"]
    numbers = [n for n, one in enumerate(done, 1) if one.do in ("read", "write")]
    return {f"{n}. {one.words}": text for n, (one, text) in zip(numbers, found, strict=True)}


@lru_cache(maxsize=256)
def answers_of(operations: tuple[Operation, ...], sets: int, ways: int, slip: str) -> tuple[str, ...]:
    """Give what the accesses come to with a TLB that makes one mistake (`course.checks.h02_model`)."""
    from course.checks.h02_model import Model

    return tuple(text for _, text in play(operations, lambda machine: Model(machine, sets, ways, slip)))


# -- the operations --------------------------------------------------------------------------------


class Kernel:
    """Maps pages of drawn places, and puts operations together."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.pcids = draw("pcids", ((1, 2), (2, 3), (3, 1), (2, 1)))
        self.base = draw("base", range(0x10, 0x60, 0x10))  # a multiple of 16 pages, so that sets are known
        self.done: list[Operation] = []
        self._n_frames = 0

    def map(self, page: int, bits: int = x86.RW, pcid: int | None = None) -> int:
        """Map a page, by its number from the base on, for the first PCID; give an address in it."""
        size = LARGE if bits & x86.PS else PAGE
        va = (page if bits & x86.PS else page + self.base) * size
        self._n_frames += 1
        frame = (self._n_frames + 0x100) * LARGE
        owner = self.pcids[0] if pcid is None else pcid
        self.done.append(Operation("map", va, owner, frame, bits | x86.P | x86.US))
        return va + self.draw("offset", (0x10, 0x238, 0xFF0))

    def share(self, page: int) -> int:
        """Map a global page for both PCIDs, in the same frame; give an address in it."""
        va = self.map(page, x86.RW | x86.G)
        self.done.append(replace(self.done[-1], pcid=self.pcids[1]))
        return va

    def load(self, which: int, keep: bool) -> None:
        """Load CR3 for the first or the second PCID."""
        self.done.append(Operation("load_cr3", self.pcids[which] | (KEEP if keep else 0)))

    def do(self, what: str, *addresses: int) -> None:
        """Do an operation of the processor at addresses."""
        self.done += [Operation(what, va) for va in addresses]

    def edit(self, what: str, address: int) -> None:
        """Edit an entry of the first PCID."""
        self.done.append(Operation(what, address, self.pcids[0]))

    def some(self, n: int, addresses: Sequence[int], what: Sequence[str] = ("read",)) -> None:
        """Make some drawn accesses."""
        for nth in range(n):
            self.do(self.draw(f"what {nth}", what), self.draw(f"which {nth}", addresses))


def hits(draw: Draw) -> tuple[CallCase, ...]:
    """Hits, the first write, a page that comes later, rights that are given and taken, pages of 2 MiB."""
    kernel = Kernel(draw)
    p, q, r, large = kernel.map(1), kernel.map(2, 0), kernel.map(3), kernel.map(4, x86.RW | x86.PS)
    kernel.load(0, keep=False)
    kernel.do("read", p, p, large, large + 0x5000)
    kernel.edit("unmap", r)
    kernel.do("read", r)
    kernel.edit("remap", r)
    kernel.do("read", r)
    kernel.do("write", p, p, large + 0x3000, large)
    kernel.do("read", q, q)
    kernel.edit("allow", q)
    kernel.do("write", q, q)
    kernel.edit("unmap", p)
    kernel.edit("protect", q)
    kernel.do("write", q, p)
    kernel.do("read", p)
    kernel.some(12, (p, q, r, large, large + 0x9000), ("read", "write"))
    return (case("one address space", "One PCID; entries change.", kernel.done, 16, 4),)


def eviction(draw: Draw) -> tuple[CallCase, ...]:
    """More pages of one set than it has ways."""
    kernel = Kernel(draw)
    sets, ways = draw("shape", ((4, 3), (8, 3), (16, 4), (4, 4)))
    pages = [kernel.map(1 + nth * sets) for nth in range(ways + 3)]
    kernel.load(0, keep=False)
    kernel.do("read", *pages[:ways], *pages[:1] * 3, pages[ways], *pages[2::-1])
    kernel.some(24, pages)
    return (case("one set", "All pages belong to one set.", kernel.done, sets, ways),)


def modulo(draw: Draw) -> tuple[CallCase, ...]:
    """A number of sets that is no power of two: all pages have room."""
    kernel = Kernel(draw)
    sets, ways = draw("size", ((192, 8), (384, 4)))
    pages = [kernel.map(nth * sets // 3) for nth in range(2 * ways + 2)]
    kernel.load(0, keep=False)
    kernel.do("read", *pages, *pages)
    return (case("1536 entries", "There is room for every page.", kernel.done, sets, ways),)


def spaces(draw: Draw) -> tuple[CallCase, ...]:
    """Two address spaces with the same addresses, and a page that is global."""
    kernel = Kernel(draw)
    p, q = kernel.map(1), kernel.map(2)
    kernel.map(1, pcid=kernel.pcids[1])
    kernel.map(2, pcid=kernel.pcids[1])
    shared = kernel.share(3)
    kernel.load(0, keep=False)
    kernel.do("read", p, q, shared)
    kernel.load(1, keep=True)
    kernel.do("read", p, shared)
    kernel.load(0, keep=True)
    kernel.do("read", p, q)
    kernel.load(1, keep=False)
    kernel.do("read", shared, p)
    kernel.load(0, keep=True)
    kernel.do("read", p)
    kernel.load(0, keep=False)
    kernel.do("read", shared, p)
    for nth in range(6):
        kernel.load(draw(f"space {nth}", (0, 1)), draw(f"keep {nth}", (True, False)))
        kernel.do("read", draw(f"first {nth}", (p, q)), draw(f"second {nth}", (q, shared)))
    return (case("two address spaces", "Two PCIDs, and a global page.", kernel.done, 16, 4),)


def flushes(draw: Draw) -> tuple[CallCase, ...]:
    """One page is forgotten, or one address space."""
    kernel = Kernel(draw)
    p, q, large = kernel.map(1), kernel.map(2), kernel.map(5, x86.RW | x86.PS)
    kernel.map(1, pcid=kernel.pcids[1])
    shared = kernel.share(3)
    kernel.load(0, keep=False)
    kernel.do("read", p, q, large, large + 0x7000, shared)
    kernel.do("invlpg", p)
    kernel.do("read", q, p)
    kernel.do("invlpg", large + draw("part", range(PAGE, LARGE - PAGE, PAGE)))
    kernel.do("read", large, q)
    kernel.load(1, keep=True)
    kernel.do("read", p)
    kernel.do("invlpg", p, shared)
    kernel.load(0, keep=True)
    kernel.do("read", p, shared, q)
    kernel.load(0, keep=False)
    kernel.do("read", shared, q, large)
    for nth in range(6):
        kernel.do("invlpg", draw(f"invlpg {nth}", (p, q, large + PAGE, shared)))
        kernel.some(2, (p, q, large, large + 0x7000, shared))
    return (case("forgetting", "INVLPG and loads of CR3.", kernel.done, 16, 4),)
