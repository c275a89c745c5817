"""Exercise E5: answers that nobody foresaw, right ones and wrong ones."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, feedback, master, verdict

NAME = "e05_handle_userfault"
E5 = exercise_of(NAME)
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


def causes(source: str) -> dict[str, str]:
    """Give the likely causes that an answer's author reads, by the checks that failed."""
    rows = verdict(NAME, source).rows
    return {row.behaviour.id: feedback(row).cause for row in rows if row.feedback is not None}


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
    assert causes(edited((NOWAIT, moved))) == {"early": "nowait-drops"}


def test_who_asks_for_user_mode_too_reads_that_the_flag_decides():
    asked = ("    if flags & FAULT_FLAG_INT", "    if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_INT")
    assert causes(edited(asked)) == {"state": "user-test"}


def test_who_sleeps_whatever_is_pending_reads_that_it_did_not_sleep():
    asked = (" and not await ends_sleep(state):\n        await wake", ":\n        await wake")
    assert causes(edited(asked)) == {"major": "MAJOR-for-signal"}


GIVES_UP = f"    {LEAVES}        return VM_FAULT_NOPAGE\n"
CLOSED_LATE = {
    "without-the-lock": "    if await context.released:\n" + GIVES_UP,
    "with-the-lock-again": "    if await context.released:\n        await down_read(mm)\n" + GIVES_UP,
}


@pytest.mark.parametrize("lines", CLOSED_LATE.values(), ids=CLOSED_LATE.keys())
def test_who_gives_nopage_for_a_close_before_the_sleep_reads_that_the_table_is_over(lines: str):
    assert causes(edited((DROP, DROP + lines))) == {"wakeup": "closed-queued"}


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
