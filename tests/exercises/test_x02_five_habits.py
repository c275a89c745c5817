"""Exercise X2: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks import x02_runs
from course.checks.library import exercise_of
from pyemu.arches import Accounting, arch_of, converted_by
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

X2 = exercise_of("x02_five_habits")
SENTENCES = {
    "all-fixup": "riscv 5.7 returns and re-executes.",
    "um-part-a": "um was never converted.",
    "riscv-5.6-better": "Same before and after.",
    "arm64-differs": "P6: nothing observable.",
    "arc-major": "arc keeps the last attempt.",
    "x86-return-kernel": "x86 takes the fixup.",
    "sh-no-bug": "See S8b.",
    "csky-retries": "csky has no retry.",
    "alpha-tried-5.6": "alpha sets TRIED only from P13.",
    "um-counts-once": "um is gated: every attempt in 5.7.",
    "powerpc-zero": "Kernel mode returns the SIGBUS code, then fixup.",
    "patch-order": "Patch 5 needs the helper.",
}
POINTS = {
    "all-fixup": 8,
    "um-part-a": 9,
    "riscv-5.6-better": 8,
    "arm64-differs": 8,
    "arc-major": 10,
    "x86-return-kernel": 8,
    "sh-no-bug": 11,
    "csky-retries": 11,
    "alpha-tried-5.6": 11,
    "um-counts-once": 10,
    "powerpc-zero": 8,
    "patch-order": 11,
}


def replaced(*changes: tuple[str, str]) -> str:
    source = master(X2)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_the_points_are_twelve():
    points = {one.id: one.points for one in X2.behaviours}
    assert points == {"user": 3, "kernel": 4, "counts": 2, "sh": 1, "two": 1, "order": 1}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(X2.id, source_of(X2, wrong(X2, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in X2.wrong} == set(SENTENCES) == set(POINTS)


def test_the_rows_of_the_architectures_say_what_the_runs_show():
    assert [arch_of(one).accounting for one in ("arc", "riscv", "um")] == [
        Accounting.LAST,
        Accounting.GATED,
        Accounting.GATED,
    ]
    assert x02_runs.counts("riscv", 12) != x02_runs.counts("riscv", 13)
    assert x02_runs.reaction("um", "user", "SIGUSR1", 16) == "retry"
    assert (x02_runs.releases_of_sh(7), x02_runs.releases_of_sh(8)) == (1, 2)
    assert (x02_runs.tried_on_alpha(12), x02_runs.tried_on_alpha(13)) == (False, True)
    assert x02_runs.attempts_of_csky(16) == 1


def test_patches_4_to_8_use_the_helper_that_patch_3_brings():
    assert x02_runs.USERS == (4, 5, 6, 7, 8)
    assert converted_by(x02_runs.HELPER)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("patches >= 9", "patches >= 3", "user"),
        ("patches >= 9", "patches >= 13", "user"),
        ('asks_the_helper = arch != "um"', 'asks_the_helper = arch == "x86"', "user"),
        ('return "livelock" if arch == "riscv" else "fixup"', 'return "return"', "kernel"),
        ('mode == "user" and asks_the_helper', "asks_the_helper", "kernel"),
        ("patches >= 13", "patches >= 14", "counts"),
        ("patches >= 13", "patches >= 0", "counts"),
    ],
)
def test_other_answers_are_told_apart(old: str, new: str, lost: str):
    assert list(failed(verdict(X2.id, replaced((old, new))))) == [lost]


@pytest.mark.parametrize("word", ["retry", "return", "fixup"])
def test_one_word_for_all_gets_no_point_for_reactions(word: str):
    body = f"def reaction_of(arch, mode, signal, patches):\n    return {word!r}\n"
    assert set(failed(verdict(X2.id, master(X2) + "\n\n" + body))) == {"user", "kernel"}


def test_a_word_that_is_none_is_shown():
    source = replaced(('return "livelock" if', 'return "Livelock" if'))
    (row,) = [row for row in verdict(X2.id, source).rows if row.feedback is not None]
    assert feedback(row).headline == (
        "Yours gives riscv, kernel mode, SIGKILL, 0 patches: 'Livelock'; right is riscv, kernel mode, "
        "SIGKILL, 0 patches: 'livelock'."
    )


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("[3, 4, 5]", "patches in the list: (3, 4, 5)"),
        ("[3, 4, 5, 6, 7, 8, 9]", "patches in the list: (3, 4, 5, 6, 7, 8, 9)"),
        ("[3, 3, 4, 5, 6, 7, 8]", "patches in the list: (3, 3, 4, 5, 6, 7, 8)"),
        ("'345678'", "patches in the list: '345678'"),
        ("7", "patches in the list: 7"),
        ("{3: 4}", "patches in the list: {3: 4}"),
    ],
)
def test_an_order_that_is_none_is_shown(order: str, told: str):
    given = failed(verdict(X2.id, replaced(("[3, 4, 5, 6, 7, 8]", order))))
    assert list(given) == ["order"]
    assert told in given["order"]


@pytest.mark.parametrize("order", ["[3, 8, 7, 6, 5, 4]", "(3, 5, 4, 6, 8, 7)"])
def test_every_order_that_begins_with_the_helper_is_right(order: str):
    assert verdict(X2.id, replaced(("[3, 4, 5, 6, 7, 8]", order))).full


def test_an_open_entry_is_called_open_and_the_others_count():
    given = verdict(X2.id, replaced(('"csky": 1', '"csky": None')))
    assert failed(given) == {
        "two": "Your answer is not written yet: OTHERS holds no answer for 'csky' yet.",
    }


def test_the_emulators_rows_are_out_of_reach():
    given = verdict(X2.id, "from pyemu.arches import ARCHES\n" + master(X2))
    assert given.points == 0
    assert all("imports pyemu.arches" in headline for headline in failed(given).values())


def test_prints_cost_nothing():
    given = verdict(X2.id, replaced(('    if arch == "arc":', '    print("counted")\n    if arch == "arc":')))
    assert given.full
    assert set(given.printed.split()) == {"counted"}
