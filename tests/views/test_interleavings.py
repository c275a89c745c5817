"""Every interleaving in a cell: what is proven, what breaks, and the shortest way there as a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.handlers import ChildHandler
from course.views import every_interleaving, side_by_side, timeline
from pyemu import Tree
from pyemu.errors import FaultlabError

FUNCTION = "do_user_addr_fault"
WORSE, BETTER = Tree.upto(9), Tree.upto(10)


@pytest.fixture(scope="module")
def found():
    return every_interleaving("syzbot-2017", WORSE, BETTER)


def test_the_text_says_per_tree_what_was_reached_and_what_breaks(found):
    text = " ".join(repr(found).split())
    states = [one.n_states for one in found.found]
    assert f"syzbot-2017 on tree upto9: all {states[0]} states reached. 4 rules can be broken;" in text
    assert f"syzbot-2017 on tree upto10: all {states[1]} states reached. 1 rule can be broken;" in text
    assert "- use after free (expected): T reads vma 1, which was freed" in text


def test_text_and_picture_name_each_rule_its_sentence_and_its_schedule(found):
    words, html = " ".join(repr(found).split()), found._repr_html_()
    for one in found.found[0].findings:
        assert one.rule in html
        assert f"({len(one.schedule)} moves)" in html
        assert f"({len(one.schedule)} moves)" in words
        assert " ".join(one.text.split()) in words


def test_the_text_is_the_same_each_time(found):
    assert repr(every_interleaving("syzbot-2017", WORSE, BETTER)) == repr(found)


def test_a_kernel_that_nothing_breaks_says_so():
    text = repr(every_interleaving("S13"))
    assert "S13 on tree after: all" in text
    assert text.endswith("No order of moves breaks a rule.")


def test_a_budget_that_ends_proves_nothing():
    text = " ".join(repr(every_interleaving("S13", max_states=50)).split())
    assert "then the budget ended. Nothing is proven" in text


def test_the_shortest_schedule_comes_as_a_run_for_every_view(found):
    result = found.trace(WORSE, "use after free")
    assert [one.rule for one in result.violations][-1] == "use after free"
    assert "syzbot-2017" in repr(timeline(result))
    assert "PARTS" in repr(side_by_side(result, found.trace(BETTER)))


def test_without_a_tree_the_first_that_breaks_the_rule_is_taken(found):
    assert found.trace().tree == WORSE
    assert found.trace(rule="hang").tree == WORSE
    assert found.finding(BETTER).rule == "hang"


@pytest.mark.parametrize(
    ("tree", "rule", "words"),
    [
        (BETTER, "stale vma", "no order of moves breaks the rule 'stale vma' of syzbot-2017 on tree upto10"),
        (None, "I1", "found were: stale vma on upto9"),
        (Tree.after, None, "tree after was not explored here; explored were: upto9, upto10"),
    ],
)
def test_what_was_not_found_is_told_with_what_was(found, tree, rule, words):
    with pytest.raises(FaultlabError) as caught:
        found.trace(tree, rule)
    assert words in str(caught.value)


def test_a_learners_handler_is_explored_and_replayed():
    master = Path(__file__).parents[2] / "exercises" / "e04_loop" / "wrong" / "forgets_tried.py"
    with ChildHandler(master.read_text(encoding="utf-8"), FUNCTION) as child:
        found = every_interleaving("S13", Tree.after, handlers={FUNCTION: child})
        replayed = found.trace(rule="I5")
    assert "- I5: " in repr(found)
    assert "I5" in [one.rule for one in replayed.violations]


def test_something_that_is_no_tree_is_refused():
    with pytest.raises(FaultlabError, match="'before' is no tree"):
        every_interleaving("S13", "before")  # type: ignore[arg-type]  # the mistake that is tested
