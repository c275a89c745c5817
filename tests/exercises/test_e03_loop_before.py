"""Exercise E3: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e03_scenarios import in_kernel, remapped, slow
from course.checks.facts import facts_of
from course.checks.kernel_case import KernelCase
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome
from pyemu import Tree, run
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

ID = "e03_loop_before"
E3 = exercise_of(ID)
SENTENCES = {
    "keeps-allow": "S13 needed 3 attempts and succeeded; 5.6 lets a fault wait once.",
    "no-tried": "Attempt 2 ran with 0x50, x86 5.6 uses 0x70.",
    "stale-vma": "You used a VMA of an older generation: use after free.",
    "no-relock": "find_vma without mmap_sem.",
    "unlock-on-retry": "Bad unlock balance: the callee already released it.",
    "nonfatal-return": "SIGUSR1 must not end a fault of Linux 5.6 (S9: 1 exception).",
    "no-kill-test": "SIGKILL was pending after attempt 1, you ran attempt 2.",
    "kernel-kill-return": "The kernel instruction runs again: livelock; use the fixup.",
    "counts-each": "One fault, two counts.",
    "last-major": "The first attempt was major, the second was not: x86 remembers MAJOR.",
    "pf-in-loop": "sw page-faults is once per exception on x86.",
    "retry-is-error": "RETRY is not an error.",
    "unlock-after-error-missing": "SIGBUS path left mmap_sem held.",
    "allow-with-retry": "Attempt 2 gave RETRY too, and you released the lock: it was gone again.",
    "area-unasked": "An access that no area allows ends in SIGSEGV at once, whatever attempt it is.",
    "counts-killed": "SIGKILL ended the fault, and you counted it: it was not served.",
    "first-address": "The first address of an area belongs to it.",
    "unlock-twice": "Bad unlock balance: bad_area releases the lock itself.",
    "goes-on": "SIGSEGV was sent, and your fault went on.",
    "user-no-context": "no_context is for kernel code: T was in user mode, and has no fixup.",
    "reports-locked": "An error was reported with mmap_sem held.",
}
POINTS = {
    "keeps-allow": 9,
    "no-tried": 10,
    "stale-vma": 2,
    "no-relock": 2,
    "unlock-on-retry": 2,
    "nonfatal-return": 2,
    "no-kill-test": 10,
    "kernel-kill-return": 10,
    "counts-each": 10,
    "last-major": 10,
    "pf-in-loop": 10,
    "retry-is-error": 2,
    "unlock-after-error-missing": 5,
    "allow-with-retry": 10,
    "area-unasked": 2,
    "counts-killed": 10,
    "first-address": 0,
    "unlock-twice": 0,
    "goes-on": 0,
    "user-no-context": 8,
    "reports-locked": 10,
}
HEAD = "async def do_user_addr_fault(regs, error_code, address):\n"


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E3)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_those_of_the_loop():
    points = {one.id: one.points for one in E3.behaviours}
    assert points == {"plain": 2, "retry": 3, "flags": 2, "kill": 2, "s13": 1, "counters": 2}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(ID, source_of(E3, wrong(E3, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E3.wrong} == set(SENTENCES)


# ------------------------------------------------------------------------------------------ the cases


@pytest.mark.parametrize("name", checks_of(ID).checks)
def test_the_kernel_itself_runs_every_case_without_a_broken_rule(name: str):
    for seed in (None, *map(str, range(10))):
        for case in checks_of(ID).checks[name].cases(Draw(seed, name)):
            assert isinstance(case, KernelCase)
            assert case.tree is Tree.before
            run(case.scenario, case.tree, strict=True)


@pytest.mark.parametrize(
    ("what", "outcome", "attempts"),
    [
        ("served", "ret=4096", 2),
        ("signalled", "ret=4096", 2),
        ("woken", "EFAULT", 2),
        ("killed", "killed:9", 1),
    ],
)
def test_a_copy_of_the_kernel_waits_once_and_only_sigkill_ends_it(what: str, outcome: str, attempts: int):
    result = run(in_kernel(Draw(None, "x"), what).scenario, Tree.before)
    assert result.tasks["T"].outcome == outcome
    assert facts_of(result, "T").attempts == attempts


def test_the_fault_on_the_disk_is_major_once():
    facts = facts_of(run(slow(Draw(None, "x")).scenario, Tree.before), "T")
    assert (facts.attempts, facts.minor, facts.major) == (2, 0, 1)


def test_after_the_wait_the_fresh_memory_is_read():
    assert run(remapped(Draw(None, "x")).scenario, Tree.before).tasks["T"].outcome == "ret=0"


# ------------------------------------------------------------------------------------------ nobody foresaw


def test_no_look_at_the_area_at_all_is_wrong():
    check = "        if await access_error(error_code, vma):\n"
    source = edited(
        (
            check
            + "            await bad_area_access_error(regs, error_code, address)\n            return\n",
            "",
        )
    )
    asked = SENTENCES["area-unasked"]
    assert failed(verdict(ID, source)) == {"plain": asked, "retry": asked}


def test_an_area_above_the_address_is_no_area():
    source = edited(("if vma is None or await vma.vm_start > address:", "if vma is None:"))
    asked = SENTENCES["area-unasked"]
    assert failed(verdict(ID, source)) == {"plain": asked, "retry": asked}


@pytest.mark.parametrize(
    "old", ["vma is None or await vma.vm_start > address", "await access_error(error_code, vma)"]
)
def test_what_is_asked_at_the_first_attempt_only_is_too_little(old: str):
    source = edited((f"if {old}:", f"if not flags & FAULT_FLAG_TRIED and ({old}):"))
    assert failed(verdict(ID, source)) == {"retry": SENTENCES["area-unasked"]}


def test_the_lock_that_is_gone_is_not_released_in_kernel_mode_alone():
    old = "        if not fault & VM_FAULT_RETRY:\n"
    ask = (
        "        if not fault & VM_FAULT_RETRY or not (user_mode(regs) or flags & FAULT_FLAG_ALLOW_RETRY):\n"
    )
    assert failed(verdict(ID, edited((old, ask)))) == {"kill": SENTENCES["allow-with-retry"]}


@pytest.mark.parametrize(
    "source",
    [
        edited(("await find_vma(mm, address)", "await find_it(mm, address)")),
        master(E3) + '\n\nrun("S1")\n',
    ],
    ids=["a helper", "a trial"],
)
def test_a_name_of_another_cell_is_missing_and_its_author_reads_why(source: str):
    given = verdict(ID, source)
    assert given.points == 0
    assert all("Only the cells of your answer are taken" in headline for headline in failed(given).values())


def test_the_loop_of_5_7_is_not_the_loop_of_5_6():
    source = edited(
        ("        flags &= ~FAULT_FLAG_ALLOW_RETRY\n", ""),
        ("if await fatal_signal_pending(current):", "if await fault_signal_pending(fault, regs):"),
    )
    assert failed(verdict(ID, source)) == {"flags": SENTENCES["keeps-allow"], "s13": SENTENCES["keeps-allow"]}


def test_the_kernels_own_question_about_signals_is_as_good():
    old = "if await fatal_signal_pending(current):"
    assert verdict(ID, edited((old, "if await fault_signal_pending(fault, regs):"))).full


def test_a_fixup_for_user_mode_too_is_no_way_out():
    source = edited(
        (
            "            if not user_mode(regs):\n                await no_context",
            "            await no_context",
        ),
    )
    given = verdict(ID, source)
    assert list(failed(given)) == ["kill", "counters"]


def test_a_count_for_a_fault_that_failed_is_wrong_in_the_counters_alone():
    source = edited(("    elif major:", "    if major:"))
    given = verdict(ID, source)
    assert list(failed(given)) == ["counters"]


def test_what_builds_on_retry_is_skipped():
    rows = {row.behaviour.id: row for row in verdict(ID, source_of(E3, wrong(E3, "stale-vma").file)).rows}
    assert {name for name, row in rows.items() if row.outcome is Outcome.SKIPPED} == {
        *("flags", "kill", "s13", "counters")
    }
    assert "'retry'" in rows["kill"].reason
    assert feedback(rows["retry"]).cause == "stale-vma"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (HEAD + "    await do_user_addr_fault(regs, error_code, address)\n", "calls itself without end"),
        (HEAD + "    await handle_userfault(None, address, 0, 0)\n", "which this function may not use"),
        ("import pyemu.kernel\n" + HEAD + "    pass\n", "imports pyemu.kernel"),
    ],
)
def test_who_has_others_do_the_work_gets_nothing(source: str, said: str):
    given = verdict(ID, source)
    assert given.points == 0
    assert all(said in headline for headline in failed(given).values())


def test_prints_cost_no_points():
    given = verdict(ID, edited(("    major = 0\n", "    major = 0\n    print('attempt')\n")))
    assert given.full
    assert set(given.printed.splitlines()) == {"attempt"}
