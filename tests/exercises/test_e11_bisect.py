"""Exercise E11: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e11_history import History, Runs, reordered, series, the_series
from course.checks.library import exercise_of
from tests.exercises.answers import failed, master, source_of, verdict, wrong

E11 = exercise_of("e11_bisect")
SENTENCES = {
    "end-to-end": "EFAULT exists on one tree only: both ends are good.",
    "off-by-one": "Last good, not first bad.",
    "P13-for-EFAULT": "Tree 13 returns the full count.",
    "P12-for-spin": "Tree 12 stops after 2 attempts.",
    "P9": "The helper never returns in kernel mode.",
    "P10": "P10 changes user mode only.",
    "user-scenario": "User read never shows it.",
    "time-limit": "Ask the trace, not the clock: a cycle is an event.",
    "messages>1": "Messages depend on the schedule (S12b).",
    "signal-after-copy": "Nothing waits when your signal comes.",
    "over-budget": "51 runs for three symptoms.",
    "sigkill": "SIGKILL ends all trees alike.",
    "ends-untested": "Tree 0 was never run: you took an end on trust.",
}
POINTS = {
    "end-to-end": 6,
    "off-by-one": 0,
    "P13-for-EFAULT": 6,
    "P12-for-spin": 4,
    "P9": 6,
    "P10": 6,
    "user-scenario": 0,
    "time-limit": 4,
    "messages>1": 4,
    "signal-after-copy": 0,
    "over-budget": 9,
    "sigkill": 0,
    "ends-untested": 8,
}
SCENARIO = {
    "T": "tmpfs_write 1",
    "M": "wait_message; pause ticks=20000; copy 1",
    "S": "pause ticks=10000; signal task=T signal=SIGUSR1",
    "apart": "S",
}
BY_HEART = 'def bisect(run):\n    return {"wrong": (11, 12), "awake": (11, 12), "unbounded": (12, 13)}\n'


def answer(body: str) -> str:
    """Give an answer with the master's scenario and another bisection."""
    return f"SCENARIO = {SCENARIO!r}\n\n{body}"


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E11.behaviours}
    assert points == {"wrong": 2, "awake": 2, "unbounded": 3, "budget": 1, "proof": 2}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(E11.id, source_of(E11, wrong(E11, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E11.wrong} == set(SENTENCES) == set(POINTS)


@pytest.mark.parametrize(
    "history",
    [series(Draw(None, "x")), reordered(1, 16), reordered(5, 11), reordered(6, 13)],
    ids=["series", "ends", "5-11", "6-13"],
)
def test_the_runs_show_each_symptom_from_the_tree_that_is_called_right(history: History):
    runs = [Runs(SCENARIO, history).run(n) for n in range(17)]
    mine = [[(kind, text) for task, kind, text in shown["events"] if task == "T"] for shown in runs]
    seen = {
        "wrong": [shown["outcome"] == "EFAULT" for shown in runs],
        "awake": [("wake", "wakes: signal") in events for events in mine],
        "unbounded": [any(kind == "spin" for kind, _ in events) for events in mine],
    }
    assert {name: told.index(True) for name, told in seen.items()} == history.right
    for name in ("awake", "unbounded"):
        assert all(seen[name][history.right[name] :])
    assert [n for n in range(17) if seen["wrong"][n]] == list(range(*list(history.right.values())[1:]))


def test_every_order_has_all_patches_once():
    for signal in range(1, 9):
        for limit in range(signal + 1, 17):
            history = reordered(signal, limit)
            assert sorted(history.order) == list(range(1, 17))
            assert [history.tree(n) for n in range(17)]


def test_seeds_vary_the_orders():
    assert len({series(Draw(seed, "x")) for seed in (None, *map(str, range(20)))}) > 4


def test_another_program_and_a_busy_machine_change_nothing_of_ts_events():
    plain, disturbed = History(), History(busy_from=4, beside_from=7)
    for n in (0, 12, 13):
        one, other = (Runs(SCENARIO, history).run(n) for history in (plain, disturbed))
        assert [e for e in one["events"] if e[0] == "T"] == [e for e in other["events"] if e[0] == "T"]
    assert other["clock"] > 10 * one["clock"]
    assert other["messages"] == one["messages"] + 1


@pytest.mark.parametrize("tree", [-1, 17, "3", 2.0, True, None])
def test_a_tree_that_is_none_is_refused_with_the_rule(tree: object):
    with pytest.raises(ValueError, match=r"a tree is a number from 0 \(no patch\) to 16"):
        the_series(SCENARIO)(tree)  # type: ignore[arg-type]


def test_who_knows_the_numbers_by_heart_gets_nothing():
    given = verdict(E11.id, answer(BY_HEART))
    assert given.points == 0
    assert all("is right" not in headline for headline in failed(given).values())


def test_pairs_as_lists_are_pairs():
    source = master(E11)
    assert source.count("        return good, bad\n") == 1
    assert verdict(E11.id, source.replace("        return good, bad\n", "        return [good, bad]\n")).full


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def bisect(run):\n    return 12\n", "a dict with the keys 'wrong', 'awake' and 'unbounded'"),
        (
            "def bisect(run):\n    return {'wrong': 12, 'awake': 12, 'unbounded': 13}\n",
            "for each a pair (good, bad)",
        ),
        ("def bisect(run):\n    while True:\n        run(3)\n", "more than 200 runs"),
        ("def bisect(run):\n    return run(17)\n", "a tree is a number from 0 (no patch) to 16"),
        ("def bisect(trees, run):\n    return {}\n", "bisect"),
    ],
)
def test_an_answer_of_another_form_is_told_which_form(body: str, message: str):
    given = verdict(E11.id, answer(body))
    assert given.points == 0
    assert message in failed(given)["wrong"]


def test_a_scenario_that_can_not_be_run_is_told_why():
    source = master(E11).replace("tmpfs_write 1", "tmpfs_write 7")
    assert "page 7 of area V, which has 4 pages" in failed(verdict(E11.id, source))["wrong"]


def test_a_scenario_without_a_signal_shows_nothing_and_has_no_name():
    source = master(E11).replace("signal task=T signal=SIGUSR1", "pause ticks=1")
    assert failed(verdict(E11.id, source))["awake"].startswith("Yours gives 'awake' on no tree")


def test_a_scenario_whose_write_is_only_short_is_not_told_of_both_ends():
    source = master(E11).replace("tmpfs_write 1", "tmpfs_write 0-1")
    assert failed(verdict(E11.id, source))["wrong"].startswith("Yours gives 'wrong' on no tree")


STOPPED = "wait_message; signal task=T signal=SIGSTOP; signal task=T signal=SIGCONT; pause ticks=5000; copy 3"


@pytest.mark.parametrize(
    "words",
    [
        {
            "T": "tmpfs_write 1",
            "S": "signal task=T signal=SIGUSR1",
            "apart": "S",
            "M": "wait_message; copy 1",
        },
        {"T": "read_zero 2", "M": "wait_message; signal task=T signal=SIGUSR1; pause ticks=500; copy 2"},
        {"T": "tmpfs_write 3", "M": STOPPED},
    ],
    ids=["pending before", "the other direction", "job control"],
)
def test_other_scenarios_show_the_symptoms_as_well(words: dict[str, str]):
    source = master(E11)
    start = source.index("SCENARIO = {")
    end = source.index("}\n", start) + 2
    assert verdict(E11.id, f"{source[:start]}SCENARIO = {words!r}\n{source[end:]}").full


@pytest.mark.parametrize("line", ["import pyemu.tree\n", "from course.checks import e11_history\n"])
def test_the_trees_are_out_of_reach(line: str):
    given = verdict(E11.id, line + master(E11))
    assert given.points == 0
    assert all("imports" in headline for headline in failed(given).values())


def test_prints_cost_nothing():
    source = master(E11).replace("    kept = {}\n", "    kept = {}\n    print('asked')\n")
    given = verdict(E11.id, source)
    assert given.full
    assert set(given.printed.split()) == {"asked"}
