"""TLB reach: an array that is larger than what the TLB reaches, and what helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course.demos.parts import Part, table, text
from course.demos.script import Demo, Step, Vote
from pyemu.hw import Kind, TlbArray, TlbConfig, make_mmu
from pyemu.hw.presets import PRESETS
from pyemu.memtrace.files import Chunk
from pyemu.memtrace.pages import mapped, touched

__all__ = ["demo"]

SMALL, LARGE = 1 << 12, 1 << 21
BASE = 0x7F00_0000_0000
SETS, WAYS = 16, 4
N_PAGES = 256
N_ROUNDS = 4
SKYLAKE = PRESETS["skylake"].config


@dataclass(frozen=True, slots=True)
class Rounds:
    """Rounds through the array, a read in each small page: misses of the first level, and walks."""

    misses: tuple[int, ...]
    walks: tuple[int, ...]


def demo() -> Demo:
    """Run the rounds on each TLB, and give the script."""
    lru, fair = _rounds(_tlb("lru")), _rounds(_tlb("random"))
    huge = _rounds(TlbConfig((TlbArray(SETS, WAYS), TlbArray(8, 4, (LARGE,)))), LARGE)
    both = _rounds(SKYLAKE)
    n_entries, size = SETS * WAYS, N_PAGES * SMALL // 2**20
    guesses = tuple(map(str, (0, n_entries, N_PAGES - n_entries, N_PAGES)))
    more, fewer, same = "More misses", "Fewer misses", "The same"
    after = fair.misses[-1]
    moved = fewer if after < lru.misses[-1] else more if after > lru.misses[-1] else same
    first = ("1", "2", str(N_PAGES // 2), str(N_PAGES))
    (l2,) = (one for one in SKYLAKE.l2 if SMALL in one.sizes)
    question = f"{n_entries} entries, {N_PAGES} pages, round and round: misses in each later round?"
    rounds = [f"round {nth}" for nth in range(1, N_ROUNDS + 1)]
    rows = [
        ("LRU, 4 KiB pages", *map(str, lru.misses)),
        ("random, 4 KiB pages", *map(str, fair.misses)),
        ("LRU, 2 MiB pages", *map(str, huge.misses)),
    ]
    return Demo(
        name="tlb-reach",
        title="TLB reach",
        about="An array that is larger than the TLB reaches: how many misses a round, and what helps.",
        steps=(
            Step(
                f"An array of {size} MiB, a TLB of {n_entries} entries",
                (
                    (
                        text(
                            f"A program reads one byte in each page of {SMALL} bytes, from first to last: "
                            f"{N_PAGES} reads. Then it starts over.",
                            f"The TLB has {SETS} sets of {WAYS} ways. A full set lets the page go that was "
                            "not used for the longest time (LRU).",
                        ),
                    ),
                ),
                0.5,
                say="A miss means a walk through the page table. We count misses of the first level only.",
                ask="How much memory do the entries reach?",
                expect=f"{n_entries * SMALL // 1024} KiB: a quarter of the array.",
                sees=(f"{N_PAGES} reads", f"{SETS} sets of {WAYS} ways"),
            ),
            Step(
                "How many misses in each later round?",
                ((_held(0),),),
                0.5,
                say="The TLB is empty, so the first round misses every time. From then on?",
                ask="Hands up for each number.",
                expect=f"Most subtract, and say {N_PAGES - n_entries}.",
                sees=(question,),
                vote="lru",
            ),
            Step(
                "The pages go as they would be needed",
                (
                    *((_held(n),) for n in (n_entries, 2 * n_entries, N_PAGES)),
                    (_held(N_PAGES), table("Misses", ("", *rounds), rows[:1])),
                ),
                1,
                say="After a round, the TLB holds the end of the array. The next round begins at its start, "
                "and throws out each page shortly before it is read. LRU keeps what is not needed.",
                sees=("Misses", str(lru.misses[-1])),
                reveals="lru",
            ),
            Step(
                "What if a full set lets any page go, at random?",
                ((table("Misses", ("", *rounds), rows[:1]),),),
                0.5,
                ask="More, fewer, the same?",
                expect="The room is divided. Random sounds worse than a rule.",
                sees=(more, fewer, same),
                vote="random",
            ),
            Step(
                "Random replacement",
                ((table("Misses", ("", *rounds), rows[:2], (1,)),),),
                0.5,
                say="Now and then, chance keeps a page until it is needed. No rule that looks at the past "
                "alone would do: the pattern is made to beat it.",
                sees=(rows[1][0], str(after)),
                key="r",
                reveals="random",
            ),
            Step(
                f"Pages of {LARGE // 2**20} MiB",
                ((table("Misses", ("", *rounds), rows[:2]),),),
                0.5,
                ask="And with large pages, in the first round?",
                expect="Many forget that the array is smaller than one such page.",
                sees=(f"{LARGE // 2**20} MiB",),
                vote="huge",
            ),
            Step(
                "One entry reaches it all",
                ((table("Misses", ("", *rounds), rows, (2,)),),),
                0.5,
                say="One miss, and then none.",
                sees=(rows[2][0], str(huge.misses[0])),
                key="h",
                reveals="huge",
            ),
            Step(
                "The second level",
                (
                    (
                        table(
                            f"A Skylake: a second level of {l2.sets * l2.ways} entries behind the first",
                            ("4 KiB pages", *rounds),
                            [
                                ("misses of the first level", *map(str, both.misses)),
                                ("walks", *map(str, both.walks)),
                            ],
                        ),
                    ),
                ),
                1,
                ask="Why does nobody notice this on a laptop?",
                expect="Somebody knows: there is a second level.",
                say="It catches each of these misses after round 1. What it does not reach costs walks.",
                sees=("walks", str(l2.sets * l2.ways)),
            ),
        ),
        votes={
            "lru": Vote(question, guesses, {str(lru.misses[-1]): "LRU"}),
            "random": Vote(
                "Random replacement: more misses in a round, fewer, or the same?",
                (more, fewer, same),
                {moved: f"{after} misses in round {N_ROUNDS}"},
            ),
            "huge": Vote(
                "Misses in the first round, with large pages?", first, {str(huge.misses[0]): "2 MiB"}
            ),
        },
        keys={"r": "random", "h": "huge pages"},
        sources=(
            f"The hardware model of the emulator: {SETS} sets of {WAYS} ways, LRU or random.",
            "The last table: its model of an Intel Skylake.",
        ),
    )


def _tlb(policy: str) -> TlbConfig:
    return TlbConfig((TlbArray(SETS, WAYS, policy=policy),))  # type: ignore[arg-type]  # one of its policies


def _reads() -> Chunk:
    addresses = BASE + SMALL * np.arange(N_PAGES, dtype=np.uint64)
    return Chunk(addresses, np.full(N_PAGES, Kind.READ, np.uint8))


def _rounds(tlb: TlbConfig, size: int = SMALL) -> Rounds:
    reads = _reads()
    machine = mapped(touched(iter([reads]), size), size)
    mmu = make_mmu(machine.ram, tlb=tlb)
    mmu.load(machine.cpu)
    misses, walks = [0], [0]
    for _ in range(N_ROUNDS):
        mmu.access_many(reads.addresses, reads.kinds)
        misses.append(mmu.stats.l1_misses)
        walks.append(mmu.stats.walks)
    return Rounds(tuple(np.diff(misses).tolist()), tuple(np.diff(walks).tolist()))


def _held(n: int) -> Part:
    """Show what each set holds after some reads of the first round; the last used way in front."""
    reads = _reads()
    machine = mapped(touched(iter([reads])))
    mmu = make_mmu(machine.ram, tlb=_tlb("lru"))
    mmu.load(machine.cpu)
    mmu.access_many(reads.addresses[:n], reads.kinds[:n])
    held = [[str(one.vpn - BASE // SMALL) for one in ways] for ways in mmu.tlb_entries().l1[0].sets]
    rows = [
        (f"way {way + 1}", *(ways[way] if way < len(ways) else "·" for ways in held)) for way in range(WAYS)
    ]
    said = f"after {n} reads" if n else "before the first read"
    return table(f"Pages that the TLB holds {said}", ("set", *map(str, range(SETS))), rows, dense=True)
