"""A citation in prose becomes a footnote."""

from __future__ import annotations

import pytest

from course.linuxfacts import load
from course.material.citations import CELL_ID, cite
from course.material.source import markdown_cell
from pyemu.errors import MaterialError

FACTS = load()


def test_facts_are_numbered_by_first_use_and_listed_at_the_end():
    cells = [
        markdown_cell("one", "So it is. [fact:gup-fast]\n[fact:p04-x86] And so on."),
        markdown_cell("two", "Again [fact:p04-x86]."),
    ]
    one, two, last = cite(cells, "test")
    assert one["source"] == "So it is.<sup>1, 2</sup> And so on."
    assert two["source"] == "Again<sup>2</sup>."
    assert last["id"] == CELL_ID
    fact = FACTS["p04-x86"]
    assert (
        f"\n2. {fact.statement} Linux v5.7, arch/x86/mm/fault.c, `do_user_addr_fault`: `p04-x86`\n"
        in last["source"]
    )


def test_an_exercise_says_where_a_fact_stands_and_not_what_it_is():
    *_, last = cite([markdown_cell("one", "So. [fact:gup-fast]")], "test", statements=False)
    assert "\n1. Linux v5.4 to v6.18, mm/gup.c, `get_user_pages_fast`: `gup-fast`\n" in last["source"]
    assert FACTS["gup-fast"].statement not in last["source"]


def test_without_a_citation_nothing_is_added():
    cells = [markdown_cell("one", "Words.")]
    assert cite(cells, "test") == cells


def test_code_is_left_as_it_is():
    cells = [{"cell_type": "code", "id": "c", "metadata": {}, "source": '"[fact:nothing]"'}]
    assert cite(cells, "test") == cells


def test_an_unknown_fact_names_file_and_cell():
    with pytest.raises(MaterialError, match=r"00\.py, cell 'one': There is no fact 'gup-fest'.*gup-fast"):
        cite([markdown_cell("one", "[fact:gup-fest]")], "00.py")
