"""The longest common subsequence: against the textbook's table, and when the search is cut short."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import subsequence
from pyemu.subsequence import common

words = st.lists(st.sampled_from("abc"), max_size=14)


def longest(left: list[str], right: list[str]) -> int:
    row = [0] * (len(right) + 1)
    for one in left:
        new = [0]
        for j, other in enumerate(right):
            new.append(row[j] + 1 if one == other else max(new[-1], row[j + 1]))
        row = new
    return row[-1]


def check(left: list[str], right: list[str]) -> int:
    found = common(left, right)
    assert all(left[i] == right[j] for i, j in found)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(found))
    return len(found)


@settings(max_examples=300)
@given(words, words)
def test_it_is_common_and_the_longest(left: list[str], right: list[str]) -> None:
    assert check(left, right) == longest(left, right)


@settings(max_examples=200)
@given(words, words, st.integers(0, 6))
def test_cut_short_it_is_still_common(left: list[str], right: list[str], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subsequence, "MOST_EDITS", most)
        found = check(left, right)
        if len(left) + len(right) - 2 * longest(left, right) <= most:
            assert found == longest(left, right)


def test_cut_short_it_finds_the_beginning() -> None:
    left = [*range(100), *range(1_000, 2_000), *range(100, 150)]
    right = [*range(50), -1, *range(50, 100), *range(2_000, 3_000), *range(100, 150)]
    assert [left[i] for i, _ in common(left, right)] == list(range(150))
