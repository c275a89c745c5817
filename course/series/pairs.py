"""Which decisions stand for which patch."""

from __future__ import annotations

from course.series.decisions import (
    p01_locked,
    p02_hugetlb,
    p03_helper,
    p04_x86,
    p05_arc,
    p06_arm64,
    p07_powerpc,
    p08_sh,
    p11_default,
    p16_blocking,
)
from course.series.decisions.pair import Pair

__all__ = ["ALSO", "PAIRS", "RENAMED"]

PAIRS: dict[int, Pair] = {
    1: p01_locked.PAIR,
    2: p02_hugetlb.PAIR,
    3: p03_helper.PAIR,
    4: p04_x86.PAIR,
    5: p05_arc.PAIR,
    6: p06_arm64.PAIR,
    7: p07_powerpc.PAIR,
    8: p08_sh.PAIR,
    11: p11_default.PAIR,
    16: p16_blocking.PAIR,
}
"""The decision that a patch changes in code, before and after it."""

ALSO: dict[int, tuple[Pair, ...]] = {8: (p08_sh.FIXED,), 16: (p16_blocking.WITHOUT_15,)}
"""The same decision under another premise: with our fix, without another patch."""

RENAMED: dict[int, dict[str, str]] = {1: p01_locked.RENAMED}
"""The patches whose two sides have the same text: old name -> new name."""
