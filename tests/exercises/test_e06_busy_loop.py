"""Exercise E6: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from pyemu import Tree, run
from pyemu.child import CELL_END
from tests.exercises.answers import failed, master, source_of, stub, verdict, wrong

NAME = "e06_busy_loop"
E6 = exercise_of(NAME)
TIMER = "A timer ends your sleep: more than one message, and SIGKILL comes late (the first version of 2025)."
ANSWERS = {
    "blames-13": (
        10,
        "Patch 13 lets T ask for ever; but on the tree with 12 patches T doesn't sleep either.",
    ),
    "helper-all-modes": (2, "write() gave EFAULT for SIGUSR1."),
    "kernel-UNINT": (10, "SIGKILL waited for the monitor."),
    "re-add-limit": (2, "EFAULT on attempt 2: that is tree 12."),
    "clear-signal": (2, "The handler never ran: the signal is lost."),
    "no-interruptible-at-all": (10, "In user mode SIGUSR1 now waits for the page: 5.6 was better."),
    "timeout-UNINT": (8, TIMER),
    "yield-only": (2, "Still a cycle without waiting (I3): 249902 attempts."),
    "cap-1000": (2, "EFAULT after 3 attempts."),
    "inverted": (2, "You made the wrong mode deaf."),
    "nopage-kernel": (2, "Now the exception repeats instead of the attempt: 249901 exceptions."),
    "no-fault-copy": (2, "EFAULT at once, no message."),
    "drop-P13": (9, "S13 fails again: attempt 2 may not wait."),
    "sleep-locked": (2, "T slept holding mmap_sem: M's copy may never get in behind a writer."),
}
MENDED = (
    "    flags = FAULT_FLAG_DEFAULT if user_mode(regs) else FAULT_FLAG_DEFAULT & ~FAULT_FLAG_INTERRUPTIBLE\n"
)
FLAGS_5_7 = "    flags = FAULT_FLAG_DEFAULT\n"
STATE = "    if flags & FAULT_FLAG_INTERRUPTIBLE:\n"
RETRY = "        flags |= FAULT_FLAG_TRIED\n"


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E6)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E6.behaviours}
    assert points == {"why": 2, "sleeps": 3, "message": 2, "count": 1, "kill": 2, "user": 2}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_wrong_answer_reads_its_sentence_and_gets_its_points(name: str):
    given = verdict(NAME, source_of(E6, wrong(E6, name).file))
    assert (given.points, set(failed(given).values())) == (ANSWERS[name][0], {ANSWERS[name][1]})


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E6.wrong} == set(ANSWERS)


def test_linux_v5_7_itself_gets_the_points_of_part_a_and_no_more():
    given = verdict(NAME, edited((MENDED, FLAGS_5_7)))
    assert given.points == 2
    assert failed(given)["sleeps"].startswith("Still a cycle without waiting")


def test_part_a_alone_gives_its_points():
    table = 'S12 = {"patch": 12, "flag": FAULT_FLAG_INTERRUPTIBLE, "mode": "kernel"}\n\n'
    source = table + stub(E6).split(CELL_END, 1)[1]
    given = verdict(NAME, source)
    assert given.points == 2
    assert "not written yet" in failed(given)["sleeps"]


def test_a_table_with_a_gap_is_not_written_yet_and_one_with_another_mode_is_wrong():
    table = 'S12 = {"patch": 12, "flag": FAULT_FLAG_INTERRUPTIBLE, "mode": "kernel"}'
    half = verdict(NAME, edited((table, 'S12 = {"patch": 12}')))
    assert failed(half) == {"why": "Your answer is not written yet: S12 has no value yet for flag, mode."}
    other = verdict(NAME, edited((table, table.replace("kernel", "user"))))
    assert failed(other) == {"why": "Yours gives mode user; right is mode kernel."}


# ---------------------------------------------------------------------- right in another way


def test_a_flag_that_is_taken_away_in_handle_userfault_is_right_too():
    user = "    if not flags & FAULT_FLAG_USER:\n        flags &= ~FAULT_FLAG_INTERRUPTIBLE\n"
    assert verdict(NAME, edited((MENDED, FLAGS_5_7), (STATE, user + STATE))).full


def test_who_sleeps_killably_only_when_a_signal_is_pending_asks_twice():
    later = f"{RETRY}        if not user_mode(regs):\n            flags &= ~FAULT_FLAG_INTERRUPTIBLE\n"
    given = verdict(NAME, edited((MENDED, FLAGS_5_7), (RETRY, later)))
    assert set(failed(given)) == {"message"}


def test_prints_cost_no_points_and_are_kept():
    given = verdict(NAME, edited(("    major = 0\n", "    major = 0\n    print('fault')\n")))
    assert given.full
    assert set(given.printed.splitlines()) == {"fault"}


# ---------------------------------------------------------------------- no answer at all

HELPER = "async def do_user_addr_fault(regs, error_code, address):\n"
FORBIDDEN = {
    "delegates": (
        (
            HELPER,
            (
                f"from pyemu.calls import fault as calls\n\n\n{HELPER}"
                "    return await calls.do_user_addr_fault(regs, error_code, address)\n"
            ),
        ),
        "leads to your own function",
    ),
    "sleeps-in-the-loop": ((RETRY, f"{RETRY}        await schedule()\n"), "asked for schedule"),
    "imports-the-kernel": ((HELPER, f"import pyemu.kernel\n\n\n{HELPER}"), "imports pyemu.kernel"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_not_allowed_costs_every_point(name: str):
    change, message = FORBIDDEN[name]
    given = verdict(NAME, edited((MENDED, FLAGS_5_7), change))
    assert given.points == 0
    assert message in " ".join(failed(given).values())


def test_the_symptom_in_the_notebook_is_there():
    sleeps = [run("S12", Tree.upto(n)).tasks["T"].stats["sleeps"] for n in (11, 12, 13)]
    assert sleeps == [1, 0, 0]
