"""A judge of many answers says of each what a judge says who has seen no other."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.judge import Judge
from course.checks.library import checks_of
from course.checks.verdict import Verdict
from course.material.exercise import Exercise
from course.tape import recorded
from tests.exercises.answers import COMPILED, EXERCISES, failed, master, source_of

SEED = "a seed"


def fresh(exercise: Exercise) -> Judge:
    return Judge(exercise, checks_of(exercise.id), SEED)


def judged(judge: Judge, source: str) -> tuple[Verdict, bytes]:
    """Give a verdict, and all that was said for it."""
    with recorded() as tape:
        verdict = judge.verdict(source)
    return verdict, tape.to_bytes()


def directly(exercise: Exercise, source: str) -> bytes:
    """Give all that is said when each case is played for itself, with an answer that passes all."""
    checks = checks_of(exercise.id)
    with recorded() as tape:
        for one in exercise.behaviours:
            for case in checks.checks[one.id].cases(Draw(SEED, f"{exercise.id}/{one.id}")):
                case.play(source, checks.answers)
    return tape.to_bytes()


def lower(source: str) -> str:
    """Move an answer some lines down."""
    return f"# another\n\n{source}"


@pytest.mark.parametrize(
    "exercise", [one for one in EXERCISES if one.id not in COMPILED], ids=lambda one: str(one.id)
)
def test_a_verdict_depends_on_no_answer_that_was_judged_before(exercise: Exercise):
    wrong, right = exercise.wrong[0].file, exercise.right[0].file
    judge = fresh(exercise)
    judge.verdict(master(exercise))
    assert judged(judge, master(exercise))[1] == directly(exercise, master(exercise))
    for source in (source_of(exercise, wrong), lower(master(exercise)), source_of(exercise, right)):
        assert judged(judge, source) == judged(fresh(exercise), source)


FORGES = """import os
async def do_user_addr_fault(regs, error_code, address):
    for one in range(3, 30):
        try:
            os.write(one, b'["effect",1,"nonsense",{"tuple":[]}," (line LINE)"]\\n')
        except OSError:
            pass
"""


def test_a_fault_that_an_answer_forges_tells_its_own_line_and_no_other():
    judge = fresh(next(one for one in EXERCISES if one.id == "e04_loop"))
    for line in ("7", "8"):
        given = failed(judge.verdict(FORGES.replace("LINE", line) + "TESTS = []\n"))
        assert all(f"(line {line})" in headline for headline in given.values()), given


@pytest.mark.long
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda one: str(one.id))
def test_the_verdicts_on_all_answers_depend_on_no_other(exercise: Exercise):
    files = [*(one.file for one in exercise.wrong), *(one.file for one in exercise.right)]
    judge = fresh(exercise)
    for source in (master(exercise), *(source_of(exercise, file) for file in files)):
        assert judged(judge, source) == judged(fresh(exercise), source)
        assert judged(judge, lower(source)) == judged(fresh(exercise), lower(source))
