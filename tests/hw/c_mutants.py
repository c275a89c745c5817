"""Copies of the compiled twin with one rule wrong in its C, to see whether a comparison would notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.hw import compiled


@dataclass(frozen=True)
class CMutant:
    """One replacement in a file of `pyemu/hw/core`, seen by one variant."""

    name: str
    file: str
    old: str
    new: str
    variant: str = "plain"

    def __str__(self) -> str:
        return self.name

    def edit(self, name: str, text: str) -> str:
        """The text of a file of the core, with the replacement made if it is this one."""
        if name != self.file:
            return text
        if text.count(self.old) != 1:
            raise LookupError(f"{self.name}: {self.old!r} stands {text.count(self.old)} times in {name}")
        return text.replace(self.old, self.new)

    def build(self, workshop: compiled.Workshop) -> Any:
        """A copy of the module."""
        return compiled.load(workshop.build(self.name, self.edit, simd=self.variant != "plain"))


C_MUTANTS = [
    # runs of accesses to one page
    CMutant(
        "block-ignores-kinds", "loop.h", "apart >> 12 || (kinds ^ served.like) & served.but", "apart >> 12"
    ),
    CMutant(
        "block-writes-where-reads-may",
        "loop.h",
        "permitted(m, entry, READ) && permitted(m, entry, WRITE)",
        "permitted(m, entry, READ)",
    ),
    CMutant("block-of-two-pages", "loop.h", "apart >> 12 ||", "apart >> 13 ||"),
    CMutant(
        "block-ignores-its-last-access",
        "loop.h",
        "k < BLOCK; k++)\n        apart",
        "k < BLOCK - 1; k++)\n        apart",
    ),
    CMutant("block-after-a-miss", "loop.h", "form == PLAIN || m->n_l1_misses + m->n_d_walks == n_slow", "1"),
    CMutant(
        "block-ignores-its-last-access-avx512",
        "loop.h",
        "if (_mm512_test_epi64_mask(",
        "if (0x7F & _mm512_test_epi64_mask(",
        "avx512",
    ),
    # addresses and keys
    CMutant(
        "one-bit-more-is-canonical",
        "core.h",
        "(va + (1ULL << (cpu->width - 1))) >> cpu->width == 0",
        "(va + (1ULL << cpu->width)) >> (cpu->width + 1) == 0",
    ),
    CMutant(
        "one-bit-more-is-canonical-in-fronts",
        "loop.h",
        "(va + (1ULL << 47)) >> 48 == 0",
        "(va + (1ULL << 48)) >> 49 == 0",
    ),
    CMutant("own-entries-only", "loop.h", "!entry && m->holds_globals && m->cpu.globals", "0"),
    CMutant(
        "global-entries-are-own",
        "loop.h",
        "uint64_t space = form & GENERAL && entry & E_GLOBAL ? K_GLOBAL : m->cpu.space",
        "uint64_t space = m->cpu.space",
    ),
    CMutant(
        "walk-caches-shared",
        "core.h",
        "return K_VALID | cpu->space | (va & ((1ULL << cpu->width) - 1)) >> (12 + 9 * (level - 1))",
        "return K_VALID | (va & ((1ULL << cpu->width) - 1)) >> (12 + 9 * (level - 1))",
    ),
    CMutant(
        "sets-by-mask-only",
        "core.h",
        "LIKELY(a->mask) ? page & a->mask : page % a->n_sets",
        "page & (a->n_sets - 1)",
    ),
    # what is kept, and what is known of it
    CMutant(
        "useless-entries-stay",
        "loop.h",
        "            forget(a, block, way);\n            return 0;",
        "            return 0;",
    ),
    CMutant("pieces-not-noted", "loop.h", "m->holds_pieces |= size_of(entry) > home->size;", ""),
    CMutant("held-not-noted", "loop.h", "a->held |= 1 << home->size;", "a->held |= 1;"),
    CMutant("others-not-noted", "loop.h", "a != level->front[kind] || home->size || entry", "entry"),
    CMutant("globals-not-noted", "loop.h", "home->size || entry & E_GLOBAL;", "home->size;"),
    CMutant(
        "small-walk-caches-by-few-bits",
        "walk.h",
        "caches == SMALL_CACHES ? 48",
        "caches == SMALL_CACHES ? 30",
    ),
    CMutant("same-key-twice", "loop.h", "if (instead) {", "if (0) {"),
    CMutant("d-walk-forgets-nothing", "loop.h", "    forget(place.array, place.block, place.way);\n", ""),
    # batches
    CMutant("skipped-faults-keep-their-address", "loop.h", "pa[i++] = NO_ADDRESS;", "i++;"),
    CMutant("full-logs-go-on", "loop.h", "run->n_log < MAX_EVENTS", "run->n_log < MAX_EVENTS - 2"),
    CMutant(
        "single-hits-are-no-use",
        "plain.c",
        "    use(front, block, way, LRU, L1_SHAPE.lanes, L1_SHAPE.ranks);\n",
        "",
    ),
    # walks
    CMutant(
        "pat-is-reserved",
        "walk.h",
        "entry & inside & X86_ADDRESS & ~0x1000ULL",
        "entry & inside & X86_ADDRESS",
    ),
    CMutant("a-in-no-faulting-leaf", "walk.h", "(w.level >= 3 || !(entry & X86_PS))", "(!(entry & X86_PS))"),
    CMutant("d-by-reads", "walk.h", "(uint64_t)(kind == WRITE) << 6", "(uint64_t)(kind != FETCH) << 6"),
    CMutant(
        "riscv-pointer-bits-ignored", "walk.h", "w.level == 1 || entry & (RV_A | RV_D | RV_U)", "w.level == 1"
    ),
    CMutant("walk-cache-gives-all-rights", "walk.h", "walk->every = entry;", "walk->every = ~0ULL;"),
    CMutant("walk-cache-forgets-nx", "walk.h", "walk->some = entry;", "walk->some = 0;"),
    # invalidation
    CMutant("fault-keeps-walk-caches", "core.c", "    core_drop_walk(m, va);\n", ""),
    CMutant(
        "fault-keeps-the-top", "core.c", "level = 2; level <= m->cpu.top;", "level = 2; level < m->cpu.top;"
    ),
    CMutant("invlpg-drops-one-piece", "core.c", "page >> (9 * size);", "page >> (9 * held);"),
    CMutant("global-keys-stay", "core.c", "if (globals && m->holds_globals)", "if (0)"),
    CMutant(
        "clear-keeps-the-generator",
        "core.c",
        "a->random = a->seed;",
        "a->random = a->random ? a->random : a->seed;",
    ),
    # policies
    CMutant("ranks-off-by-one", "ways.h", "was + (was < rank)", "was + (was < rank - 1)"),
    CMutant("forgotten-ways-stay-young", "ways.h", "        order[way] = (uint16_t)(a->n_ways - 1);\n", ""),
    CMutant("plru-follows-use", "ways.h", "if (bits >> middle & 1)", "if (!(bits >> middle & 1))"),
    CMutant("another-generator", "ways.h", "x ^= x >> 7;", "x ^= x >> 9;"),
    CMutant(
        "ranks-grow-the-wrong-way-avx2",
        "ways.h",
        "_mm256_cmpgt_epi16(it, was)",
        "_mm256_cmpgt_epi16(was, it)",
        "avx2",
    ),
    CMutant(
        "second-half-misplaced-avx2",
        "ways.h",
        "matches4(keys + 4, key) << 4",
        "matches4(keys + 4, key) << 3",
        "avx2",
    ),
    CMutant(
        "last-four-ways-misplaced-avx512",
        "ways.h",
        "matches4(keys + 8, key) << 8",
        "matches4(keys + 8, key) << 7",
        "avx512",
    ),
]
