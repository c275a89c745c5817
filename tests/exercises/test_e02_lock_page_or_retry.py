"""Exercise E2: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e02_calls import calls_of
from course.checks.e02_scenarios import V5_6, V5_7, later, nowait, pinned
from course.checks.kernel_case import KernelCase
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome
from pyemu import run
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

ID = "e02_lock_page_or_retry"
E2 = exercise_of(ID)
SENTENCES = {
    "nowait-drops": "NOWAIT neither waits nor drops; your caller will unlock a second time.",
    "nowait-waits": "NOWAIT slept 10 ms.",
    "keep-on-first": "First try slept with mmap_sem: the writer waited 9001 us.",
    "drop-always": "Attempt 2 dropped the lock again: no progress is promised (I6).",
    "owns-page": "You return 0 but own the page lock; nobody releases it.",
    "one-after-drop": "1 promises page locked *and* mmap_sem held.",
    "killed-keeps": "0 after SIGKILL promises the lock is dropped (I2).",
    "killed-one": "SIGKILL ended the wait; you do not own the page.",
    "always-killable": "No KILLABLE flag: this sleep must not end on SIGKILL.",
    "never-killable": "SIGKILL at 1 ms, task gone at 10 ms.",
    "interruptible": "SIGUSR1 ended a page-lock wait; in 5.7 only userfaultfd sleeps so.",
    "retakes": "RETRY must come back without the lock; the caller takes it (I1).",
    "no-trylock": "The page was free: one attempt was enough.",
}
POINTS = {
    "nowait-drops": 10,
    "nowait-waits": 10,
    "keep-on-first": 3,
    "drop-always": 10,
    "owns-page": 3,
    "one-after-drop": 3,
    "killed-keeps": 10,
    "killed-one": 10,
    "always-killable": 10,
    "never-killable": 10,
    "interruptible": 5,
    "retakes": 3,
    "no-trylock": 4,
}
SLEEP = "        if flags & FAULT_FLAG_KILLABLE:\n"


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E2)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_those_of_the_table():
    points = {one.id: one.points for one in E2.behaviours}
    assert points == {"free": 1, "nowait": 2, "first": 3, "later": 2, "killed": 2, "writer": 2}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(ID, source_of(E2, wrong(E2, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E2.wrong} == set(SENTENCES)


# ------------------------------------------------------------------------------------------ the cases


@pytest.mark.parametrize("name", checks_of(ID).checks)
def test_the_kernel_itself_runs_every_case_without_a_broken_rule(name: str):
    for seed in (None, *map(str, range(10))):
        for case in checks_of(ID).checks[name].cases(Draw(seed, name)):
            assert isinstance(case, KernelCase)
            run(case.scenario, case.tree, strict=True)


def test_every_row_of_the_table_has_a_case():
    rows = set()
    for name, check in checks_of(ID).checks.items():
        for case in check.cases(Draw(None, name)):
            assert isinstance(case, KernelCase)
            result = run(case.scenario, case.tree)
            for call in calls_of(result, "T"):
                drops = bool(call.flags & 4) and (case.tree is V5_6 or not call.flags & 0x20)
                rows.add((call.waited, drops, bool(call.flags & 8), bool(call.flags & 0x10), call.killed))
    waits = {row[1:] for row in rows if row[0]}
    assert waits == {
        (True, False, True, False),
        (True, False, True, True),
        (True, False, False, False),
        (False, False, True, False),
        (False, False, True, True),
        (False, False, False, False),
    }
    assert {(False, True, True, killable, False) for killable in (True, False)} <= rows


@pytest.mark.parametrize("tree", [V5_6, V5_7])
def test_the_second_attempt_meets_the_page_locked(tree):
    first, second = calls_of(run(later(Draw(None, "x"), tree).scenario, tree), "T")
    assert (first.gave, first.dropped, first.waited_holding) == (0, True, False)
    assert (second.gave, second.dropped, second.waited_holding, second.owns) == (1, False, True, True)


def test_a_driver_in_a_hurry_gets_its_answer_with_mmap_sem_held():
    (call,) = calls_of(run(nowait(Draw(None, "x"), V5_7).scenario, V5_7), "T")
    assert (call.gave, call.dropped, call.waited, call.owns) == (0, False, False, False)


def test_get_user_pages_of_linux_5_6_says_nothing_of_killable():
    calls = calls_of(run(pinned(Draw(None, "x")).scenario, V5_6), "T")
    assert [call.flags & 0x10 for call in calls] == [0, 0]


# ------------------------------------------------------------------------------------------ nobody foresaw


def test_a_lock_that_is_never_dropped_reads_as_one_that_is_dropped_too_late():
    given = verdict(ID, edited(("        await up_read(mm)\n" + SLEEP, SLEEP)))
    assert set(failed(given).values()) == {SENTENCES["keep-on-first"]}
    assert given.points == 3


def test_the_rule_of_5_6_with_a_tried_of_its_own_is_right():
    rule = "may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0\n"
    assert verdict(
        ID, edited((rule, rule + "    may_drop = may_drop and not flags & FAULT_FLAG_TRIED\n"))
    ).full


def test_5_7_without_any_drop_makes_the_writer_wait():
    rule = "may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0 and not flags & FAULT_FLAG_TRIED"
    given = verdict(ID, edited((rule, "may_drop = False")))
    assert failed(given)["writer"] == SENTENCES["keep-on-first"]
    assert failed(given)["nowait"] == SENTENCES["nowait-waits"]


def test_a_killed_wait_is_noticed_in_one_of_the_two_functions_alone():
    old = "    return await lock_or_wait(pfn, mm, flags, may_drop)\n\n\n"
    source = edited((old, old.replace("flags,", "flags & ~FAULT_FLAG_KILLABLE,")))
    assert failed(verdict(ID, source)) == {"killed": "SIGKILL at 11 ms, task gone at 20 ms."}


def test_asking_again_and_again_is_no_wait():
    busy = "        while not await trylock_page(pfn):\n            pass\n        await unlock_page(pfn)\n"
    source = edited(
        (
            SLEEP
            + "            await wait_on_page_locked_killable(pfn)\n        else:\n"
            + "            await wait_on_page_locked(pfn)\n",
            busy,
        )
    )
    assert verdict(ID, source).points < E2.points


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("lock_page_or_retry(pfn, mm, flags)", "the name you replace leads to your own function"),
        ("lock_page_maybe_drop_mmap(pfn, mm, flags, False)", "which this function may not use"),
        ("look_at_page(pfn)", "which this function may not use"),
    ],
)
def test_who_has_others_do_the_work_gets_nothing(call: str, said: str):
    given = verdict(ID, edited(("    if may_drop:", f"    await {call}\n    if may_drop:")))
    assert given.points == 0
    assert all(said in headline for headline in failed(given).values())


def test_prints_cost_no_points():
    given = verdict(ID, edited(("    if may_drop:", "    print('locked')\n    if may_drop:")))
    assert given.full
    assert set(given.printed.splitlines()) == {"locked"}


def test_a_failed_first_attempt_skips_what_builds_on_it():
    rows = {row.behaviour.id: row for row in verdict(ID, source_of(E2, wrong(E2, "retakes").file)).rows}
    assert rows["later"].outcome is rows["killed"].outcome is Outcome.SKIPPED
    assert feedback(rows["first"]).cause == "retakes"
