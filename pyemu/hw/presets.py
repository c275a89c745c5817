"""TLBs of real processors, as configurations of the model.

Each number has a source, and what nobody has published is listed as an assumption: replacement policies
above all, which are taken as LRU. Where threads of a core share an array, one thread has it to itself.

The model has no separate array for stores, no page sizes chosen by coalescing, and no skewed
associativity (AMD's second level finds the ways of each page size by a hash of their own).

Examples
--------
>>> from pyemu.hw import make_mmu
>>> from pyemu.hw.presets import PRESETS
>>> sorted(PRESETS)
['haswell', 'nehalem', 'skylake', 'u54', 'zen2', 'zen4']
>>> mmu = make_mmu(bytearray(1 << 20), tlb=PRESETS["skylake"].config)
>>> sum(array.sets * array.ways for array in PRESETS["skylake"].config.l2)
1552
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyemu.hw.tlb import TlbArray, TlbConfig, WalkCache

K4, M2, G1 = 1 << 12, 1 << 21, 1 << 30
ALL_SIZES = (K4, M2, G1)


@dataclass(frozen=True, slots=True)
class Preset:
    """One processor."""

    title: str
    config: TlbConfig
    sources: tuple[str, ...]
    """What each number is taken from."""
    assumptions: tuple[str, ...]
    """What has no public source."""


def _leaf_2(what: str, descriptor: str) -> str:
    return f"{what}: CPUID leaf 2, descriptor {descriptor} (meaning: Intel SDM volume 2A, CPUID)"


LRU = "replacement: LRU everywhere; Intel, AMD and SiFive publish no policy"

# ------------------------------------------------------------------------------------------- Intel

INTEL_WALK_CACHES = (WalkCache(2, 1, 32), WalkCache(3, 1, 4))
PDPTE_CACHE = "PDPTE cache of 4 entries: README of vusec/revanc"
INTEL_ASSUMPTIONS = (
    LRU,
    "PDE cache: as many entries as the data TLB has for 2 MiB, the guideline of vusec/revanc",
    "PDPTE cache: the 4 entries are told for Ivy Bridge and older; later ones have 4 entries for 1 GiB pages",
    "walk caches: fully associative; none for PML4Es",
)

NEHALEM = Preset(
    "Intel Nehalem (2008)",
    TlbConfig(
        l1=(
            TlbArray(16, 4, (K4,), "data"),
            TlbArray(8, 4, (M2,), "data"),
            TlbArray(32, 4, (K4,), "fetch"),
            TlbArray(1, 7, (M2,), "fetch"),
        ),
        l2=(TlbArray(128, 4, (K4,)),),
        walk_caches=INTEL_WALK_CACHES,
    ),
    (
        _leaf_2("data, 4 KiB: 64 entries, 4-way", "03"),
        _leaf_2("data, 2 MiB: 32 entries, 4-way", "5A"),
        "fetch, 4 KiB: 128 entries, 4-way: D. Kanter, Inside Nehalem, Real World Technologies, 2008",
        _leaf_2("fetch, 2 MiB: 7 entries, fully associative", "55"),
        _leaf_2("second level, 4 KiB: 512 entries, 4-way", "CA"),
        PDPTE_CACHE,
    ),
    INTEL_ASSUMPTIONS,
)

INTEL_DATA = (
    TlbArray(16, 4, (K4,), "data"),
    TlbArray(8, 4, (M2,), "data"),
    TlbArray(1, 4, (G1,), "data"),
)
INTEL_DATA_SOURCES = (
    _leaf_2("data, 4 KiB: 64 entries, 4-way", "03"),
    _leaf_2("data, 2 MiB: 32 entries, 4-way, and 1 GiB: 4 entries, 4-way", "63"),
    _leaf_2("fetch, 2 MiB: 8 entries, fully associative", "76"),
    PDPTE_CACHE,
)

HASWELL = Preset(
    "Intel Haswell (2013)",
    TlbConfig(
        l1=(*INTEL_DATA, TlbArray(32, 4, (K4,), "fetch"), TlbArray(1, 8, (M2,), "fetch")),
        l2=(TlbArray(128, 8, (K4, M2)),),
        walk_caches=INTEL_WALK_CACHES,
    ),
    (
        *INTEL_DATA_SOURCES,
        "fetch, 4 KiB: 128 entries, 4-way: WikiChip, Skylake (client), key changes from Broadwell",
        _leaf_2("second level, 4 KiB and 2 MiB: 1024 entries, 8-way", "C1"),
    ),
    INTEL_ASSUMPTIONS,
)

SKYLAKE = Preset(
    "Intel Skylake (2015)",
    TlbConfig(
        l1=(*INTEL_DATA, TlbArray(16, 8, (K4,), "fetch"), TlbArray(1, 8, (M2,), "fetch")),
        l2=(TlbArray(128, 12, (K4, M2)), TlbArray(4, 4, (G1,))),
        walk_caches=INTEL_WALK_CACHES,
    ),
    (
        *INTEL_DATA_SOURCES,
        "fetch, 4 KiB: 128 entries, 8-way: Intel Optimization Reference Manual (248966-045), table 2-15",
        _leaf_2("second level, 4 KiB and 2 MiB: 1536 entries; 1 GiB: 16 entries, 4-way", "C3"),
        "second level, 4 KiB and 2 MiB: 12-way: WikiChip, Skylake (client); the descriptor says 6-way",
    ),
    INTEL_ASSUMPTIONS,
)

# ------------------------------------------------------------------------------------------- AMD

AMD_ASSUMPTIONS = (
    LRU,
    "walk caches: none. The second level also holds PDEs (WikiChip, Zen 2), which the model can't",
    "second level, data: 128 sets, as in Zen 1, which has 12 ways (AMD 55723, section 2.7.2)",
)

ZEN2 = Preset(
    "AMD Zen 2 (2019)",
    TlbConfig(
        l1=(TlbArray(1, 64, ALL_SIZES, "data"), TlbArray(1, 64, ALL_SIZES, "fetch")),
        l2=(TlbArray(128, 16, (K4, M2), "data"), TlbArray(128, 8, (K4, M2), "fetch")),
    ),
    (
        "data: 64 entries, fully associative: CPUID 8000_0005 EAX FF40FF40 and 8000_0019 EAX F040F040",
        "fetch: 64 entries, fully associative: the same",
        "second level, data: 2048 entries: CPUID 8000_0006 EBX 68006400",
        "second level, fetch: 1024 entries, 8-way: the same",
    ),
    (
        *AMD_ASSUMPTIONS,
        "a 1 GiB page from the second level is held as 2 MiB; the processor installs 1 GiB again (WikiChip)",
    ),
)

ZEN4 = Preset(
    "AMD Zen 4 (2022)",
    TlbConfig(
        l1=(TlbArray(1, 72, ALL_SIZES, "data"), TlbArray(1, 64, ALL_SIZES, "fetch")),
        l2=(
            TlbArray(128, 24, (K4, M2), "data"),
            TlbArray(1, 64, (G1,), "data"),
            TlbArray(128, 4, (K4, M2), "fetch"),
        ),
    ),
    (
        "data: 72 entries, fully associative: CPUID 8000_0005 EAX FF48FF40 and 8000_0019 EAX F048F040",
        "fetch: 64 entries, fully associative: the same",
        "second level, data: 3072 entries: CPUID 8000_0006 EBX 6C004200",
        "second level, data, 1 GiB: 64 entries, fully associative: CPUID 8000_0019 EBX F0400000",
        "second level, fetch: 512 entries, 4-way: CPUID 8000_0006 EBX 6C004200",
    ),
    (*AMD_ASSUMPTIONS, "second level, fetch: 4-way for 2 MiB too; CPUID 8000_0006 EAX 5C002200 says 2-way"),
)

# ------------------------------------------------------------------------------------------- RISC-V

U54 = Preset(
    "SiFive U54 (2017): Sv39, with Svade",
    TlbConfig(l1=(TlbArray(1, 32, ALL_SIZES, "data"), TlbArray(1, 32, ALL_SIZES, "fetch"))),
    (
        "data and fetch: 32 entries each, fully associative: Microchip, PolarFire SoC documentation, U54 MMU",
        "pages of 2 MiB and 1 GiB; a fault where A or D would have to be set: the same",
    ),
    (LRU, "no second level and no walk caches: the manual mentions none"),
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {"nehalem": NEHALEM, "haswell": HASWELL, "skylake": SKYLAKE, "zen2": ZEN2, "zen4": ZEN4, "u54": U54}
)
"""All of them, by a short name."""
