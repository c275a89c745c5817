"""Exercise E7: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import failed, master, source_of, verdict, wrong

E7 = exercise_of("e07_gup")
SENTENCES = {
    "B1": "Lock was not taken, *locked says 1: bad unlock balance.",
    "B2": "0 pages and no error after SIGKILL: the caller uses pages[0].",
    "B3": "Success reported, page absent.",
    "no-seek": "A page that you have was pinned twice.",
    "many-in-pass-2": "TRIED spilled over to fresh pages: their first wait held mmap_sem.",
    "error-over-progress": "One page was pinned and is lost: return 1.",
    "locked-stays-1": "Lock was dropped and re-taken; the caller trusts a dead VMA.",
    "double-up": "Bad unlock balance at the end.",
    "usr1-ends": "GUP of 5.7 ignores SIGUSR1.",
    "nowait-loops": "0 pages with *locked 1 means NOWAIT: stop (the 2018 KVM hang).",
    "pass2-None": "S14: EFAULT; retry is allowed again.",
    "plain-down_read": "S15b: SIGKILL waits behind the writer.",
    "minus-EBUSY": "RETRY is a count, never an error.",
    "always-eintr": "SIGKILL after one page: short count 1, not EINTR.",
    "never-fewer": "Wanted: 2 pages; got: 3. Who has a page asks for one less.",
    "first-address": "The first address of an area belongs to it.",
}
POINTS = {
    "B1": 9,
    "B2": 9,
    "B3": 14,
    "no-seek": 11,
    "many-in-pass-2": 14,
    "error-over-progress": 13,
    "locked-stays-1": 12,
    "double-up": 7,
    "usr1-ends": 13,
    "nowait-loops": 15,
    "pass2-None": 11,
    "plain-down_read": 13,
    "minus-EBUSY": 15,
    "always-eintr": 13,
    "never-fewer": 13,
    "first-address": 14,
}
HEAD = "async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):\n"


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(E7)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def headlines(*changes: tuple[str, str]) -> dict[str, str]:
    return failed(verdict("e07_gup", edited(*changes)))


def with_body(body: str) -> str:
    """Give another first function, beside the master's second."""
    source = master(E7)
    return HEAD + body + "\n\n" + source[source.index("async def fixup_user_fault") :]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("e07_gup", source_of(E7, wrong(E7, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E7.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    assert sum(one.points for one in E7.behaviours) == 16
    assert {one.id: one.points for one in E7.behaviours if one.points > 1} == {
        "again": 2,
        "partial": 3,
        "locked": 4,
        "kill": 3,
        "fixup": 2,
    }


def test_one_page_a_pass_is_right_too():
    body = """\
    pages, dropped, got = (), False, None
    while len(pages) < nr_pages:
        address = start + PAGE_SIZE * len(pages)
        got = await __get_user_pages(tsk, mm, address, 1, flags, locked)
        while got.locked == 0:
            dropped = True
            if await fatal_signal_pending(current) or await down_read_killable(mm):
                return GupResult(len(pages) or -EINTR, 0, pages)
            got = await __get_user_pages(tsk, mm, address, 1, FOLL_TRIED | flags, 1)
        if got.n != 1:
            break
        pages += got.pages
    if dropped:
        await up_read(mm)
    return GupResult(len(pages) or got.n, 0 if dropped else locked, pages)
"""
    assert verdict("e07_gup", with_body(body)).full


def test_a_missing_tried_shows_in_the_flags():
    assert headlines((" | FOLL_TRIED", "")) == {
        "again": "T: flags 0x15, 0x15, 0x15; with the kernel's own function: flags 0x15, 0x35, 0x35."
    }


def test_a_caller_without_locked_that_is_not_thought_of_is_named_by_the_rule():
    given = headlines(("        if locked is None:\n            return got\n", ""))
    assert list(given) == ["null"]
    assert given["null"].startswith("Recursive lock: T takes mmap_sem, which it holds already.")


def test_a_pass_without_the_lock_is_not_called_one_of_these():
    given = headlines(("if got.n < 1 or", "if"))
    assert set(given) == {"locked", "kill"}
    assert all(one.startswith("Vma without mmap_sem") for one in given.values())


def test_fixup_that_does_not_take_the_lock_again_is_named_by_the_rule():
    given = headlines(("        await down_read(mm)\n        unlocked", "        unlocked"))
    assert given["fixup"].startswith("Vma without mmap_sem")


def test_fixup_that_no_signal_ends_is_found():
    test = (
        "        if await fatal_signal_pending(current):\n            return FixupResult(-EINTR, unlocked)\n"
    )
    assert set(headlines((test, ""))) == {"fixup"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        fault_flags |= FAULT_FLAG_TRIED\n", ""),
        ("        major |= fault & VM_FAULT_MAJOR\n", ""),
        ("        major |= fault & VM_FAULT_MAJOR\n", "        major = VM_FAULT_MAJOR\n"),
        (" or not await vma.vm_flags & wanted", ""),
        ("vma is None or await vma.vm_start > address or ", ""),
        ("        if fault & VM_FAULT_ERROR:\n            return FixupResult(-EFAULT, unlocked)\n", ""),
    ],
    ids=["no-tried", "never-major", "always-major", "forbidden", "nowhere", "error"],
)
def test_what_fixup_forgets_is_found(old: str, new: str):
    assert set(headlines((old, new))) == {"fixup"}


def test_no_sigkill_test_before_the_lock_is_right_as_the_pass_looks_itself():
    given = verdict("e07_gup", edited(("await fatal_signal_pending(current) or await", "await")))
    assert given.full


# ------------------------------------------------------------------------------------------ no answer at all


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("GupResult(nr_pages, locked, ())", "counts 1 and names 0 pages"),
        ("GupResult(nr_pages, locked, tuple(range(7, 7 + nr_pages)))", "more often than a pass gave it"),
        ("GupResult(nr_pages, locked, ('page',) * nr_pages)", "it must return GupResult"),
        ("GupResult('x', 'y', 3)", "it must return GupResult"),
        ("nr_pages", "it must return GupResult"),
    ],
)
def test_pages_that_nobody_got_are_refused(result: str, said: str):
    given = verdict("e07_gup", with_body(f"    return {result}\n"))
    assert given.points == 2
    assert said in failed(given)["again"]


def test_a_page_that_is_named_twice_is_refused():
    twice = "return GupResult(done or got.n, 0 if dropped else 1, pages * 2)"
    given = headlines(("return GupResult(done or got.n, 0 if dropped else 1, pages)", twice))
    assert "hand on each frame once" in given["again"]


def test_delegation_gets_nothing():
    given = verdict(
        "e07_gup",
        with_body("    return await get_user_pages_remote(tsk, mm, start, nr_pages, flags, locked)\n"),
    )
    assert given.points == 0
    assert all("may not use" in one for one in failed(given).values())


def test_the_kernel_can_not_be_imported():
    given = verdict("e07_gup", "from pyemu.kernel.gup_locked import get_pages\n" + master(E7))
    assert given.points == 0
    assert all("imports pyemu.kernel" in one for one in failed(given).values())


def test_prints_cost_no_points_and_are_kept():
    given = verdict(
        "e07_gup", edited(("        dropped = True\n", "        dropped = True\n        print('again')\n"))
    )
    assert given.full
    assert set(given.printed.splitlines()) == {"again"}
