"""Exercise E5: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

NAME = "e05_handle_userfault"
E5 = exercise_of(NAME)
SENTENCES = {
    "retake+RETRY": "You gave RETRY with mmap_sem held: your caller takes it a second time.",
    "NOPAGE-unlocked": "NOPAGE without the lock: your caller unlocks a lock that you dropped.",
    "first-only": "S13: SIGBUS on attempt 2. The wait for a monitor is not for first attempts only.",
    "user-test": (
        "Flags 0x214 ask for an interruptible sleep, and you asked for user mode: v5.7 reads the flag, "
        "not the mode."
    ),
    "check-then-queue": "M filled the page between your check and your queueing: T sleeps for ever.",
    "drop-then-check": "You walked the page table without mmap_sem.",
    "released-sigbus": "A closing monitor must not kill T: NOPAGE.",
    "exiting-waits": "An exiting task must get SIGBUS, not sleep.",
    "nowait-drops": "With RETRY_NOWAIT mmap_sem must stay held; you released it.",
    "major-always": "T never slept, yet your RETRY says MAJOR.",
    "no-dequeue": "M read a message of a fault that no longer waits.",
    "no-released-test": "M has closed the userfaultfd, and you queued a message that nobody will read.",
    "features-equal": "M has asked for SIGBUS in place of messages, and you queued one.",
    "waits-unasked": "Flags 0x81 have no ALLOW_RETRY, and you queued a message.",
    "later-line": "Two lines of the table fit, and you took the later one.",
    "closed-queued": "M closed after your message was queued: the only answer then is RETRY.",
    "drops-late": "You slept with mmap_sem held.",
    "wakes-nobody": "You slept, and had not yet woken a monitor that sleeps in poll().",
    "killable-first": "Flags 0x254 have INTERRUPTIBLE, and you slept killably.",
    "killable-anyway": "Flags 0x85 let no signal end the sleep; you let one.",
    "unheeded": "Your message was queued, the page was there, and T went to sleep all the same.",
    "no-major": "T slept, and your RETRY doesn't say MAJOR.",
    "unmasked": "Your message names byte 0x7f0000001040: a message names a page.",
    "flags-first": "M is closing, and you asked first for the flags 0x81: NOPAGE comes before them.",
    "queued-early": "Flags 0x1d let nobody wait, and you asked for them when your message was queued.",
    "signal-is-exit": "SIGKILL was pending, and you gave SIGBUS as to a task that exits.",
    "signal-first": "SIGKILL was pending, and you gave RETRY without a message.",
    "interruptible-anyway": "Flags 0x54 have no INTERRUPTIBLE, and you slept interruptibly.",
    "any-signal": "SIGUSR1 kept T from a sleep that only SIGKILL may end.",
    "not-RETRY": "You dropped mmap_sem, and gave SIGBUS: only RETRY says that it is gone.",
    "keeps-lock": "You gave RETRY and had not dropped mmap_sem: now nobody will.",
    "poll-first": "You woke the monitor in poll() before your message was queued: it found nothing.",
    "announces-late": "M woke T between message and sleep, and then T went to sleep.",
    "closed-unheeded": "M had closed before your message was queued, and T went to sleep for it.",
    "kept-entry": "T had no need to wait, and left its entry in the queue: M read its message.",
    "message-bits": "Your message has the bits 0x254, which M can't read.",
    "MAJOR-unless-signal": "T slept each time, and not each RETRY says MAJOR.",
}
POINTS = {
    "old-hack": 10,
    "retake+RETRY": 9,
    "NOPAGE-unlocked": 9,
    "first-only": 11,
    "user-test": 12,
    "check-then-queue": 12,
    "drop-then-check": 12,
    "released-sigbus": 9,
    "exiting-waits": 11,
    "nowait-drops": 11,
    "major-always": 13,
    "no-dequeue": 13,
    "no-released-test": 11,
    "deaf": 7,
    "features-equal": 11,
    "waits-unasked": 11,
    "later-line": 11,
    "closed-queued": 9,
    "drops-late": 7,
    "wakes-nobody": 3,
    "killable-first": 7,
    "killable-anyway": 12,
    "unheeded": 8,
    "no-major": 13,
    "unmasked": 13,
    "flags-first": 11,
    "queued-early": 11,
    "signal-is-exit": 12,
    "signal-first": 13,
    "interruptible-anyway": 12,
    "any-signal": 12,
    "not-RETRY": 12,
    "keeps-lock": 8,
    "poll-first": 12,
    "announces-late": 12,
    "closed-unheeded": 12,
    "kept-entry": 13,
    "message-bits": 13,
    "MAJOR-unless-signal": 13,
}
LOOK = "    must_wait = await userfaultfd_must_wait(mm, address, reason)\n"
DROP = "    await up_read(mm)\n"
QUEUE = "    wait = await userfaultfd_queue("


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E5)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E5.behaviours}
    assert points == {"early": 3, "state": 2, "retry": 3, "dropped": 2, "major": 1, "wakeup": 2, "queue": 1}


@pytest.mark.parametrize("name", POINTS)
def test_a_wrong_answer_gets_its_points(name: str):
    assert verdict(NAME, source_of(E5, wrong(E5, name).file)).points == POINTS[name]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    assert set(failed(verdict(NAME, source_of(E5, wrong(E5, name).file))).values()) == {SENTENCES[name]}


def test_who_is_deaf_reads_which_signal_was_not_heard():
    assert failed(verdict(NAME, source_of(E5, wrong(E5, "deaf").file))) == {
        "state": "SIGKILL came after 1000 us of sleep and had no effect.",
        "retry": "SIGUSR1 came after 1000 us of sleep and had no effect.",
        "major": "SIGUSR1 came after 1000 us of sleep and had no effect.",
        "queue": "SIGUSR1 came after 998 us of sleep and had no effect.",
    }


def test_who_keeps_the_special_case_reads_what_it_counted():
    assert failed(verdict(NAME, source_of(E5, wrong(E5, "old-hack").file))) == {
        "retry": "4 acquisitions, min 1: NOPAGE is still emulated.",
        "major": "5 acquisitions, min 1: NOPAGE is still emulated.",
    }


def test_every_named_wrong_answer_has_its_points_here():
    assert {one.name for one in E5.wrong} == set(POINTS) == {*SENTENCES, "deaf", "old-hack"}


def test_a_lost_wake_up_is_shown_by_the_order_of_moves_that_loses_it():
    given = verdict(NAME, source_of(E5, wrong(E5, "check-then-queue").file))
    (row,) = [row for row in given.rows if row.feedback is not None]
    assert feedback(row).mine.startswith("in this order of moves: T*")
    assert "every order of their moves is tried" in feedback(row).happens


# ---------------------------------------------------------------------- right in another way

SLEEPS_ONCE = "        while not await wait.waken:\n"


def test_one_sleep_as_in_5_9_is_right_too():
    old = master(E5)
    loop = old[old.index(SLEEPS_ONCE) : old.index("        result |= VM_FAULT_MAJOR")]
    assert verdict(NAME, edited((loop, ""))).full


def test_who_looks_a_second_time_before_it_queues_is_right():
    early = (
        "    if not await userfaultfd_must_wait(mm, address, reason):\n"
        "        await up_read(mm)\n"
        "        return VM_FAULT_RETRY\n"
    )
    assert verdict(NAME, edited((QUEUE, early + QUEUE))).full


def test_prints_cost_no_points_and_are_kept():
    given = verdict(
        NAME, edited(("    result = VM_FAULT_RETRY\n", "    result = VM_FAULT_RETRY\n    print('sleeps')\n"))
    )
    assert given.full
    assert set(given.printed.splitlines()) == {"sleeps"}


# ---------------------------------------------------------------------- wrong in a way that has no name

CLOSED = "    if await context.released:\n        return VM_FAULT_NOPAGE\n"
FEATURES = "    if await context.features & UFFD_FEATURE_SIGBUS:\n        return VM_FAULT_SIGBUS\n"
NOWAIT = "    if flags & FAULT_FLAG_RETRY_NOWAIT:\n        return VM_FAULT_RETRY\n"
LEAVES = "    await userfaultfd_dequeue(wait)\n"
MAJOR = "        result |= VM_FAULT_MAJOR\n"
WRITE = "UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0"
UNNAMED = {
    "no-look": ([(LOOK, "    must_wait = True\n")], {"dropped", "major", "wakeup", "queue"}),
    "never-drops": ([(DROP, "")], {"state", "retry", "dropped", "major", "wakeup", "queue"}),
    "no-feature-test": ([(FEATURES, "")], {"early"}),
    "nowait-waits": ([(NOWAIT, "")], {"early"}),
    "nowait-before-features": ([(NOWAIT, ""), (FEATURES, NOWAIT + FEATURES)], {"early"}),
    "closed-before-features": ([(CLOSED, ""), (FEATURES, CLOSED + FEATURES)], {"early"}),
    "no-context-test": ([(" or context is None", "")], {"early"}),
    "closed-asleep-retakes": (
        [
            (
                LEAVES,
                LEAVES + CLOSED.replace("        return", "        await down_read(mm)\n        return"),
            )
        ],
        {"retry", "wakeup"},
    ),
    "every-message-a-read": ([(WRITE, "0")], {"queue"}),
    "every-message-a-write": ([(WRITE, "UFFD_PAGEFAULT_FLAG_WRITE")], {"queue"}),
    "no-signal-before-the-sleep": (
        [(" and not await ends_sleep(state):\n        await wake", ":\n        await wake")],
        {"major"},
    ),
    "major-by-the-look": (
        [(MAJOR, ""), (LEAVES, f"    result |= VM_FAULT_MAJOR if must_wait else 0\n{LEAVES}")],
        {"major"},
    ),
    "nowait-before-closed": ([(NOWAIT, ""), (CLOSED, NOWAIT + CLOSED)], {"early"}),
    "major-if-woken": ([(MAJOR, ""), (LEAVES, f"    if await wait.waken:\n    {MAJOR}{LEAVES}")], {"major"}),
    "early-return-keeps-the-entry": (
        [(DROP, f"{DROP}    if not must_wait:\n        return VM_FAULT_RETRY\n")],
        {"queue"},
    ),
    "every-signal-ends-a-killable-sleep": (
        [("await fatal_signal_pending", "await signal_pending")],
        {"state"},
    ),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_what_is_wrong_without_a_name_fails_where_it_shows(name: str):
    changes, lost = UNNAMED[name]
    assert set(failed(verdict(NAME, edited(*changes)))) == lost


@pytest.mark.parametrize(
    "change", [NOWAIT, NOWAIT.replace("        return", "        await up_read(mm)\n        return")]
)
def test_who_must_keep_the_lock_reads_that_it_was_released(change: str):
    moved = "" if change == NOWAIT else change
    assert failed(verdict(NAME, edited((NOWAIT, moved)))) == {"early": SENTENCES["nowait-drops"]}


def test_who_asks_for_user_mode_too_reads_that_the_flag_decides():
    asked = ("    if flags & FAULT_FLAG_INT", "    if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_INT")
    assert failed(verdict(NAME, edited(asked))) == {"state": SENTENCES["user-test"]}


GIVES_UP = f"    {LEAVES}        return VM_FAULT_NOPAGE\n"
CLOSED_LATE = {
    "without-the-lock": "    if await context.released:\n" + GIVES_UP,
    "with-the-lock-again": "    if await context.released:\n        await down_read(mm)\n" + GIVES_UP,
}


@pytest.mark.parametrize("lines", CLOSED_LATE.values(), ids=CLOSED_LATE.keys())
def test_who_gives_nopage_for_a_close_before_the_sleep_reads_that_the_table_is_over(lines: str):
    assert failed(verdict(NAME, edited((DROP, DROP + lines)))) == {"wakeup": SENTENCES["closed-queued"]}


# ---------------------------------------------------------------------- no answer at all

HEAD = "async def handle_userfault(vma, address, flags, reason):\n"
FORBIDDEN = {
    "delegates": (
        "from pyemu.calls import userfaultfd as calls\n"
        + HEAD
        + "    return await calls.handle_userfault(vma, address, flags, reason)\n",
        "leads to your own function",
    ),
    "reads-the-entry": (HEAD + "    await get_pte(await vma.vm_mm, address)\n", "asked for get_pte"),
    "serves-the-page": (
        HEAD + "    return await do_anonymous_page(vma, address, 0)\n",
        "asked for do_anonymous_page",
    ),
    "imports-the-kernel": ("import pyemu.kernel.userfaultfd\n" + HEAD + "    pass\n", "imports pyemu.kernel"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_no_answer_gets_nothing_and_a_message(name: str):
    source, message = FORBIDDEN[name]
    given = verdict(NAME, source)
    assert given.points == 0
    assert failed(given)
    assert all(message in headline for headline in failed(given).values())
