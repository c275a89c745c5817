"""Exercise E5: the sentences that its learners read, word by word."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, feedback, source_of, verdict, wrong

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
    "later-line": "Two lines of the table fit, and you took the later one.",
    "closed-queued": "Your message was queued, and M closed: the only answer then is RETRY.",
    "drops-late": "You slept with mmap_sem held.",
    "wakes-nobody": "You slept, and had not yet woken a monitor that sleeps in poll().",
    "killable-first": "Flags 0x254 have INTERRUPTIBLE, and you slept killably.",
    "killable-anyway": "Flags 0x85 let no signal end the sleep; you let one.",
    "unheeded": "Your message was queued, the page was there, and T went to sleep all the same.",
    "no-major": "T slept, and your RETRY doesn't say MAJOR.",
    "unmasked": "Your message names byte 0x7f0000001040: a message names a page.",
    "flags-first": "M is closing, and you asked first for the flags 0x81: NOPAGE comes before them.",
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
    "message-bits": "Your message has the bits 0x200, which M can't read.",
    "MAJOR-unless-signal": "T slept each time, and not each RETRY says MAJOR.",
    "state-twice": "Flags 0x214: T slept interruptibly first, and in the same attempt killably.",
    "announces-twice": "M woke T between message and look, and then T went to sleep.",
    "MAJOR-for-signal": "SIGUSR1 was pending, T did not sleep, and your RETRY says MAJOR.",
}
NUMBERED = {
    "waits-unasked": {
        "early": "Flags 0x81 have no ALLOW_RETRY, and you queued a message.",
        "state": "Flags 0x270 have no ALLOW_RETRY, and you queued a message.",
    },
    "queued-early": {
        "early": "Flags 0x1d let nobody wait, and you asked for them when your message was queued.",
        "state": "Flags 0x270 let nobody wait, and you asked for them when your message was queued.",
    },
    "deaf": {
        "state": "SIGKILL came after 1000 us of sleep and had no effect.",
        "retry": "SIGUSR1 came after 1000 us of sleep and had no effect.",
        "major": "SIGUSR1 came after 1000 us of sleep and had no effect.",
        "queue": "SIGUSR1 came after 998 us of sleep and had no effect.",
    },
    "old-hack": {
        "retry": "4 acquisitions, min 1: NOPAGE is still emulated.",
        "major": "5 acquisitions, min 1: NOPAGE is still emulated.",
    },
}
POINTS = {
    "old-hack": 10,
    "retake+RETRY": 9,
    "NOPAGE-unlocked": 9,
    "first-only": 9,
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
    "waits-unasked": 9,
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
    "queued-early": 9,
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
    "state-twice": 12,
    "announces-twice": 12,
    "MAJOR-for-signal": 13,
}


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in E5.behaviours}
    assert points == {"early": 3, "state": 2, "retry": 3, "dropped": 2, "major": 1, "wakeup": 2, "queue": 1}


@pytest.mark.parametrize("name", POINTS)
def test_a_wrong_answer_gets_its_points(name: str):
    assert verdict(NAME, source_of(E5, wrong(E5, name).file)).points == POINTS[name]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    assert set(failed(verdict(NAME, source_of(E5, wrong(E5, name).file))).values()) == {SENTENCES[name]}


@pytest.mark.parametrize("name", NUMBERED)
def test_a_wrong_answer_reads_the_numbers_of_each_check(name: str):
    assert failed(verdict(NAME, source_of(E5, wrong(E5, name).file))) == NUMBERED[name]


def test_every_named_wrong_answer_has_its_points_here():
    assert {one.name for one in E5.wrong} == set(POINTS) == {*SENTENCES, *NUMBERED}


def test_a_lost_wake_up_is_shown_by_the_order_of_moves_that_loses_it():
    given = verdict(NAME, source_of(E5, wrong(E5, "check-then-queue").file))
    (row,) = [row for row in given.rows if row.feedback is not None]
    assert feedback(row).mine.startswith("in this order of moves: T*")
    assert "every order of their moves is tried" in feedback(row).happens
