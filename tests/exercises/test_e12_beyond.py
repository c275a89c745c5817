"""Exercise E12: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, master, source_of, verdict, wrong

E12 = exercise_of("e12_beyond")
SENTENCES = {
    "completed-as-retry": "2 attempts: COMPLETED is done.",
    "unlock-after-completed": "Lock is gone: bad balance.",
    "completed-uncounted": "The fault is done: count it.",
    "completed-signal": "A signal ends no fault that is done: the helper ignores COMPLETED.",
    "gup-ebusy": "The page is done; only the lock is lost.",
    "gup-locked-1": "COMPLETED dropped the lock.",
    "kernel-vma-lock": "Kernel mode starts with mmap_lock.",
    "tried-always": "TRIED only if MAJOR: else attempt 1 under mmap_lock may not drop.",
    "keeps-VMA_LOCK": "Both locks claimed.",
    "no-signal-test": "SIGUSR1 ignored after the first pass.",
    "assume-waited": "This RETRY did not wait (I3).",
    "unlock-wrong": "Released mmap_lock, held the VMA lock.",
    "unchecked": "The area forbids this access, and you served it.",
}
POINTS = {
    "completed-as-retry": 7,
    "unlock-after-completed": 7,
    "completed-uncounted": 10,
    "completed-signal": 12,
    "gup-ebusy": 12,
    "gup-locked-1": 12,
    "kernel-vma-lock": 12,
    "tried-always": 12,
    "keeps-VMA_LOCK": 9,
    "no-signal-test": 13,
    "assume-waited": 10,
    "unlock-wrong": 11,
    "unchecked": 11,
}
RELEASE = (
    "        if not fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):\n            await vma_end_read(mm)\n"
)


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E12)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def headlines(*changes: tuple[str, str]) -> dict[str, str]:
    return failed(verdict("e12_beyond", edited(*changes)))


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("e12_beyond", source_of(E12, wrong(E12, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E12.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E12.behaviours}
    assert sum(points.values()) == 14
    assert points["completed"] + points["kernel"] + points["pages"] == 6


def test_an_area_that_is_never_released_is_named_by_the_rule():
    given = headlines((RELEASE, ""))
    assert list(given) == ["area"]
    assert "lock" in given["area"]


def test_no_first_pass_at_all_loses_what_it_is_good_for():
    first = "await lock_vma_under_rcu(mm, address) if user_mode(regs) else None"
    given = headlines((first, "None"))
    assert "area" in given
    assert given["area"].startswith("T: takes mmap_lock 1 time;")


def test_a_forbidden_access_that_keeps_the_area_is_found():
    given = headlines(("        await vma_end_read(mm)\n        vma = None\n", "        vma = None\n"))
    assert "area" in given


def test_a_forgotten_tried_after_major_is_found():
    line = "        if fault & VM_FAULT_MAJOR:\n            flags |= FAULT_FLAG_TRIED\n"
    assert list(headlines((line, ""))) == ["tried"]


def test_a_missing_tried_in_the_loop_is_none_of_these():
    line = "            break\n        flags |= FAULT_FLAG_TRIED\n"
    given = headlines((line, "            break\n"))
    assert list(given) == ["tried"]
    assert given["tried"].startswith("T: flags 0x1254, 0x254, 0x254; with the kernel's own function:")


def test_success_after_completed_is_no_success_for_get_user_pages():
    given = headlines(("FaultinResult(-EAGAIN, 0, foll_flags)", "FaultinResult(0, locked, foll_flags)"))
    assert set(given) == {"pages"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    if fault & VM_FAULT_COMPLETED:\n        return Faultin",
            "    if True:\n        return Faultin",
        ),
        ("    if fault & VM_FAULT_RETRY:\n        return FaultinResult(-EBUSY, 0, foll_flags)\n", ""),
    ],
    ids=["always-again", "no-retry"],
)
def test_what_get_user_pages_hears_of_other_attempts_counts_too(old: str, new: str):
    assert set(headlines((old, new))) == {"pages"}


def test_the_old_loop_gets_nothing_where_the_new_word_comes():
    test = "        if fault & VM_FAULT_COMPLETED:\n            break\n"
    assert set(headlines((test, "")).values()) == {SENTENCES["unlock-after-completed"]}


# ------------------------------------------------------------------------------------------ no answer at all


def test_a_result_with_other_fields_is_refused():
    given = headlines(("FaultinResult(-EAGAIN, 0, foll_flags)", "FaultinResult('again', 0, foll_flags)"))
    assert "it must return FaultinResult" in given["pages"]


def test_the_kernels_own_way_is_not_on_the_list():
    given = verdict(
        "e12_beyond", edited(("    major = 0\n", "    major = 0\n    await do_page_fault(regs, 0, 0)\n"))
    )
    assert given.points == 0
    assert all("may not use" in one for one in failed(given).values())


def test_the_kernel_can_not_be_imported():
    given = verdict("e12_beyond", "from pyemu.kernel.fault import try_area_lock\n" + master(E12))
    assert given.points == 0
    assert all("imports pyemu.kernel" in one for one in failed(given).values())


def test_prints_cost_no_points_and_are_kept():
    given = verdict("e12_beyond", edited(("    major = 0\n", "    major = 0\n    print('fault')\n")))
    assert given.full
    assert set(given.printed.splitlines()) == {"fault"}
