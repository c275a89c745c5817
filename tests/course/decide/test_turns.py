"""A turn lasts until the task has to wait."""

from __future__ import annotations

import pytest

from course.decide import broken_rules, by_turns
from pyemu import Tree
from pyemu.errors import FaultlabError


def rules(turns: str, n: int = 9) -> list[str]:
    return [broken.rule for broken in by_turns("syzbot-2017", Tree.upto(n), turns).violations]


@pytest.mark.parametrize("turns", ["T U M T", "T M U T"])
def test_the_area_is_read_after_it_was_freed_if_it_is_freed_while_its_task_sleeps(turns: str) -> None:
    assert rules(turns) == ["dangling vma", "use after free"]
    assert rules(turns, 10) == []


def test_a_turn_of_a_task_that_sleeps_changes_nothing() -> None:
    assert rules("T T M M U U T T") == rules("T M U T")


def test_other_orders_do_no_harm_or_another() -> None:
    assert rules("T M T U") == ["stale vma"]
    assert rules("U T M T") == []
    assert by_turns("syzbot-2017", Tree.upto(9), "T M T U").end == "hang"
    assert by_turns("syzbot-2017", Tree.upto(9), "T M").end == "stopped"


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(FaultlabError, match="'X' takes a turn, but the tasks of S13 are T, M"):
        by_turns("S13", Tree.after, "T X")


def test_a_turn_that_goes_round_in_circles_is_ended() -> None:
    with pytest.raises(FaultlabError, match="T has made 2000 moves in one turn"):
        by_turns("S12", Tree.upto(13), "T S T")


def test_broken_rules_are_printed_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    broken_rules(by_turns("syzbot-2017", Tree.upto(9), "T U M T"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("- ")] == [
        "- dangling vma",
        "- use after free",
    ]
    assert max(map(len, lines)) <= 96
    broken_rules(by_turns("syzbot-2017", Tree.upto(10), "T U M T"))
    assert capsys.readouterr().out == "No rule is broken.\n"
