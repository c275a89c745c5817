"""Bisecting: which trees are asked, which patches are found, what is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu import Scenario, Tree, run
from pyemu.errors import FaultlabError
from pyemu.explore import Bisection, Seen, Symptom, bisect, explore, symptom_named
from pyemu.rules import RULES

S12 = Scenario.load("S12")
SPIN = symptom_named("spin", S12)
EFAULT = symptom_named("T=EFAULT", S12)
EVERYTHING = symptom_named("everything", S12)

TREES = range(17)
RULE_NAMES = tuple(RULES)


class Asked:
    """Trees that show what a function says, and a note of who was asked."""

    def __init__(self, rules: Callable[[int], Iterable[str] | None]) -> None:
        self.rules = rules
        self.batches: list[tuple[int, ...]] = []

    def __call__(self, trees: Sequence[int]) -> list[Seen]:
        self.batches.append(tuple(trees))
        return [self._seen(tree) for tree in trees]

    def _seen(self, tree: int) -> Seen:
        rules = self.rules(tree)
        return Seen(rules is not None, frozenset(rules or ()), frozenset())

    @property
    def trees(self) -> list[int]:
        return [tree for batch in self.batches for tree in batch]


def timed(scenario: Scenario) -> Callable[[Sequence[int]], list[Seen]]:
    return lambda trees: [Seen.ran(run(scenario, Tree.upto(tree))) for tree in trees]


def found(bisection: Bisection) -> list[tuple[int, set[str], set[str]]]:
    return [(one.patch, set(one.appears), set(one.vanishes)) for one in bisection.changes]


# ---------------------------------------------------------------------------------------- the search


@pytest.mark.parametrize("patch", TREES[1:])
@pytest.mark.parametrize("appears", [True, False])
def test_a_symptom_that_stays_is_found_as_plain_bisection_finds_it(patch: int, appears: bool) -> None:
    ask = Asked(lambda tree: ["spin"] if (tree >= patch) is appears else [])
    done = bisect(ask, SPIN)
    assert found(done) == [(patch, {"spin"}, set()) if appears else (patch, set(), {"spin"})]
    assert len(ask.trees) == 6
    assert len(set(ask.trees)) == 6
    assert done.plain() == (tuple(ask.trees), patch)
    assert not done.complete


@pytest.mark.parametrize("tree", TREES[1:-1])
def test_a_symptom_of_one_tree_only_defeats_plain_bisection_and_is_found(tree: int) -> None:
    ask = Asked(lambda one: ["spin"] if one == tree else [])
    done = bisect(ask, SPIN)
    assert found(done) == [(tree, {"spin"}, set()), (tree + 1, set(), {"spin"})]
    assert sorted(ask.trees) == list(TREES)
    assert ask.batches[0] == (0, 16)
    assert done.plain() == ((0, 16), None)
    assert done.complete


@given(st.lists(st.integers(1, 16), unique=True, max_size=6).map(sorted))
def test_what_never_comes_back_is_found_at_each_patch(patches: list[int]) -> None:
    def rules(tree: int) -> list[str]:
        return [RULE_NAMES[sum(tree >= patch for patch in patches)]]

    ask = Asked(rules)
    done = bisect(ask, EVERYTHING)
    assert [change.patch for change in done.changes] == patches
    assert len(ask.trees) == len(set(ask.trees))
    asked, patch = done.plain()
    assert (patch is None) is not bool(patches)
    assert patch is None or patch in patches
    assert set(asked) <= set(ask.trees)
    assert len(asked) == (6 if patches else 2)


@given(st.lists(st.booleans(), min_size=17, max_size=17))
def test_whatever_trees_show_the_patches_that_are_told_change_it(shows: list[bool]) -> None:
    done = bisect(Asked(lambda tree: ["spin"] if shows[tree] else []), SPIN)
    told = {change.patch for change in done.changes}
    real = {patch for patch in TREES[1:] if shows[patch] != shows[patch - 1]}
    assert told <= real
    assert done.complete is (shows[0] == shows[16])
    assert told or not real
    if done.complete:
        assert told == real


@given(st.lists(st.booleans(), min_size=17, max_size=17))
def test_every_tree_asked_misses_no_patch(shows: list[bool]) -> None:
    ask = Asked(lambda tree: ["spin"] if shows[tree] else [])
    done = bisect(ask, SPIN, every=True)
    assert sorted(ask.trees) == list(TREES)
    assert [one.patch for one in done.changes] == [n for n in TREES[1:] if shows[n] != shows[n - 1]]


def test_halves_that_both_differ_are_asked_side_by_side() -> None:
    ask = Asked(lambda tree: [RULE_NAMES[(tree >= 4) + (tree >= 13)]])
    bisect(ask, EVERYTHING)
    assert ask.batches[:3] == [(0, 16), (8,), (4, 12)]


def test_a_stretch_of_the_series_is_enough() -> None:
    ask = Asked(lambda tree: ["spin"] if tree >= 13 else [])
    assert found(bisect(ask, SPIN, 12, 14)) == [(13, {"spin"}, set())]
    assert ask.trees == [12, 14, 13]
    ask = Asked(lambda tree: ["spin"] if tree >= 13 else [])
    assert found(bisect(ask, SPIN, 12, 13)) == [(13, {"spin"}, set())]
    assert ask.trees == [12, 13]


@pytest.mark.parametrize("ends", [(3, 3), (5, 4), (-1, 4), (0, 17)])
def test_what_is_no_stretch_is_refused(ends: tuple[int, int]) -> None:
    with pytest.raises(FaultlabError, match="is none: a bisection goes from an earlier tree"):
        bisect(Asked(lambda tree: []), SPIN, *ends)


# ---------------------------------------------------------------------------------------- not known


def test_an_end_that_is_not_finished_ends_the_search() -> None:
    ask = Asked(lambda tree: None if tree == 16 else [])
    done = bisect(ask, SPIN)
    assert (done.changes, done.undecided, ask.trees) == ((), (16,), [0, 16])
    assert done.plain() == ((0, 16), None)


def test_a_middle_that_is_not_finished_proves_nothing_of_its_neighbours() -> None:
    done = bisect(Asked(lambda tree: None if tree == 12 else ["spin"] * (tree >= 13)), SPIN)
    assert (done.changes, done.undecided) == ((), (12,))
    assert done.plain() == ((0, 16, 8, 12), None)


def test_with_every_tree_asked_what_is_not_finished_hides_only_its_own() -> None:
    shows = {2: None, 13: ["spin"]}
    done = bisect(Asked(lambda tree: shows.get(tree, [])), SPIN, every=True)
    assert [one.patch for one in done.changes] == [13, 14]
    assert done.undecided == (2,)


def test_what_was_seen_is_certain_even_if_the_search_was_not_finished() -> None:
    seen = Seen(False, frozenset({"spin"}), frozenset())
    assert SPIN.signs(seen) == frozenset({"spin"})
    assert EFAULT.signs(seen) is None
    assert EVERYTHING.signs(seen) is None
    assert symptom_named("endings", S12).signs(seen) is None


# ---------------------------------------------------------------------------------------- symptoms


def test_an_exploration_sees_what_a_timed_run_does_not() -> None:
    one = Seen.ran(run("S14-kill", Tree.before))
    every = Seen.explored(explore("S14-kill", Tree.before))
    assert (one.finished, every.finished) == (True, True)
    assert one.endings < every.endings


@pytest.mark.parametrize("scenario", ["S13", "12-and-13", "9-before-10", "B3", "X1"])
def test_a_timed_run_ends_in_one_of_the_ways_that_are_explored(scenario: str) -> None:
    one, every = Seen.ran(run(scenario, Tree.upto(12))), Seen.explored(explore(scenario, Tree.upto(12)))
    assert one.endings <= every.endings


def test_an_exploration_without_the_budget_is_not_finished() -> None:
    seen = Seen.explored(explore("S13", Tree.before, max_states=50))
    assert symptom_named("SIGBUS", Scenario.load("S13")).signs(seen) is None


@pytest.mark.parametrize(
    ("scenario", "symptom", "changes"),
    [
        ("S12", "T=EFAULT", [(12, {"T: EFAULT"}, set()), (13, set(), {"T: EFAULT"})]),
        ("S12", "T=ret=4096", [(12, set(), {"T: ret=4096"}), (13, {"T: ret=4096"}, set())]),
        ("S12", "spin", [(13, {"spin"}, set())]),
        ("S13", "SIGBUS", [(13, set(), {"SIGBUS"})]),
        ("S13", "endings", [(13, {"T: ret=5"}, {"T: SIGBUS(code=2)"})]),
        ("S14", "T=EFAULT", [(14, set(), {"T: EFAULT"})]),
        ("B3", "page never got", [(14, {"page never got"}, set())]),
        (
            "S4",
            "bad unlock balance",
            [(4, {"bad unlock balance"}, set()), (13, set(), {"bad unlock balance"})],
        ),
        ("S9", "everything", []),
    ],
)
def test_timed_runs_of_the_library_change_where_the_series_says(
    scenario: str, symptom: str, changes: list[tuple[int, set[str], set[str]]]
) -> None:
    chosen = Scenario.load(scenario)
    assert found(bisect(timed(chosen), symptom_named(symptom, chosen))) == changes


def test_explored_trees_of_the_library_change_where_timed_ones_do() -> None:
    chosen = Scenario.load("S4")

    def ask(trees: Sequence[int]) -> list[Seen]:
        return [Seen.explored(explore(chosen, Tree.upto(tree))) for tree in trees]

    everything = symptom_named("everything", chosen)
    assert found(bisect(ask, everything)) == found(bisect(timed(chosen), everything))
    assert found(bisect(ask, everything)) == [
        (4, {"breaks: bad unlock balance"}, set()),
        (13, set(), {"breaks: bad unlock balance", "breaks: I2"}),
    ]


def test_a_run_that_hangs_or_comes_to_its_time_limit_is_seen_as_such() -> None:
    hangs = Scenario.from_toml(ALONE)
    seen = Seen.ran(run(hangs))
    assert (seen.finished, seen.rules) == (True, frozenset({"hang"}))
    assert seen == Seen.explored(explore(hangs))
    late = ALONE.replace('{ do = "read", area = "V" }', '{ do = "pause", ticks = 900 }')
    assert not Seen.ran(run(Scenario.from_toml(late))).finished


def test_who_dies_of_sigbus_is_seen() -> None:
    scenario = Scenario.from_toml(
        Path(Scenario.load.__code__.co_filename)
        .parents[1]
        .joinpath("scenarios", "S13.toml")
        .read_text("utf-8")
        .replace('SIGBUS = "escape", ', "")
    )
    seen = Seen.ran(run(scenario, Tree.before))
    assert [str(one) for one in seen.endings] == ["T: killed:7"]
    assert seen.rules == {"SIGBUS"}


ALONE = """
version = 1
name = "alone"
title = "Nobody answers"
machine = { max_ticks = 500 }

[[areas]]
name = "V"
userfaultfd = true

[[tasks]]
name = "T"
program = [{ do = "read", area = "V" }]
"""


@pytest.mark.parametrize("name", ["", "sigbus", "Q=ret=5", "T=", "=EFAULT", "T", "I7", "spins", "T = EFAULT"])
def test_a_symptom_that_is_none_is_refused_with_a_list(name: str) -> None:
    with pytest.raises(
        FaultlabError, match="is unknown: it must be endings, everything, TASK=OUTCOME"
    ) as told:
        symptom_named(name, S12)
    assert f"symptom {name!r}" in str(told.value)
    assert "of S12 (T, S, M)" in str(told.value)


@pytest.mark.parametrize("rule", ["spin", "livelock", "hang", "SIGBUS", *RULES])
def test_each_rule_is_a_symptom(rule: str) -> None:
    symptom: Symptom = symptom_named(rule, S12)
    assert symptom.signs(Seen(True, frozenset({rule}), frozenset())) == frozenset({rule})
    assert symptom.signs(Seen(True, frozenset({"another"}), frozenset())) == frozenset()
