"""Exercise X1: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from course.checks.x01_calls import Call, said_by, syscall
from pyemu import Tree, run
from pyemu.effects.records import GupResult
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

X1 = exercise_of("x01_locked")
LOCKED = "get_user_pages_locked"
SENTENCES = {
    "none-means-no-wait": "None: the call may sleep, with the lock.",
    "nowait-0": "NOWAIT leaves *locked 1.",
    "retaken-1": "Re-taken and released: *locked 0.",
    "retry-negative": "A count, never an error.",
    "zero-ok": "0 pages: nothing pinned.",
    "partial-error": "Earlier pages win over the error.",
    "vma-after-0": "VMA is dead.",
    "entry-0": "Entry value must be 1.",
    "hugetlb-eintr": "hugetlb + SIGKILL: EFAULT.",
    "unlocked-caller": "get_user_pages_unlocked takes and releases itself.",
    "mlock-limit": "populate retries without limit, in 5.4 too.",
    "procmem-waits": "None: a userfaultfd page fails at once, no message.",
}
POINTS = {
    "none-means-no-wait": 10,
    "nowait-0": 9,
    "retaken-1": 8,
    "retry-negative": 9,
    "zero-ok": 9,
    "partial-error": 9,
    "vma-after-0": 8,
    "entry-0": 11,
    "hugetlb-eintr": 11,
    "unlocked-caller": 11,
    "mlock-limit": 11,
    "procmem-waits": 11,
}


def replaced(old: str, new: str) -> str:
    source = master(X1)
    assert source.count(old) == 1, old
    return source.replace(old, new)


def test_the_points_are_twelve():
    points = {one.id: one.points for one in X1.behaviours}
    assert points == {"pointer": 3, "nowait": 3, "null": 2, "own": 1, "killed": 1, "entry": 1, "callers": 1}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(X1.id, source_of(X1, wrong(X1, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in X1.wrong} == set(SENTENCES) == set(POINTS)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (Call(LOCKED, ("monitor",), nowait=True), (0, 1, True)),
        (Call(LOCKED, ("monitor",)), (1, 0, False)),
        (Call(LOCKED, ("monitor",), killed=True), ("ERESTARTSYS", 0, False)),
        (Call(LOCKED, ("huge",), killed=True), ("EFAULT", 0, False)),
        (Call("get_user_pages", ("monitor",)), ("EFAULT", None, True)),
    ],
    ids=lambda value: value.name if isinstance(value, Call) else "",
)
def test_the_runs_say_what_the_cards_say(call: Call, said: tuple[object, ...]):
    assert said_by(call) == said


@pytest.mark.parametrize("tree", [Tree.before, Tree.upto(1)], ids=str)
def test_the_librarys_own_calls_say_the_same_with_and_without_patch_1(tree: Tree):
    first, *_, last = run("X1", tree).trace.select("gup", task="T")
    assert (first.a, first.b) == said_by(Call(LOCKED, ("monitor",), nowait=True))[:2]
    assert (last.a, last.b) == said_by(Call(LOCKED, ("monitor",)))[:2]


def test_mlock_has_no_limit_and_proc_mem_never_waits():
    assert [syscall("mlock", n) for n in (0, 1, 7)] == [(0, 1), (0, 2), (0, 8)]
    assert [syscall("proc_mem", n) for n in (0, 7)] == [("EIO", 0), ("EIO", 0)]


def test_a_driver_passes_1_on_entry():
    seen = []

    async def recorder(start: int, nr_pages: int, gup_flags: int, locked: int | None) -> GupResult:
        seen.append(locked)
        return GupResult(0, locked)

    run("X1", Tree.before, {LOCKED: recorder})
    assert seen == [1, 1]


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("return told, 0 if dropped else 1, not dropped", "return told, 0, False", ["pointer", "nowait"]),
        ("return told, None, True", "return told, 1, True", ["null"]),
        ("return told, None, False", "return told, 0, False", ["own"]),
        ('"EFAULT" if page == "huge" else "ERESTARTSYS"', '"EFAULT"', ["killed"]),
        ("ENTRY = 1", "ENTRY = True", []),
        ("ENTRY = 1", "ENTRY = '1'", ["entry"]),
        ("return 0, 1 + wakes", "return 0, 1", ["callers"]),
        ("return 0, 1 + wakes", "return 1 + wakes, 0", ["callers"]),
        ('return "EIO", 0', 'return "EFAULT", 0', ["callers"]),
        ("        count += 1", "        count = len(pages)", ["nowait", "null", "killed"]),
    ],
)
def test_other_answers_are_told_apart(old: str, new: str, lost: list[str]):
    assert list(failed(verdict(X1.id, replaced(old, new)))) == lost


@pytest.mark.parametrize("said", ["(1, 1, True)", "(1, 0, False)", "(1, None, True)", "(0, 1, True)"])
def test_one_answer_for_all_calls_gets_nothing_for_them(said: str):
    source = master(X1) + f"\n\ndef gup_says(entry, pages, nowait, killed):\n    return {said}\n"
    assert verdict(X1.id, source).points == 2


def test_an_error_that_no_cause_knows_is_shown():
    given = verdict(X1.id, replaced('return "EIO", 0', 'return "EFAULT", 0'))
    assert failed(given) == {
        "callers": "Yours gives proc_mem, 0 wakes: ('EFAULT', 0); right is proc_mem, 0 wakes: ('EIO', 0)."
    }
    assert feedback(given.rows[-1]).cause == ""


@pytest.mark.parametrize("value", ["None", "'all'", "(1, 1)", "{1: 2}"])
def test_what_is_no_answer_is_shown_and_counts_nothing(value: str):
    source = master(X1) + f"\n\ndef gup_says(entry, pages, nowait, killed):\n    return {value}\n"
    given = verdict(X1.id, source)
    assert given.points == 2
    assert all(feedback(row).cause == "" for row in given.rows if row.feedback is not None)


def test_an_open_entry_is_called_open():
    given = verdict(X1.id, replaced("ENTRY = 1", "ENTRY = None"))
    assert failed(given) == {"entry": "Your answer is not written yet: ENTRY still is None."}


def test_the_emulators_own_walk_is_out_of_reach():
    given = verdict(X1.id, "import pyemu.kernel.gup_locked\n" + master(X1))
    assert given.points == 0
    assert all("imports pyemu.kernel" in headline for headline in failed(given).values())


def test_prints_cost_nothing():
    given = verdict(
        X1.id, replaced("    count, dropped, error = 0,", "    print(pages)\n    count, dropped, error = 0,")
    )
    assert given.full
    assert "('there',)" in given.printed
