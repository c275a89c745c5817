"""Who goes when a set is full: small cases worked out by hand."""

from __future__ import annotations

import random

import pytest

from pyemu.hw import Mmu, TlbArray, TlbConfig
from pyemu.hw.tlb import Policy
from tests.hw.machines import FRAME, VA, Machine

N_PAGES = 12


def machine_of(twin: str, policy: Policy, ways: int, sets: int = 1, seed: int = 0) -> Mmu:
    """A machine with `N_PAGES` pages and one array, no second level."""
    machine = Machine()
    for i in range(N_PAGES):
        machine.map(VA + 0x1000 * i, FRAME + 0x1000 * i)
    return machine.start(twin, TlbConfig((TlbArray(sets, ways, policy=policy),), seed=seed))


def use(mmu: Mmu, pages: str) -> None:
    """Read pages that are named by letters."""
    for page in pages:
        mmu.read(VA + 0x1000 * (ord(page) - ord("a")))


def drop(mmu: Mmu, page: str) -> None:
    mmu.invlpg(VA + 0x1000 * (ord(page) - ord("a")))


def content(mmu: Mmu) -> str:
    (array,) = mmu.tlb_entries().l1
    return "".join(chr(ord("a") + entry.vpn - (VA >> 12)) for entry in array.entries)


@pytest.mark.parametrize(
    ("policy", "pages", "left"),
    [
        ("lru", "abcd", "dcba"),
        ("lru", "abcda", "adcb"),
        ("lru", "abcdae", "eadc"),
        ("lru", "abcdabbe", "ebad"),
        ("fifo", "abcd", "dcba"),
        ("fifo", "abcda", "dcba"),
        ("fifo", "abcdae", "edcb"),
        ("fifo", "abcdaea", "aedc"),
        # A tree of three bits: after abcd, all point to the left half; e takes a's way, way 0.
        ("plru", "abcd", "abcd"),
        ("plru", "abcde", "ebcd"),
        # e points the root to the right half, whose node points to c.
        ("plru", "abcdef", "ebfd"),
        # a again: the root points right, there to c. True LRU would give up b.
        ("plru", "abcdae", "abed"),
        ("plru", "abcdaceb", "aecb"),
    ],
)
def test_four_ways(twin: str, policy: Policy, pages: str, left: str) -> None:
    mmu = machine_of(twin, policy, 4)
    use(mmu, pages)
    assert content(mmu) == left


@pytest.mark.parametrize(
    ("pages", "left"),
    [
        # Six ways split 3 + 3, each three 2 + 1. After abcdef all bits point left: a goes.
        ("abcdefg", "gbcdef"),
        # The root then points right, to the pair d e, there to d.
        ("abcdefgh", "gbchef"),
        # Now left: its node points away from the pair a b, to c.
        ("abcdefghi", "gbihef"),
        ("abcdefghij", "gbihej"),
    ],
)
def test_a_tree_over_six_ways(twin: str, pages: str, left: str) -> None:
    mmu = machine_of(twin, "plru", 6)
    use(mmu, pages)
    assert content(mmu) == left


def test_the_bits_of_a_tree_survive_its_entries_but_not_clear(twin: str) -> None:
    mmu = machine_of(twin, "plru", 4)
    use(mmu, "ab")
    # Root (bit 2): used left, points right. Left node (bit 1): b is its right half, points left.
    assert mmu.tlb_entries().l1[0].state == (0b100,)
    drop(mmu, "a")
    drop(mmu, "b")
    assert mmu.tlb_entries().l1[0].state == (0b100,)
    mmu.clear()
    assert mmu.tlb_entries().l1[0].state == (0,)


@pytest.mark.parametrize("policy", ["plru", "random"])
def test_the_lowest_empty_way_is_filled_first(twin: str, policy: Policy) -> None:
    mmu = machine_of(twin, policy, 4)
    use(mmu, "abcd")
    drop(mmu, "b")
    drop(mmu, "d")
    use(mmu, "ef")
    assert content(mmu) == "aecf"


MASK = (1 << 64) - 1


def draws(x: int) -> list[int]:
    """The ways that xorshift64 draws out of three, from state `x`."""
    ways = []
    for _ in range(50):
        x = (x ^ (x << 13)) & MASK
        x ^= x >> 7
        x = (x ^ (x << 17)) & MASK
        ways.append(((x >> 32) * 3) >> 32)
    return ways


def test_the_random_policy_draws_from_a_known_generator(twin: str) -> None:
    # The first number that splitmix64 gives from state 0 is in the test vectors of its author.
    mmu = machine_of(twin, "random", 3, seed=MASK)
    assert mmu.tlb_entries().l1[0].state == (0xE220_A839_7B1D_CDAF,)
    ways = list("abc")
    use(mmu, "abc")
    rng = random.Random(5)
    for way in draws(0xE220_A839_7B1D_CDAF):
        page = rng.choice([page for page in "abcdefgh" if page not in ways])
        use(mmu, page)
        ways[way] = page
        assert content(mmu) == "".join(ways)


def test_each_array_and_each_seed_draws_differently(twin: str) -> None:
    shapes = (TlbArray(1, 2, policy="random"), TlbArray(1, 2, policy="random"))
    states = []
    for seed in (0, 10):
        snapshot = Machine().start(twin, TlbConfig(shapes, shapes, seed=seed)).tlb_entries()
        states += [array.state for array in (*snapshot.l1, *snapshot.l2)]
    assert len(set(states)) == 8
    assert all(state[0] % 2 for state in states)  # never 0, where xorshift would stay


def test_clear_starts_the_generator_anew(twin: str) -> None:
    mmu = machine_of(twin, "random", 2)
    runs = []
    for _ in range(2):
        use(mmu, "abcdefgh")
        runs.append(mmu.tlb_entries())
        mmu.clear()
    assert runs[0] == runs[1]


@pytest.mark.parametrize("policy", ["lru", "fifo", "plru", "random"])
def test_sets_that_are_no_power_of_two_share_pages_by_remainder(twin: str, policy: Policy) -> None:
    mmu = machine_of(twin, policy, 2, sets=5)
    use(mmu, "abcdefghij")
    (array,) = mmu.tlb_entries().l1
    for number, ways in enumerate(array.sets):
        assert {entry.vpn % 5 for entry in ways} == {number}
        assert len(ways) == 2
