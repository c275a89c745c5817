"""Exercise E4: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from course.checks.verdict import Outcome, Row
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

E4 = exercise_of("e04_loop")
HEAD = "async def do_user_addr_fault(regs, error_code, address):\n"
SENTENCES = {
    "still-clears": "S13: SIGBUS on attempt 2.",
    "forgets-TRIED": "Attempt 2 has flags 0x255 again, not 0x275: every attempt drops the lock (I5).",
    "cap-3": "4 wakes and a page need 6 attempts.",
    "sigkill-only": "S10a: the handler ran after attempt 1002; patch 9 lets it run first.",
    "unlock-on-signal": "Bad unlock balance: RETRY means dropped.",
    "test-before-fault": "A signal is pending: you returned with the lock held, before the attempt.",
    "counts-on-signal": "A fault that a signal ended counts nothing.",
    "eats-signal": "The handler never ran: lost signal.",
    "stale-vma": "VMA of an older generation: you found it before the lock was dropped.",
    "kernel-returns": "SIGUSR1 during a copy: the instruction ran again without fixup.",
    "kernel-fixup-on-usr1": "A harmless signal became EFAULT.",
    "no-nine": ("SIGSTOP was sent 100 ms ago and the task still runs: user mode must leave for any signal."),
    "vacuous-tests": "Mutant (c) passes all your tests.",
    "false-alarm": "Your test rejects the kernel's own handler: test 1 of TESTS.",
    "last-major": "T waited, and the fault was counted as minor: one of its attempts said MAJOR.",
    "user-no-context": "no_context is for kernel code: T was in user mode, and has no fixup.",
    "no-relock": "After VM_FAULT_RETRY you hold nothing: take mmap_sem again before find_vma.",
    "kernel-deaf": "SIGKILL is pending and the fault goes round again: nothing else will ever end it.",
    "over-again": "An attempt without VM_FAULT_RETRY is the last one, also when it gives LOCKED.",
    "area-unasked": "An access that no area allows ends in SIGSEGV, whatever round it is in.",
    "goes-on": "SIGSEGV was sent, and the fault went on: return after it.",
    "unlock-twice": "Bad unlock balance: bad_area releases the lock itself.",
    "fixup-with-lock": "Kernel code went to its fixup with mmap_sem held: no_context releases nothing.",
    "bad-area-code": "SIGSEGV came with code 2, not 1.",
    "first-address": "An access at the first address of an area was refused.",
    "waiting-is-major": "A fault that waited for nothing but a page's lock was counted as major.",
    "lost-flags": "Attempt 2 has flags 0x274: WRITE is gone.",
    "tried-at-once": "Attempt 1 has flags 0x274: TRIED, and nothing was tried before.",
    "late-signal": "A signal ended the wait, and attempt 2 was made all the same.",
    "served-and-left": "The attempt gave no VM_FAULT_RETRY, and you left with mmap_sem held.",
    "looks-before-lock": "find_vma comes after down_read: without mmap_sem no area is sure to stay.",
    "fixup-goes-on": "no_context was called, and the fault goes round again.",
}
POINTS = {
    "still-clears": 5,
    "forgets-TRIED": 12,
    "cap-3": 13,
    "sigkill-only": 10,
    "unlock-on-signal": 8,
    "test-before-fault": 8,
    "counts-on-signal": 12,
    "eats-signal": 8,
    "stale-vma": 5,
    "kernel-returns": 11,
    "kernel-fixup-on-usr1": 13,
    "no-nine": 10,
    "vacuous-tests": 11,
    "false-alarm": 11,
    "last-major": 13,
    "user-no-context": 8,
    "no-relock": 5,
    "kernel-deaf": 11,
    "over-again": 13,
    "area-unasked": 12,
    "goes-on": 12,
    "unlock-twice": 12,
    "fixup-with-lock": 13,
    "bad-area-code": 13,
    "first-address": 12,
    "waiting-is-major": 13,
    "lost-flags": 13,
    "tried-at-once": 11,
    "late-signal": 8,
    "served-and-left": 10,
    "looks-before-lock": 3,
    "fixup-goes-on": 11,
}
SEVERAL = {  # where the bits, the signal or the mutant that is named differ from check to check
    "forgets-TRIED": {
        "uncounted": "Attempt 2 has flags 0x254 again, not 0x274: every attempt drops the lock (I5)."
    },
    "tried-at-once": {"flags": "Attempt 1 has flags 0x275: TRIED, and nothing was tried before."},
    "kernel-returns": {"kill": "SIGKILL during a copy: the instruction ran again without fixup."},
    "vacuous-tests": {f"mutant-{one}": f"Mutant ({one}) passes all your tests." for one in "ab"},
}


LEAVES = (
    "        if await fault_signal_pending(fault, regs):\n"
    "            if not user_mode(regs):\n"
    "                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)\n"
    "            return\n"
)


FOUND = (
    "        vma = await find_vma(mm, address)\n"
    "        if vma is None or await vma.vm_start > address:\n"
    "            await bad_area(regs, error_code, address)\n"
    "            return\n"
)
FORBIDDEN_ACCESS = (
    "        if await access_error(error_code, vma):\n"
    "            await bad_area_access_error(regs, error_code, address)\n"
    "            return\n"
)


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E4)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def when_killed(line: str) -> str:
    """Give the master's answer with a line that only SIGKILL leads to."""
    test = "        if await fault_signal_pending"
    return edited((test, f"        if await fatal_signal_pending(current):\n            {line}\n{test}"))


def rows(source: str) -> dict[str, Row]:
    return {row.behaviour.id: row for row in verdict("e04_loop", source).rows}


def outcomes(source: str) -> dict[str, str]:
    return {name: row.outcome.value for name, row in rows(source).items()}


def test_the_points_are_those_of_the_loop():
    points = {one.id: one.points for one in E4.behaviours}
    loop = {"s13": 2, "wakes": 1, "flags": 1, "signal": 2, "uncounted": 1, "kernel": 1, "kill": 2, "areas": 1}
    assert points == loop | {"mutant-a": 1, "mutant-b": 1, "mutant-c": 1}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("e04_loop", source_of(E4, wrong(E4, name).file))
    more = SEVERAL.get(name, {})
    assert failed(given) == dict.fromkeys(failed(given), SENTENCES[name]) | more
    assert set(failed(given)) > set(more)
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E4.wrong} == set(SENTENCES)


def test_what_builds_on_a_failed_behaviour_is_skipped_with_the_reason():
    given = rows(source_of(E4, wrong(E4, "still-clears").file))
    assert given["wakes"].outcome is Outcome.SKIPPED
    assert "'s13'" in given["wakes"].reason
    assert given["wakes"].points == 0
    assert given["kill"].outcome is Outcome.PASSED


def test_a_cap_of_a_hundred_is_found_too():
    source = edited(("while True:", "for _ in range(100):"))
    assert failed(verdict("e04_loop", source)) == {"wakes": "101 wakes and a page need 103 attempts."}


def test_a_signal_test_before_the_lock_is_wrong_without_being_called_something_that_it_is_not():
    test = "while True:\n        if await signal_pending(current):\n            return"
    given = verdict("e04_loop", edited(("while True:", test)))
    assert list(failed(given)) == ["signal"]
    assert failed(given)["signal"].startswith("T: 0 attempts before a signal is taken")
    assert feedback(rows(edited(("while True:", test)))["signal"]).cause == ""


def test_a_flag_that_is_cleared_too_late_to_hurt_is_not_called_sigbus():
    late = (
        "        if flags & FAULT_FLAG_TRIED:\n            flags &= ~FAULT_FLAG_ALLOW_RETRY\n"
        "        flags |= FAULT_FLAG_TRIED"
    )
    given = verdict("e04_loop", edited(("        flags |= FAULT_FLAG_TRIED", late)))
    assert failed(given) == {
        "wakes": "S13: SIGBUS on attempt 3.",
        "flags": "Attempt 3 has flags 0x271: ALLOW_RETRY is gone.",
    }


def test_no_signal_test_at_all_fails_the_signal_and_the_kill():
    source = edited((LEAVES, ""))
    given = verdict("e04_loop", source)
    assert list(failed(given)) == ["signal", "kill"]
    assert failed(given)["kill"] == SENTENCES["kernel-deaf"]
    assert "or for no signal at all" in feedback(rows(source)["signal"]).because


def test_retrying_by_way_of_user_mode_is_no_loop():
    source = edited(("        flags |= FAULT_FLAG_TRIED", "        return"))
    assert failed(verdict("e04_loop", source))["s13"] == (
        "T: 2 exceptions; with the kernel's own function: 1 exception."
    )


def test_a_lock_that_is_never_released_is_named():
    source = edited(("    await up_read(mm)\n    if fault", "    if fault"))
    assert failed(verdict("e04_loop", source))["s13"].startswith("mmap_sem held on return: T goes back")


def test_a_lock_that_is_not_taken_again_is_named():
    loop = "await down_read(mm)\n    while True:"
    found = FOUND.replace("        ", "    ")
    source = edited(
        ("        await down_read(mm)\n" + FOUND, ""),
        ("while True:", loop.replace("while", found.lstrip() + "    while")),
    )
    assert failed(verdict("e04_loop", source))["s13"] == SENTENCES["no-relock"]


UNASKED = {
    "the first address is above": ((" > address", " >= address"),),
    "no area above": (("vma is None or ", ""),),
    "no first address": ((" or await vma.vm_start > address", ""),),
    "no return": (
        (
            "            await bad_area(regs, error_code, address)\n            return\n",
            "            await bad_area(regs, error_code, address)\n",
        ),
    ),
    "released twice": (
        ("            await bad_area(regs", "            await up_read(mm)\n            await bad_area(regs"),
    ),
    "no access_error": ((FORBIDDEN_ACCESS, ""),),
    "access_error once": (
        ("if await access_error", "if not flags & FAULT_FLAG_TRIED and await access_error"),
    ),
    "area once": (
        ("if vma is None or", "if not flags & FAULT_FLAG_TRIED and (vma is None or"),
        ("> address:", "> address):"),
    ),
}


@pytest.mark.parametrize("name", UNASKED)
def test_a_question_about_the_area_that_is_not_asked_costs_its_point(name: str):
    given = verdict("e04_loop", edited(*UNASKED[name]), "another")
    assert "areas" in failed(given)
    assert given.points < E4.points


TRIED = "        flags |= FAULT_FLAG_TRIED"
MAJOR = "        major |= fault & VM_FAULT_MAJOR"
ROUND_CHANGES: dict[
    str, tuple[str, *tuple[tuple[str, str], ...]]
] = {  # loops that a reader of a trial tried; the check in which each is found
    "no first address in later rounds": (
        "areas",
        ("if vma is None or", "if vma is None or not flags & FAULT_FLAG_TRIED and"),
    ),
    "no area in later rounds": (
        "areas",
        ("if vma is None or", "if vma is None and not flags & FAULT_FLAG_TRIED or"),
    ),
    "rights of writes only": (
        "areas",
        ("if await access_error", "if error_code & X86_PF_WRITE and await access_error"),
    ),
    "areas of programs only": (
        "areas",
        ("if vma is None or", "if user_mode(regs) and (vma is None or"),
        ("> address:", "> address):"),
    ),
    "rights of programs only": (
        "areas",
        ("if await access_error", "if user_mode(regs) and await access_error"),
    ),
    "WRITE is lost": ("flags", (TRIED, f"{TRIED}\n        flags &= ~FAULT_FLAG_WRITE")),
    "TRIED for programs only": ("flags", (TRIED, f"        if user_mode(regs):\n    {TRIED}")),
    "no INTERRUPTIBLE in kernel mode": (
        "flags",
        (
            "    major = 0",
            "    major = 0\n    if not user_mode(regs):\n        flags &= ~FAULT_FLAG_INTERRUPTIBLE",
        ),
    ),
    "MAJOR of the first attempt": (
        "uncounted",
        (MAJOR, f"        if not flags & FAULT_FLAG_TRIED:\n    {MAJOR}"),
    ),
    "MAJOR of attempts that retry": (
        "uncounted",
        (MAJOR, f"        if fault & VM_FAULT_RETRY:\n    {MAJOR}"),
    ),
    "MAJOR for programs only": ("uncounted", (MAJOR, f"        if user_mode(regs):\n    {MAJOR}")),
    "an exception a round": (
        "uncounted",
        ("await down_read(mm)", 'await perf_sw_event("page-faults")\n        await down_read(mm)'),
    ),
    "a killed copy counts": (
        "kernel",
        (
            "                await no_context",
            '                await count("maj_flt")\n                await no_context',
        ),
    ),
    "the fixup of the first attempt": (
        "kernel",
        ("if not user_mode(regs):", "if not user_mode(regs) and not flags & FAULT_FLAG_TRIED:"),
    ),
    "the fixup of later attempts": (
        "kernel kill",
        ("if not user_mode(regs):", "if not user_mode(regs) and flags & FAULT_FLAG_TRIED:"),
    ),
}


@pytest.mark.parametrize("name", ROUND_CHANGES)
def test_what_is_right_in_one_round_or_mode_only_costs_a_check(name: str):
    checks, *changes = ROUND_CHANGES[name]
    assert list(failed(verdict("e04_loop", edited(*changes), "another"))) == checks.split()


def test_a_lock_that_is_released_twice_at_the_end_is_not_called_bad_area():
    source = edited(("            break\n", "            await up_read(mm)\n            break\n"))
    assert failed(verdict("e04_loop", source))["s13"].startswith("Bad unlock balance: T releases")


def test_prints_cost_no_points_and_are_kept():
    given = verdict("e04_loop", edited(("    major = 0", "    major = 0\n    print('attempt')")))
    assert given.full
    assert set(given.printed.splitlines()) == {"attempt"}


# ------------------------------------------------------------------------------------------ no answer at all

DELEGATES = (
    "from pyemu.calls import fault as calls\n"
    + HEAD
    + "    await calls.do_user_addr_fault(regs, error_code, address)\n"
)
FORBIDDEN = {
    "delegates": (DELEGATES, "the name you replace leads to your own function"),
    "calls-itself": (
        HEAD + "    await do_user_addr_fault(regs, error_code, address)\n",
        "calls itself without end",
    ),
    "imports-the-kernel": ("import pyemu.kernel\n" + HEAD + "    pass\n", "imports pyemu.kernel"),
    "imports-it-late": (
        HEAD + "    import importlib\n    importlib.import_module('pyemu.kernel.fault')\n",
        "imports pyemu.kernel",
    ),
    "imports-and-hides-it": (
        HEAD + "    try:\n        import pyemu.machine\n    except ImportError:\n        pass\n",
        "imports pyemu.machine",
    ),
    "takes-the-answer-of-the-course": (
        "from course.checks import judge\n" + HEAD + "    pass\n",
        "imports course",
    ),
    "not-on-the-list": (
        HEAD + "    await do_anonymous_page(None, address, 0)\n",
        "asked for do_anonymous_page, which this function may not use",
    ),
    "made-up-operation": (
        "from pyemu.effects import Effect\n" + HEAD + "    await Effect('report', ('outcome', 'ret=5'))\n",
        "asked for report, which this function may not use",
    ),
    "plain-function": (
        "def do_user_addr_fault(regs, error_code, address):\n    pass\n",
        "is a plain function",
    ),
    "wrong-signature": ("async def do_user_addr_fault(regs, address):\n    pass\n", "takes (regs, address)"),
    "another-name": (
        "async def fault(regs, error_code, address):\n    pass\n",
        "defines no do_user_addr_fault",
    ),
    "syntax": ("async def do_user_addr_fault(regs)\n", "can't be read"),
    "empty": ("", "defines no do_user_addr_fault"),
    "crash-before": ("1 / 0\n", "ZeroDivisionError before do_user_addr_fault was called"),
    "exit": (HEAD + "    import os\n    os._exit(0)\n", "ended by itself"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_no_answer_gets_nothing_and_a_message(name: str):
    source, message = FORBIDDEN[name]
    given = verdict("e04_loop", source + "\nTESTS = []\n")
    assert given.points == 0
    said = {name: text for name, text in failed(given).items() if "TESTS is still empty" not in text}
    assert all(message in headline for headline in said.values())
    assert "s13" in said


def test_an_operation_that_is_not_allowed_costs_every_point_also_when_only_sigkill_leads_to_it():
    given = verdict("e04_loop", when_killed("await alloc_page(0)"))
    assert given.points == 0
    assert len(failed(given)) == len(E4.behaviours)
    assert all("asked for alloc_page" in headline for headline in failed(given).values())


def test_a_crash_costs_only_the_behaviours_in_which_it_shows():
    given = verdict("e04_loop", when_killed("1 / 0"))
    assert list(failed(given)) == ["kernel", "kill"]
    assert "ZeroDivisionError" in failed(given)["kill"]


@pytest.mark.parametrize(
    ("old", "new", "title"),
    [
        ("await down_read(mm)", "down_read(mm)", "down_read(...)"),
        ("if await access_error(", "if access_error(", "access_error(...)"),
        ("fault = await handle", "fault = handle", "handle_mm_fault(...)"),
    ],
)
def test_a_forgotten_await_is_named(old: str, new: str, title: str):
    headline = failed(verdict("e04_loop", edited((old, new))))["s13"]
    assert "put `await` before" in headline
    assert title in headline


@pytest.mark.parametrize(
    "body", ["pass", "await signal_pending(current)"], ids=["without-effects", "with-effects"]
)
def test_a_loop_without_an_end_is_explained_and_nothing_more_is_run(body: str):
    given = rows(HEAD + f"    while True:\n        {body}\n")
    assert "end" in feedback(given["s13"]).headline
    assert given["s13"].outcome is Outcome.FAILED
    assert {row.outcome for name, row in given.items() if name != "s13"} == {Outcome.SKIPPED}
    assert "never came to an end" in given["signal"].reason


def test_points_that_were_earned_before_an_endless_loop_stay():
    given = outcomes(when_killed("while True: pass"))
    assert given.pop("kernel") == "failed"
    assert {given.pop(one) for one in ("kill", "mutant-a", "mutant-b", "mutant-c")} == {"skipped"}
    assert set(given.values()) == {"passed"}


# ----------------------------------------------------------------------------------------- tests of one's own


def with_tests(text: str) -> str:
    """Give the master's loop with other tests."""
    source = master(E4)
    return source[: source.index("TESTS = [")] + f"TESTS = {text}\n"


def test_one_test_may_do_for_two_mutants():
    relocked = '("S9-relock", {"attempts": 2})'
    woken = '({"T": "read 1", "M": "wait_message; wake it; wait_message; copy it"}, {"messages": 2})'
    assert verdict("e04_loop", with_tests(f"[{relocked}, {woken}]")).full
    assert failed(verdict("e04_loop", with_tests(f"[{relocked}]"))) == {
        "mutant-c": "Mutant (c) passes all your tests."
    }
    assert failed(verdict("e04_loop", with_tests(f"[{woken}]"))) == {
        f"mutant-{one}": f"Mutant ({one}) passes all your tests." for one in "ab"
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "TESTS must be a list of at most 8 tests"),
        ("[1] * 9", "TESTS must be a list of at most 8 tests"),
        ('["S13"]', "Test 1 of TESTS is no pair of a scenario and of what must be so"),
        ('[("S13", {})]', "Test 1 of TESTS is no pair"),
        ('[("S14-x", {"attempts": 1})]', "'S14-x' is no scenario of the library"),
        ('[("../../etc/passwd", {"attempts": 1})]', "is no scenario of the library"),
        ('[("S13", {"atempts": 1})]', "'atempts' is no fact; there are: outcome"),
        ('[({"T": "jump 1"}, {"attempts": 1})]', "Test 1 of TESTS: task T: 'jump' is no step"),
        ('[({"name": "read 1"}, {"attempts": 1})]', "'name' names no task"),
        ('[({"T": "read 1;" * 400}, {"attempts": 1})]', "a text of at most 2000 characters"),
        ('[({"U": "read 1"}, {"attempts": 1})]', "has no task T"),
        ('[("S13", {"outcome": lambda: 1})]', "TESTS: a function can't cross"),
        ('[("S13", {"flags": [1.5, None]}), ("S13", {"outcome": b"x"})]', "rejects the kernel's own handler"),
    ],
)
def test_tests_that_cant_be_run_are_explained_and_cost_no_more_than_their_points(text: str, said: str):
    given = verdict("e04_loop", with_tests(text))
    assert given.points == 11
    assert all(said in headline for headline in failed(given).values())


def test_a_test_that_the_kernel_fails_is_named_with_both_values():
    given = rows(with_tests('[("S13", {"outcome": "ret=5"}), ("S13", {"flags": (0x254, 0x274)})]'))
    told = feedback(given["mutant-a"])
    assert told.headline == "Your test rejects the kernel's own handler: test 2 of TESTS."
    assert "test 2, S13: flags is (0x254, 0x274, 0x274), not (0x254, 0x274)" in told.mine


def test_a_loop_without_tests_keeps_its_points():
    source = master(E4)
    given = verdict("e04_loop", source[: source.index("TESTS = [")])
    assert given.points == 11
    assert all("defines no TESTS" in headline for headline in failed(given).values())
