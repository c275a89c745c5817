"""Exercise E3: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e03_scenarios import drivers, failing
from course.checks.e03_waits import (
    held,
    in_kernel,
    killed_before,
    remapped,
    slow,
    swapped_out,
    truncated,
    written,
)
from course.checks.facts import facts_of
from course.checks.kernel_case import KernelCase
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome
from pyemu import Tree, run
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

ID = "e03_loop_before"
E3 = exercise_of(ID)
SENTENCES = {
    "keeps-allow": "The fault needed 3 attempts and succeeded; 5.6 lets a fault wait once.",
    "no-tried": "Attempt 2 ran with 0x50, x86 5.6 uses 0x70.",
    "stale-vma": "You used a VMA of an older generation: use after free.",
    "no-relock": "find_vma without mmap_sem.",
    "unlock-on-retry": "Bad unlock balance: the callee already released it.",
    "nonfatal-return": "SIGUSR1 must not end a fault of Linux 5.6 (S9: 1 exception).",
    "no-kill-test": "SIGKILL was pending after attempt 1, you ran attempt 2.",
    "kernel-kill-return": "The kernel instruction runs again, and faults again: use the fixup.",
    "counts-each": "The fault was counted between two of its attempts.",
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
    "loses-flags": "Attempt 2 ran without WRITE, which attempt 1 had.",
    "no-return": "Kernel code was sent to its fixup, and your fault went on.",
    "kill-without-retry": "SIGKILL ended the fault, and no attempt had given RETRY.",
    "error-unreported": "Attempt 1 gave SIGSEGV, and nobody was told.",
    "bad-area-code": "SIGSEGV has code 1, the kernel's has 2.",
    "counts-failed": "min_flt counted a fault that had failed.",
    "counter-and-event": "min_flt says 1, and its perf event says 0.",
    "retry-is-major": "The fault was counted as major, and no attempt gave MAJOR.",
    "pf-missing": "page-faults: 3, exceptions: 6. Each exception is one.",
    "leaves-on-retry": "You left the fault after VM_FAULT_RETRY, and no signal had come.",
    "other-error": "Attempt 1 gave SIGSEGV, and you reported SIGBUS.",
    "served-is-error": "An attempt served the fault, and you reported an error.",
    "double-fixup": "Kernel code was sent to its fixup twice, for one fault.",
    "lock-before-kill": "SIGKILL was pending, and you took mmap_sem again.",
    "tried-first": "Attempt 1 ran with 0x74, x86 5.6 uses 0x54.",
    "kernel-uncounted": "A fault of kernel code was served, and not counted.",
    "first-major": "The second attempt was major, the first was not: the fault is major.",
}
POINTS = {
    "keeps-allow": 7,
    "no-tried": 10,
    "stale-vma": 2,
    "no-relock": 2,
    "unlock-on-retry": 2,
    "nonfatal-return": 2,
    "no-kill-test": 10,
    "kernel-kill-return": 10,
    "counts-each": 8,
    "last-major": 10,
    "pf-in-loop": 10,
    "retry-is-error": 2,
    "unlock-after-error-missing": 5,
    "allow-with-retry": 10,
    "area-unasked": 2,
    "counts-killed": 8,
    "first-address": 0,
    "unlock-twice": 0,
    "goes-on": 0,
    "user-no-context": 8,
    "reports-locked": 10,
    "loses-flags": 10,
    "no-return": 10,
    "kill-without-retry": 10,
    "error-unreported": 10,
    "bad-area-code": 0,
    "counts-failed": 10,
    "counter-and-event": 10,
    "retry-is-major": 10,
    "pf-missing": 10,
    "leaves-on-retry": 2,
    "other-error": 10,
    "served-is-error": 0,
    "double-fixup": 10,
    "lock-before-kill": 10,
    "tried-first": 10,
    "kernel-uncounted": 8,
    "first-major": 10,
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


def test_a_page_that_is_locked_takes_two_attempts_and_is_no_major_fault():
    facts = facts_of(run(held(Draw(None, "x")).scenario, Tree.before), "T")
    assert (facts.attempts, facts.minor, facts.major) == (2, 1, 0)


def test_a_page_that_is_swapped_out_during_the_wait_is_read_by_the_second_attempt():
    result = run(swapped_out(Draw(None, "x")).scenario, Tree.before)
    ends = [event.text for event in result.trace.select("attempt_end", task="T")]
    assert ends == ["attempt 1 gives 0x400 RETRY", "attempt 2 gives 0x4 MAJOR"]
    assert (facts_of(result, "T").minor, facts_of(result, "T").major) == (0, 1)


@pytest.mark.parametrize("seed", [None, *map(str, range(6))])
def test_a_fault_that_fails_after_a_major_attempt_counts_as_neither(seed: str | None):
    result = run(truncated(Draw(seed, "x")).scenario, Tree.before)
    ends = [event.text for event in result.trace.select("attempt_end", task="T")]
    assert ends[:4] == ["attempt 1 gives 0x404 MAJOR|RETRY", "attempt 2 gives 0x2 SIGBUS"] * 2
    assert result.tasks["T"].outcomes == ("SIGBUS(code=2)", "EFAULT")
    assert (facts_of(result, "T").minor, facts_of(result, "T").major) == (0, 0)


@pytest.mark.parametrize("do", ["read", "pipe_write"])
def test_a_fault_that_is_served_before_it_can_be_killed_counts(do: str):
    result = run(killed_before(Draw(None, "x"), do).scenario, Tree.before)
    facts = facts_of(result, "T")
    assert (facts.outcome, facts.attempts, facts.minor) == ("killed:9", 1, 1)


def test_what_fails_is_an_exception_and_nothing_more():
    result = run(failing(Draw(None, "x")).scenario, Tree.before)
    facts, counters = facts_of(result, "T"), result.tasks["T"].counters
    assert result.tasks["T"].outcomes == (
        "SIGSEGV(code=1)",
        "SIGSEGV(code=2)",
        "SIGBUS(code=2)",
        *["EFAULT"] * 2,
    )
    assert facts.exceptions == counters["page-faults"] == 6
    assert [counters[name] for name in ("min_flt", "maj_flt", "minor-faults", "major-faults")] == [0] * 4


def test_a_driver_may_fail_without_sigbus():
    assert run(drivers(Draw(None, "x")).scenario, Tree.before).tasks["T"].outcomes == (
        "SIGSEGV(code=1)",
        "ret=0",
    )


def test_a_write_is_a_write_at_each_attempt():
    words = run(written(Draw(None, "x")).scenario, Tree.before).trace.select("attempt", task="T")
    assert [hex(int(event.a)) for event in words] == ["0x55", "0x71", "0x15", "0x31"]


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


def test_above_the_last_area_there_is_none():
    old = "vma is None or await vma.vm_start > address"
    given = verdict(ID, edited((old, "await vma.vm_start > address")))
    assert "raised AttributeError" in failed(given)["plain"]


@pytest.mark.parametrize("old", ["await vma.vm_start > address", "await access_error(error_code, vma)"])
def test_what_is_asked_at_the_first_attempt_only_is_too_little(old: str):
    source = edited((f"{old}:", f"not flags & FAULT_FLAG_TRIED and {old}:"))
    assert failed(verdict(ID, source)) == {"retry": SENTENCES["area-unasked"]}


def test_the_lock_that_is_gone_is_not_released_in_kernel_mode_alone():
    old = "        if not fault & VM_FAULT_RETRY:\n"
    ask = (
        "        if not fault & VM_FAULT_RETRY or not (user_mode(regs) or flags & FAULT_FLAG_ALLOW_RETRY):\n"
    )
    assert failed(verdict(ID, edited((old, ask)))) == {"kill": SENTENCES["allow-with-retry"]}


KILLED = "        if await fatal_signal_pending(current):\n"
ASKED = KILLED + (
    "            if not user_mode(regs):\n"
    "                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)\n"
    "            return\n"
)
ATTEMPT = "        fault = await handle_mm_fault(vma, address, flags)\n"
FIXUP = "            if not user_mode(regs):\n                await no_context"
ERROR = "        await mm_fault_error(regs, error_code, address, fault)\n"
MINOR = '        await count("min_flt")\n'
UNFORESEEN = {
    "a flag that is cleared with another": (
        [("flags &= ~FAULT_FLAG_ALLOW_RETRY", "flags &= ~(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_WRITE)")],
        {"flags": SENTENCES["loses-flags"]},
    ),
    "SIGKILL before each attempt": (
        [
            (ASKED, ""),
            (ATTEMPT, ASKED.replace(KILLED, KILLED + "            await up_read(mm)\n") + ATTEMPT),
        ],
        {"kill": SENTENCES["lock-before-kill"]},
    ),
    "SIGKILL after whatever was served": (
        [
            (
                ATTEMPT,
                ATTEMPT + "        if not fault & VM_FAULT_RETRY and await fatal_signal_pending(current):\n"
                "            await up_read(mm)\n            return\n",
            )
        ],
        {"kill": SENTENCES["kill-without-retry"]},
    ),
    "SIGKILL at the first attempt only": (
        [(KILLED, KILLED.replace("if ", "if not flags & FAULT_FLAG_TRIED and "))],
        {"kill": "SIGKILL was pending after attempt 2, you ran attempt 3."},
    ),
    "SIGKILL at the second attempt only": (
        [(KILLED, KILLED.replace("if ", "if flags & FAULT_FLAG_TRIED and "))],
        {"kill": SENTENCES["no-kill-test"]},
    ),
    "the fixup at the first attempt only": (
        [(FIXUP, FIXUP.replace("if ", "if not flags & FAULT_FLAG_TRIED and "))],
        {"kill": SENTENCES["kernel-kill-return"]},
    ),
    "the fixup at the second attempt only": (
        [(FIXUP, FIXUP.replace("if ", "if flags & FAULT_FLAG_TRIED and "))],
        {"kill": SENTENCES["kernel-kill-return"]},
    ),
    "a killed fault of kernel code that is counted": (
        [(FIXUP, FIXUP.replace("    await", f"    {MINOR.strip()}\n                await"))],
        {"kill": SENTENCES["counts-killed"]},
    ),
    "an error of kernel code that is counted": (
        [
            (ERROR, ERROR + "    if fault & VM_FAULT_ERROR and user_mode(regs):\n        return\n"),
            ("elif", "if"),
        ],
        {"counters": SENTENCES["counts-failed"]},
    ),
    "a fault without an area that is counted": (
        [
            (
                "await bad_area(regs, error_code, address)\n",
                f"await bad_area(regs, error_code, address)\n    {MINOR}",
            )
        ],
        {"counters": SENTENCES["counts-failed"]},
    ),
    "page-faults when an area is there": (
        [
            ('    await perf_sw_event("page-faults")\n', ""),
            (
                ATTEMPT,
                "        if not flags & FAULT_FLAG_TRIED:\n"
                '            await perf_sw_event("page-faults")\n' + ATTEMPT,
            ),
        ],
        {"counters": SENTENCES["pf-missing"]},
    ),
    "MAJOR in place of RETRY": (
        [("if not fault & VM_FAULT_RETRY", "if not fault & VM_FAULT_MAJOR")],
        {"retry": SENTENCES["unlock-on-retry"]},
    ),
    "an error after a major attempt that is counted": (
        [("    elif major:", "    if major:"), ("    else:", "    elif not fault & VM_FAULT_ERROR:")],
        {"counters": "maj_flt counted a fault that had failed."},
    ),
    "a major attempt that is counted at once": (
        [
            ('        await count("maj_flt")\n', ""),
            (
                "        flags &= ~",
                '        if major:\n            await count("maj_flt")\n        flags &= ~',
            ),
        ],
        {"counters": SENTENCES["counts-each"]},
    ),
    "the event of a major fault at each attempt": (
        [
            (
                "        if not fault & VM_FAULT_RETRY:",
                (
                    "        if fault & VM_FAULT_MAJOR:\n"
                    '            await perf_sw_event("major-faults")\n        if not fault & VM_FAULT_RETRY:'
                ),
            ),
            ('        await perf_sw_event("major-faults")\n    else', "    else"),
        ],
        {"counters": SENTENCES["counts-each"]},
    ),
    "MAJOR of the first attempt only": (
        [("        major |=", "        major |= 0 if flags & FAULT_FLAG_TRIED else")],
        {"counters": SENTENCES["first-major"]},
    ),
    "RETRY alone for RETRY": (
        [("if not fault & VM_FAULT_RETRY:", "if fault != VM_FAULT_RETRY:")],
        {"retry": SENTENCES["unlock-on-retry"]},
    ),
    "a major fault of kernel code as minor": (
        [("elif major:", "elif major and user_mode(regs):")],
        {"counters": SENTENCES["last-major"]},
    ),
}


@pytest.mark.parametrize("name", UNFORESEEN)
def test_what_a_trial_tried_costs_points_and_its_message_is_true(name: str):
    changes, said = UNFORESEEN[name]
    assert failed(verdict(ID, edited(*changes))) == said


def test_a_value_that_is_awaited_is_told():
    source = edited(("            if not user_mode(regs):", "            if not await user_mode(regs):"))
    said = failed(verdict(ID, source))
    assert list(said) == ["kill", "counters"]
    assert all("is a value already: leave out its `await`" in headline for headline in said.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)",
            "mm_fault_error(regs, error_code, address, fault)",
        ),
        ("if not user_mode(regs):", "if not flags & FAULT_FLAG_USER:"),
        ("flags &= ~FAULT_FLAG_ALLOW_RETRY", "flags ^= flags & FAULT_FLAG_ALLOW_RETRY"),
    ],
)
def test_what_comes_to_the_same_is_as_good(old: str, new: str):
    assert verdict(ID, edited((old, new))).full


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
    assert failed(verdict(ID, source)) == dict.fromkeys(
        ("flags", "s13", "counters"), SENTENCES["keeps-allow"]
    )


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
