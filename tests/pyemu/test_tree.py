from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu import Tree
from pyemu.errors import TreeError
from pyemu.flags import FaultFlag
from pyemu.tree import FIXES, N_PATCHES, Policies

patches = st.frozensets(st.integers(1, N_PATCHES)).filter(lambda one: 12 in one or 16 not in one)
trees = st.builds(Tree, patches, st.frozensets(st.sampled_from(FIXES)))


@given(trees)
def test_a_tree_is_read_back_from_its_name(tree: Tree) -> None:
    assert Tree.parse(str(tree)) == tree


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        (Tree.upto(10) - 9, "upto(10)-9"),
        (Tree.after - 9, "after-9"),
        (Tree.before + 13, "before+13"),
        (Tree.after - 16, "upto(15)"),
        (Tree.v5_7 - 13, "v5_7-13"),
        (Tree.after + "B1", "after+B1"),
    ],
    ids=str,
)
def test_a_name_is_short(tree: Tree, name: str) -> None:
    assert str(tree) == name


@given(trees, trees)
def test_two_trees_of_the_same_name_are_the_same_tree(one: Tree, other: Tree) -> None:
    assert (str(one) == str(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "patches", "fixes"),
    [
        ("before", set(), set()),
        ("after", set(range(1, 17)), set()),
        ("v5_7", set(range(1, 17)), set(FIXES)),
        ("upto(9)", set(range(1, 10)), set()),
        ("upto9", set(range(1, 10)), set()),
        ("upto(0)", set(), set()),
        (" after - 9 - 10 ", set(range(1, 17)) - {9, 10}, set()),
        ("before+13", {13}, set()),
        ("upto(12)-9+13", set(range(1, 14)) - {9}, set()),
        ("v5_7-B2", set(range(1, 17)), set(FIXES) - {"B2"}),
        ("after+B2'", set(range(1, 17)), {"B2'"}),
    ],
)
def test_the_names_of_the_documentation_are_understood(text: str, patches: set[int], fixes: set[str]) -> None:
    assert Tree.parse(text) == Tree(frozenset(patches), frozenset(fixes))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5.7", "tree '5.7' is unknown: a tree is before, after, v5_7 or upto"),
        ("", "tree '' is unknown"),
        ("after-", "is unknown"),
        ("upto(17)", r"upto\(17\) has no meaning: the series has patches 1 to 16"),
        ("before+17", "patch 17 does not exist"),
        ("after-17", "patch 17 does not exist"),
        ("before+0", "patch 0 does not exist"),
        ("after+B9", "fix 'B9' does not exist: known fixes are B1, B2"),
        ("after-12", "patch 16 without patch 12 has no meaning.*Take out 16 as well, or put 12 back"),
        ("before+16", "patch 16 without patch 12"),
    ],
)
def test_a_name_without_meaning_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(TreeError, match=says):
        Tree.parse(text)


def test_taking_out_a_patch_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TreeError, match="patch 99 does not exist"):
        Tree.after - 99
    with pytest.raises(TreeError, match="patch 99 does not exist"):
        Tree.before + 99
    with pytest.raises(TreeError, match=r"upto\(-1\)"):
        Tree.upto(-1)


def test_sixteen_without_twelve_is_refused_and_both_may_go() -> None:
    with pytest.raises(TreeError, match="it is 12 that introduces this flag"):
        Tree.after - 12
    assert 12 not in Tree.after - {12, 16}


@pytest.mark.parametrize("tree", [Tree.upto(10) - 9, Tree.upto(12), Tree.upto(14), Tree.after - 15], ids=str)
def test_orders_that_break_are_material_and_not_errors(tree: Tree) -> None:
    assert Tree.parse(str(tree)) == tree


def test_adding_what_was_taken_out_gives_the_tree_back() -> None:
    assert Tree.after - 9 + 9 == Tree.after
    assert Tree.after - (9, 10) + [9, 10] == Tree.after
    assert Tree.v5_7.patches == Tree.after.patches


def test_before_asks_for_every_old_policy() -> None:
    assert Tree.before.policies == Policies(
        leaves_late_retry=True,
        leave_on_any_signal=False,
        nopage_after_signal=True,
        default_flags=FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE,
        interruptible_by_flag=False,
        killable_by_flag=False,
        retry_once=True,
    )


def test_after_asks_for_every_new_policy() -> None:
    assert Tree.after.policies == Policies(
        leaves_late_retry=False,
        leave_on_any_signal=True,
        nopage_after_signal=False,
        default_flags=FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE | FaultFlag.INTERRUPTIBLE,
        interruptible_by_flag=True,
        killable_by_flag=True,
        retry_once=False,
    )
    assert Tree.v5_7.policies == Tree.after.policies


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        (4, {"leaves_late_retry"}),
        (9, {"leave_on_any_signal"}),
        (10, {"nopage_after_signal"}),
        (12, {"default_flags", "interruptible_by_flag"}),
        (13, {"retry_once"}),
        (16, {"killable_by_flag"}),
    ],
)
def test_each_patch_switches_its_own_policies_and_no_other(patch: int, changed: set[str]) -> None:
    less, more = Tree.upto(patch - 1).policies, Tree.upto(patch).policies
    found = {name for name in Policies.__slots__ if getattr(less, name) != getattr(more, name)}
    assert found == changed


@pytest.mark.parametrize("patch", [1, 2, 3, 5, 6, 7, 8, 11, 14, 15])
def test_renames_refactors_and_gup_patches_change_no_policy_yet(patch: int) -> None:
    assert Tree.upto(patch - 1).policies == Tree.upto(patch).policies
