"""What a learner expects of a TLB is compared with the hardware model, and usual mistakes are named."""

from __future__ import annotations

import itertools

import pytest

from course.paging import Computer, own_hits, rounds, try_order, try_tlb
from course.paging.tiny import MyTlb
from pyemu.hw import TlbArray, TlbConfig

TINY = TlbConfig((TlbArray(4, 2),))
PAGES = [1, 5, 1, 9, 1, 5, 2, 1]
Sets = list[list[int]]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_hits_are_told_by_letters() -> None:
    computer = Computer(TINY)
    accesses = computer.run(PAGES)
    assert accesses.hits == "MMHMHMMH"
    assert repr(accesses).splitlines()[-1] == "- 3 hits, 5 missed: MMHMHMMH"
    assert [one.n_entries for one in accesses.seen] == [4, 4, 0, 4, 0, 4, 4, 0]


def test_right_letters_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    own_hits(TINY, PAGES, "mmhm hmmh")
    assert said(capsys) == "All 8 are right. You see what the TLB sees."


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        ("????????", "0 of 8 are right so far. Go on with access 1, page 1."),
        ("MMH?????", "3 of 8 are right so far. Go on with access 4, page 9."),
        ("MMHMM???", "Access 5, page 1: the TLB says hit. Before it, set 1 holds page 9 and page 1"),
        ("H???????", "Access 1, page 1: the TLB says miss. Before it, set 1 holds nothing"),
        ("MMH", "Write one letter for each of the 8 pages"),
        ("MMHMHMMX", "H, M, or ? for not yet"),
    ],
)
def test_the_first_difference_is_told_and_no_more(
    mine: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own_hits(TINY, PAGES, mine)
    assert message in said(capsys)


def test_one_order_alone_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    safe = []
    for order in map("".join, itertools.permutations("CFG")):
        try_order(order)
        if "never sees" in said(capsys):
            safe.append(order)
    assert safe == ["CFG"]


def test_a_flush_before_the_entry_is_cleared_is_undone_by_the_next_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try_order("fcg")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "before:  the editor reads the draft",
        "after F: the editor reads the draft",
        "after C: the editor reads the draft",
        "after G: the editor reads the password",
    ]


@pytest.mark.parametrize("order", ["", "CF", "CFGG", "CFX"])
def test_an_order_without_each_step_once_is_refused(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_order(order)
    assert "each of the letters C, F and G in once" in said(capsys)


def lru(sets: Sets, page: int) -> None:
    ways = sets[page % 4]
    if page in ways:
        ways.remove(page)
    elif len(ways) == 2:
        ways.pop()
    ways.insert(0, page)


def one_set(sets: Sets, page: int) -> None:
    lru([sets[0]] * 4, page)


def nobody_leaves(sets: Sets, page: int) -> None:
    ways = sets[page % 4]
    if page in ways:
        ways.remove(page)
    ways.insert(0, page)


def fifo(sets: Sets, page: int) -> None:
    if page not in sets[page % 4]:
        lru(sets, page)


def last_used_leaves(sets: Sets, page: int) -> None:
    ways = sets[page % 4]
    if page not in ways and len(ways) == 2:
        ways.pop(0)
    lru(sets, page)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lru, "agree after each of 400 accesses"),
        (one_set, "It lies in your set 0. Its set is 7 % 4, which is 3."),
        (nobody_leaves, "which are too many. Who makes room?"),
        (fifo, "The last used page stands in front"),
        (last_used_leaves, "the one that was not used for the longest time leaves"),
        (lambda sets, page: sets[page].append(page), "my_tlb failed. IndexError"),
    ],
)
def test_each_mistake_of_a_tlb_is_named(
    function: MyTlb, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_tlb(TINY, function)
    assert message in said(capsys)


def test_three_pages_of_one_set_always_miss(capsys: pytest.CaptureFixture[str]) -> None:
    rounds(TINY, [0, 4, 8])
    assert capsys.readouterr().out.splitlines() == [
        "round 1: 3 misses, 0 hits  MMM",
        "round 2: 3 misses, 0 hits  MMM",
        "round 3: 3 misses, 0 hits  MMM",
        "With 3 different pages, every access misses, in every round.",
    ]


def test_no_two_pages_always_miss_and_eight_can_stay() -> None:
    for pair in itertools.combinations(range(12), 2):
        computer = Computer(TINY)
        assert "H" in [computer.run(pair).hits for _ in range(2)][1]
    computer = Computer(TINY)
    assert [computer.run(range(8)).hits for _ in range(2)] == ["M" * 8, "H" * 8]
