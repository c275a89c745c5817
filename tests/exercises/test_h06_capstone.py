"""Exercise H6: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, master, source_of, verdict, wrong

NAME = "h06_capstone"
H6 = exercise_of(NAME)
SENTENCES = {
    "E6-fix-only-anon": (24, {"Shared memory still spins."}),
    "fix-breaks-stop": (16, {"In user mode SIGUSR1 comes late: the sleep no longer hears it."}),
    "no-recheck": (3, {"The area may have moved while you waited: it was not looked up again."}),
    "count-spin": (26, {"Counted per attempt: 2 counts for 1 faults."}),
    "write-lost": (11, {"No short count on a harmless signal: write() ended early for SIGUSR1."}),
    "gup-usr1": (24, {"get_user_pages must stay deaf to harmless signals."}),
    "kill-waits": (20, {"In kernel mode SIGKILL waits for the monitor: the sleep is uninterruptible."}),
    "handler-last": (
        23,
        {
            "The handler ran after attempt 2; in user mode any signal ends the fault first.",
            "The handler ran after attempt 1002; in user mode any signal ends the fault first.",
        },
    ),
    "monitor-unwoken": (9, {"M was never woken: it sleeps in poll(), and your message lies in the queue."}),
    "two-messages": (
        21,
        {
            "One message for each wait: 2 messages of the copy, where 1 will do.",
            "One message for each wait: 3 messages of the copy, where 2 will do.",
        },
    ),
    "leak-uwq": (26, {"The queue entry outlives the wait: M read a message of a fault that is gone."}),
    "wake-lost": (24, {"Lost wake-up: the page came between your look and your queueing."}),
    "waits-anyway": (26, {"A message was queued for a fault that must not wait."}),
    "unsaid-write": (26, {"T writes, and the message speaks of a read."}),
    "deadlock-writer": (27, {"Slept with mmap_sem: a writer, then M, then you are stuck."}),
}


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(H6)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in H6.behaviours}
    assert points == {"s13": 3, "s9": 3, "s10": 4, "s12": 6, "kill": 4, "orders": 6, "counters": 4}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence_and_gets_its_points(name: str):
    given = verdict(NAME, source_of(H6, wrong(H6, name).file))
    assert (given.points, set(failed(given).values())) == SENTENCES[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H6.wrong} == set(SENTENCES)


def test_linux_v5_7_itself_fails_where_a_copy_meets_a_signal():
    mended = " if user_mode(regs) else FAULT_FLAG_DEFAULT & ~FAULT_FLAG_INTERRUPTIBLE"
    given = verdict(NAME, edited((mended, "")))
    assert {"s12", "orders"} <= set(failed(given))
    assert not {"s9", "s10", "kill"} & set(failed(given))


def test_a_fault_that_waits_once_only_fails_s13_in_both_modes():
    again = "        flags |= FAULT_FLAG_TRIED\n"
    given = verdict(NAME, edited((again, f"{again}        flags &= ~FAULT_FLAG_ALLOW_RETRY\n")))
    assert "s13" in failed(given)


def test_the_kernels_own_function_is_no_answer():
    source = (
        "from pyemu.calls import fault as calls\n\n\n"
        "async def do_user_addr_fault(regs, error_code, address):\n"
        "    await calls.do_user_addr_fault(regs, error_code, address)\n\n\n"
        "async def handle_userfault(vma, address, flags, reason):\n"
        "    return VM_FAULT_SIGBUS\n"
    )
    given = verdict(NAME, source)
    assert given.points == 0
    assert all("leads to your own function" in headline for headline in failed(given).values())
