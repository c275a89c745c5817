"""get_mempolicy: which node is a page on, and what if no page came."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from tests.pyemu.scenes import COPY, WAIT, WAKE, monitor, pause, scene, send, victim

OLD, NEW, FIXED = Tree.before, Tree.after, Tree.v5_7
ASK = {"do": "get_mempolicy", "area": "V", "page": 1}


def asked(*does: dict[str, Any], program: list[dict[str, Any]] | None = None) -> Scenario:
    return scene(victim(*(program or [ASK])), monitor(*does))


@pytest.mark.parametrize("tree", [OLD, FIXED, Tree.later("5.10"), Tree.later("6.1")], ids=str)
def test_the_page_is_waited_for_and_the_lock_released(tree: Tree) -> None:
    result = run(asked(WAIT, pause(20), COPY), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=0"
    assert not result.violations


def test_an_address_without_an_area_is_efault() -> None:
    gone = asked(program=[{"do": "munmap", "area": "V", "page": 1}, ASK])
    assert run(gone, strict=True).tasks["T"].outcomes == ("EFAULT",)


@pytest.mark.parametrize(("tree", "outcome"), [(Tree.upto(13), "EFAULT"), (Tree.upto(14), "ret=0")], ids=str)
def test_one_wake_is_fatal_up_to_thirteen(tree: Tree, outcome: str) -> None:
    result = run(asked(WAIT, pause(10), WAKE, WAIT, pause(10), COPY), tree)
    assert result.tasks["T"].outcome == outcome
    assert not result.violations


@pytest.mark.parametrize(
    ("tree", "broken"),
    [
        (OLD, []),
        (Tree.upto(13), []),
        (Tree.upto(14), ["page never got"]),
        (NEW, ["page never got"]),
        (NEW + "B2'", []),
        (NEW + "B2", []),
        (FIXED - "B2", []),
        (FIXED - ["B2", "B2'"], ["page never got"]),
        (FIXED, []),
        (Tree.later("5.10"), []),
    ],
    ids=str,
)
def test_a_killed_caller_uses_a_page_that_it_never_got_unless_one_of_both_is_mended(
    tree: Tree, broken: list[str]
) -> None:
    result = run(asked(WAIT, pause(50), send("SIGKILL")), tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert [one.rule for one in result.violations] == broken
