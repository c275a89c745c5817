"""Random TLBs: small, so that every set is full soon, and of every shape."""

from __future__ import annotations

import random

from pyemu.hw import TlbArray, TlbConfig, WalkCache
from pyemu.hw.tlb import Policy, Serves
from tests.hw.random_tables import chance

SIZES = (1 << 12, 1 << 21, 1 << 30)
POLICIES: tuple[Policy, ...] = ("lru", "lru", "plru", "fifo", "random")


def array(rng: random.Random, serves: Serves = "all", sizes: tuple[int, ...] | None = None) -> TlbArray:
    if sizes is None:
        sizes = tuple(size for size in SIZES if chance(rng, 50)) or (SIZES[0],)
    return TlbArray(
        rng.choice((1, 1, 2, 3, 4, 5)), rng.choice((1, 2, 3, 4, 6, 7)), sizes, serves, rng.choice(POLICIES)
    )


def arrays(rng: random.Random) -> tuple[TlbArray, ...]:
    """The arrays of one level that serve everything."""
    style = rng.choice(("one", "split", "by size", "mixed"))
    if style == "one":
        return (array(rng),)
    if style == "split":
        return (array(rng, "data"), array(rng, "fetch"))
    if style == "by size":
        return (*(array(rng, "data", (size,)) for size in SIZES), array(rng, "fetch", SIZES[:2]))
    return (*(array(rng, rng.choice(("data", "fetch", "all"))) for _ in range(2)), array(rng))


def front(rng: random.Random) -> TlbConfig:
    """One array of 4 and one of 12 ways in a power of two sets: the shape that the compiled loop knows."""
    return TlbConfig.two_level(rng.choice((1, 2, 16)), 4, rng.choice((1, 2, 4, 128)), 12)


def config(rng: random.Random) -> TlbConfig:
    """A random configuration."""
    style = rng.choice(("front", "front with others", "any", "any", "any", "any"))
    if style == "front":
        return front(rng)
    l1 = arrays(rng)
    if chance(rng, 15):
        l2: tuple[TlbArray, ...] = ()
    elif chance(rng, 20):
        l2 = (array(rng, rng.choice(("data", "fetch"))),)
    else:
        l2 = arrays(rng)
    caches = tuple(
        WalkCache(level, rng.choice((1, 2, 3)), rng.choice((1, 2, 4, 5)), rng.choice(POLICIES))
        for level in rng.sample((2, 3, 4, 5), rng.choice((0, 0, 1, 2, 3, 4)))
    )
    if style == "front with others":
        fronts = front(rng)
        l1, l2 = fronts.l1 + l1, fronts.l2 + l2
    seed = rng.getrandbits(64)
    if style == "front with others" and seed % 2:  # and the walk caches that it knows
        caches = tuple(WalkCache(cache.level, min(cache.sets, 2), min(cache.ways, 4)) for cache in caches)
    return TlbConfig(l1, l2, caches, seed)
