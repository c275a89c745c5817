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
        rng.choice((1, 1, 2, 3, 4, 5)),
        rng.choice((1, 2, 3, 4, 6, 7, 12, 17)),
        sizes,
        serves,
        rng.choice(POLICIES),
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


def front(rng: random.Random, n_ways: int) -> tuple[TlbArray, ...]:
    """The arrays of one level, those looked at first of the shape for which the compiled loop is made."""

    def shaped(serves: Serves = "all", sizes: tuple[int, ...] = SIZES[:1]) -> TlbArray:
        return TlbArray(rng.choice((1, 1, 2, 4)), n_ways, sizes, serves)

    style = rng.choice(("alone", "alone", "sizes", "split", "beside"))
    if style == "alone":
        return (shaped(),)
    if style == "sizes":
        return (shaped("all", rng.choice((SIZES[:2], SIZES))),)
    if style == "split":
        return (shaped("data"), shaped("fetch", SIZES[:2]))
    return (shaped(), array(rng, rng.choice(("all", "data")), SIZES[1:]))


def walk_caches(rng: random.Random, n: int) -> tuple[WalkCache, ...]:
    return tuple(
        WalkCache(level, rng.choice((1, 2, 3)), rng.choice((1, 2, 4, 5)), rng.choice(POLICIES))
        for level in rng.sample((2, 3, 4, 5), n)
    )


def is_usual(tlb: TlbConfig) -> bool:
    """Whether this is the shape for which the compiled loop has its fastest form."""
    arrays = (*tlb.l1, *tlb.l2)
    return (
        [one.ways for one in arrays] == [4, 12]
        and all(one.policy == "lru" and one.sizes == SIZES[:1] for one in arrays)
        and not tlb.walk_caches
    )


def config(rng: random.Random) -> TlbConfig:
    """A random configuration, sometimes the plain one, or one like it."""
    if chance(rng, 10):
        return TlbConfig.two_level()
    if chance(rng, 30):
        return TlbConfig(front(rng, 4), front(rng, 12), walk_caches(rng, rng.choice((0, 0, 0, 1, 2))))
    l1 = arrays(rng)
    if chance(rng, 15):
        l2: tuple[TlbArray, ...] = ()
    elif chance(rng, 20):
        l2 = (array(rng, rng.choice(("data", "fetch"))),)
    else:
        l2 = arrays(rng)
    caches = walk_caches(rng, rng.choice((0, 0, 1, 2, 3, 4)))
    return TlbConfig(l1, l2, caches, rng.getrandbits(64))
