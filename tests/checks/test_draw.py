from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.checks.draw import Draw


@given(st.text(), st.text(), st.text(), st.integers(1, 50))
def test_a_draw_is_one_of_the_choices_and_the_same_each_time(seed: str, place: str, name: str, n: int):
    drawn = Draw(seed, place)(name, range(n))
    assert drawn in range(n)
    assert Draw(seed, place)(name, range(n)) == drawn


def test_without_a_seed_the_first_choice_is_taken():
    assert [Draw(None, "s13")(name, ("read", "write")) for name in "abcdefgh"] == ["read"] * 8


@pytest.mark.parametrize("what", ["seed", "place", "name"])
def test_every_choice_comes_up(what: str):
    words = [f"{what} {n}" for n in range(200)]
    drawn = {
        Draw(word if what == "seed" else "x", word if what == "place" else "x")(
            word if what == "name" else "x", range(6)
        )
        for word in words
    }
    assert drawn == set(range(6))


def test_the_seed_text_of_an_old_grade_draws_the_same_for_ever():
    draw = Draw("0123456789abcdef", "e04_loop/wakes")
    assert (
        draw("some", range(4, 9)),
        draw("page", (1, 2, 3)),
        draw("ticks", range(10_000, 50_000, 1_000)),
    ) == (5, 3, 28000)


def test_a_range_of_addresses_may_be_longer_than_python_counts():
    pages = range(0, 1 << 76, 4096)  # len() refuses it, and on a machine of 32 bits much shorter ones
    drawn = Draw("b", "walk")("address", pages)
    assert drawn in pages
    assert drawn > 1 << 60
    assert Draw(None, "walk")("address", pages) == 0
