"""What lesson 12b says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("12b")


def test_a_wake_without_a_page_is_fatal_for_gup_up_to_patch_13() -> None:
    assert LESSON.shown("run-wake").splitlines()[:2] == [
        "S14 on tree upto13: T: EFAULT",
        "S14 on tree upto14: T: ret=4096",
    ]
    side = LESSON.shown("compare")
    assert "Attempt 2: flags 0xa1 in upto13, 0xa5 in upto14; upto13 lacks ALLOW_RETRY." in side
    rights = [line[50:] for line in side.splitlines()]
    assert sum("T gets 0 pages; mmap_sem was dropped" in right for right in rights) == 2


def test_the_three_bugs_show_as_merged_and_not_in_the_mended_kernel() -> None:
    assert "- page never got:" in LESSON.shown("run-b2")
    assert LESSON.shown("trace-b2").splitlines()[-2].endswith("GUP gives 0 pages, *locked 0")
    assert [line.split()[2] for line in LESSON.shown("trace-b1").splitlines()] == list("TTRWTMTT")
    assert "bad unlock balance" in LESSON.shown("trace-b1").splitlines()[-1]
    before, merged, mended = LESSON.shown("run-b3").splitlines()
    assert before.endswith("T: EFAULT    []")
    assert merged.endswith("['page never got']")
    assert mended.endswith("T: ret=0     []")


def test_the_loop_as_merged_breaks_two_rules() -> None:
    assert [line.split("[")[1] for line in LESSON.shown("try-loop").splitlines()] == [
        "]",
        "]",
        "'bad unlock balance']",
        "'page never got']",
    ]


def test_patch_15_lets_a_task_die_in_time() -> None:
    assert LESSON.shown("run-kill").splitlines()[:2] == [
        "with 14 patches T is gone after 10 s",
        "with 15 patches T is gone after 1 s",
    ]
    before, merged, mended = LESSON.shown("run-lock").splitlines()
    assert before == "upto14  T is gone after 400 ms []"
    assert merged == "after   T is gone after 22 ms ['bad unlock balance']"
    assert mended == "v5_7    T is gone after 22 ms []"


def test_one_scenario_of_four_finds_the_wrong_loop() -> None:
    lines = LESSON.shown("try-wrong").splitlines()
    assert [line.endswith("[]") for line in lines] == [True, True, True, False]


def test_the_predictions_cover_what_the_runs_give() -> None:
    for name, outcome in (("wake", "EFAULT"), ("kill", "10 s")):
        assert outcome in [one.outcome for one in questions_of("12b")[name].choices]


def test_a_learner_mends_the_loop(tmp_path: Path) -> None:
    mended = {"GupResult(0, 0)": "GupResult(-EINTR, 0)", "GupResult(-EINTR, 1)": "GupResult(-EINTR, 0)"}
    filled = {'again=""': 'again="again"', 'killed=""': 'killed="EINTR"', 'done=""': 'done="0"'}
    edits = {"repeat-page": mended, "order-loop": {'""': '"E H A B D G"'}, "fill-fixup": filled}
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "All 6 lines are in place." in said["order-loop"]
    assert " right.\n\nAll " in said["fill-fixup"]
    assert [line.endswith("[]") for line in said["try-loop"].splitlines()] == [True] * 4


def test_a_loop_without_tried_is_told_its_rule(tmp_path: Path) -> None:
    early = {"own-wrong": {" | FOLL_TRIED": ""}, "order-loop": {'""': '"E H A B F G"'}}
    said = printed(LESSON.notebook, early, tmp_path)
    assert "That is B3" in said["order-loop"]
    assert said["try-wrong"].splitlines()[0].endswith("['I5']")


def test_a_loop_that_does_not_look_for_sigkill_first_breaks_nothing(tmp_path: Path) -> None:
    late = {
        "        if await fatal_signal_pending(current):\n            return GupResult(-EINTR, 0)\n": "",
        "        await down_read": "        if await down_read",
        "_killable(mm)": "_killable(mm):\n            return GupResult(-EINTR, 0)",
    }
    said = printed(LESSON.notebook, {"own-wrong": late}, tmp_path)
    assert [line.endswith("[]") for line in said["try-wrong"].splitlines()] == [True] * 4
