from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu import Tree
from pyemu.errors import TreeError
from pyemu.flags import FaultFlag
from pyemu.policies import Policies
from pyemu.tree import FIXES, N_PATCHES, RELEASES, UPSTREAM

patches = st.frozensets(st.integers(1, N_PATCHES)).filter(lambda one: 12 in one or 16 not in one)
trees = st.builds(Tree, patches, st.frozensets(st.sampled_from(FIXES)), st.sampled_from(["5.7", *RELEASES]))


@given(trees)
def test_a_tree_is_read_back_from_its_name(tree: Tree) -> None:
    assert Tree.parse(str(tree)) == tree
    assert eval(repr(tree)) == tree


def test_a_tree_is_written_the_same_way_every_time() -> None:
    code = "from pyemu import Tree; print(repr(Tree.later('6.1') - 9 + 'B5'))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert said == {"Tree.parse('v6_1-9+B5')\n"}


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        (Tree.upto(10) - 9, "upto10-9"),
        (Tree.after - 9, "after-9"),
        (Tree.before + 13, "before+13"),
        (Tree.after - 16, "upto15"),
        (Tree.v5_7 - 13, "v5_7-13"),
        (Tree.after + "B1", "after+B1"),
        (Tree.v5_7 + "B5", "v5_7+B5"),
        (Tree.v5_7 - 9 + "B6", "v5_7-9+B6"),
        (Tree.upto(12) - 9, "upto12-9"),
        (Tree.later("6.12"), "v6_12"),
        (Tree.later("6.1") - 13 - "B1", "v6_1-13-B1"),
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
        ("v5_7", set(range(1, 17)), set(UPSTREAM)),
        ("upto(9)", set(range(1, 10)), set()),
        ("upto9", set(range(1, 10)), set()),
        ("upto(0)", set(), set()),
        (" after - 9 - 10 ", set(range(1, 17)) - {9, 10}, set()),
        ("before+13", {13}, set()),
        ("upto(12)-9+13", set(range(1, 14)) - {9}, set()),
        ("v5_7-B2", set(range(1, 17)), set(UPSTREAM) - {"B2"}),
        ("after+B2'", set(range(1, 17)), {"B2'"}),
        ("v5_7+B5", set(range(1, 17)), {*UPSTREAM, "B5"}),
        ("upto12-9", set(range(1, 13)) - {9}, set()),
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


NEW = {
    2: {"gup_stops_after_hugetlb"},
    4: {"leaves_late_retry"},
    9: {"leave_on_any_signal"},
    10: {"nopage_after_signal"},
    12: {"default_flags", "interruptible_by_flag"},
    13: {"retry_once", "drops_on_first_try_only"},
    14: {"gup_retries_once", "gup_gives_zero_when_killed", "fixup_ends_at_second_retry"},
    15: {"gup_is_killable", "gup_says_locked_too_early"},
    16: {"killable_by_flag"},
}
FIXED = {
    "B1": {"gup_says_locked_too_early"},
    "B2": {"gup_gives_zero_when_killed"},
    "B2'": {"lookup_node_trusts_zero"},
    "B3": {"fixup_ends_at_second_retry"},
    "B4": {"fatal_is_eintr"},
    "B5": {"interruptible_in_kernel_mode"},
    "B6": set(),  # sh's own: pyemu.kernel has no sh yet
}


def changed(less: Tree, more: Tree) -> set[str]:
    return {
        name for name in Policies.__slots__ if getattr(less.policies, name) != getattr(more.policies, name)
    }


@pytest.mark.parametrize("patch", range(1, N_PATCHES + 1))
def test_each_patch_switches_its_own_policies_and_no_other(patch: int) -> None:
    assert changed(Tree.upto(patch - 1), Tree.upto(patch)) == NEW.get(patch, set())


@pytest.mark.parametrize("fix", FIXES)
def test_each_fix_switches_its_own_policies_and_no_other(fix: str) -> None:
    assert changed(Tree.after, Tree.after + fix) == FIXED[fix]


@pytest.mark.parametrize("fix", ["B1", "B2", "B3"])
def test_a_fix_without_its_patch_has_nothing_to_mend(fix: str) -> None:
    assert changed(Tree.before, Tree.before + fix) == set()


CAME = {  # with a release, after the one before it in the list
    "5.8": set(),  # mmap_sem got another name
    "5.9": {
        *("account_in_handle_mm_fault", "userfault_sleeps_once", "gup_read_breaks_cow"),
        "cow_counts_references",
    },
    "5.10": {"read_zero_gives_up_rest"},
    "6.0": {
        *(
            "knows_user_mode_only",
            "read_wait_is_killable",
            "lookup_node_is_fast",
            "write_needs_whole_prefault",
        ),
        *("dirty_wait_completes", "mprotect_maps_writable"),
        *("hugetlb_takes_locks_again", "minor_faults", "minor_faults_of_shmem"),
        *("cow_frees_swap", "khugepaged_gives_up"),
    },
    "6.1": {
        "fault_lock_is_killable",
        "hugetlb_takes_i_mmap",
    },  # its stable releases have it; 6.2 and 6.3 do not
    "6.2": {"fault_lock_is_killable", "knows_foll_interruptible"},
    "6.3": {"gup_takes_lock_killable"},
    "6.4": {
        *("pgfault_counts_faults", "copy_tries_rest_again", "vma_lock_first", "fault_lock_is_killable"),
        "swapin_needs_mmap_lock",
    },
    "6.5": set(),
    "6.8": {"vma_lock_anonymous_only", "vma_lock_marks_tried", "gup_walks_hugetlb", "swapin_needs_mmap_lock"},
    "6.12": {"retry_when_released", "vma_lock_ends_bad_access", "swapin_maps_writable"},
    "6.18": {"write_copies_first"},
    "7.2": set(),
}


def test_each_release_switches_what_came_with_it_and_nothing_else() -> None:
    assert tuple(CAME) == RELEASES
    before = Tree.v5_7
    for release, came in CAME.items():
        assert changed(before, Tree.later(release)) == came, release
        before = Tree.later(release)


def test_a_later_kernel_has_the_series_and_its_fixes() -> None:
    assert Tree.later("6.1").policies.retry_once is False
    assert Tree.later("6.1").fixes == frozenset(UPSTREAM)


def test_before_asks_for_old_policies_and_after_for_new_ones() -> None:
    before, after = Tree.before.policies, Tree.after.policies
    assert before.default_flags == FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE
    assert after.default_flags == before.default_flags | FaultFlag.INTERRUPTIBLE
    assert (before.retry_once, after.retry_once) == (True, False)
    assert (before.leave_on_any_signal, after.leave_on_any_signal) == (False, True)
    assert (before.gup_retries_once, after.gup_retries_once) == (True, False)


def test_a_release_that_is_not_modelled_is_refused() -> None:
    with pytest.raises(TreeError, match=r"release '4\.19' is not modelled"):
        Tree.later("4.19")
    with pytest.raises(TreeError, match=r"tree 'v4_19' is unknown.*v6_12"):
        Tree.parse("v4_19")
