"""A learner's code in this process, as in a browser: the judge says what it says elsewhere."""

from __future__ import annotations

import sys

import pytest

from course import inline
from course.checks.judge import judge
from course.checks.library import checks_of, exercise_of
from course.checks.notebook import check
from course.child_functions import Answers
from course.handlers import ChildHandler
from pyemu.handler import HandlerFault
from tests.exercises.answers import master, source_of, stub, wrong


@pytest.fixture
def _browser(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("course.handlers.PROCESSES", False)
    monkeypatch.setattr("course.checks.notebook.PROCESSES", False)


def judged(name: str, source: str):
    verdict = judge(exercise_of(name), checks_of(name), source)
    return verdict.stopped, [(row.outcome, row.feedback) for row in verdict.rows]


# Plain functions; functions that ask the machine; kernel functions; one whose tests are judged.
@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("e01_truth_table", "swapped"),
        ("h01_walk", "shift-10"),
        ("e02_lock_page_or_retry", "drop-always"),
        ("e04_loop", "still-clears"),
    ],
)
def test_the_verdict_is_that_of_a_process(name: str, mistake: str, monkeypatch: pytest.MonkeyPatch):
    exercise = exercise_of(name)
    sources = [stub(exercise), master(exercise), source_of(exercise, wrong(exercise, mistake).file)]
    apart = [judged(name, source) for source in sources]
    monkeypatch.setattr("course.handlers.PROCESSES", False)
    assert [judged(name, source) for source in sources] == apart


@pytest.mark.usefixtures("_browser")
def test_a_check_says_where_it_was_made(capsys: pytest.CaptureFixture[str]):
    source = master(exercise_of("e01_truth_table"))
    check("e01_truth_table", answer=source)
    assert capsys.readouterr().out.rstrip().endswith(inline.NOTE)
    check("e01_truth_table", exercise_of("e01_truth_table").behaviours[0].id, answer=source)
    assert capsys.readouterr().out.rstrip().endswith(inline.NOTE)


@pytest.mark.usefixtures("_browser")
@pytest.mark.parametrize("body", ["pass", "print(1)", "x = [1 for _ in range(9)]"])
def test_an_endless_loop_comes_to_an_end(body: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inline, "SECONDS", 0.1)
    monkeypatch.setattr("pyemu.child.FLOOD_WRITES", 10**9)
    monkeypatch.setattr("pyemu.child.FLOOD_BYTES", 10**9)
    with (
        Answers(f"def f():\n    while True:\n        {body}\n", ["f"]) as answers,
        pytest.raises(HandlerFault, match="a loop in it never ends") as fault,
    ):
        answers.call("f")
    assert fault.value.rule == "endless"


@pytest.mark.usefixtures("_browser")
def test_a_time_limit_is_for_each_answer_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inline, "SECONDS", 0.1)
    with Answers("def f(n):\n    while n: pass\n    return n\n", ["f"]) as answers:
        with pytest.raises(HandlerFault):
            answers.call("f", 1)
        assert answers.call("f", 0) == 0


@pytest.mark.usefixtures("_browser")
@pytest.mark.parametrize(
    "line",
    ["import pyemu.kernel", "from pyemu import kernel", "from pyemu import run", "import course.checks as x"],
)
def test_what_a_handler_must_not_import_is_refused_though_it_is_loaded(line: str):
    import pyemu.machine  # noqa: F401  loaded

    with pytest.raises(HandlerFault, match="your code imports") as fault, Answers(f"{line}\nf = 1", ["f"]):
        pass
    assert fault.value.rule == "forbidden import"


@pytest.mark.usefixtures("_browser")
def test_what_a_handler_may_import_it_gets():
    with Answers("import math\nfrom pyemu.stubs import *\nfrom pyemu import flags\nf = 2", ["f"]) as answers:
        assert answers.value("f") == 2


@pytest.mark.usefixtures("_browser")
def test_prints_are_kept_apart_and_nothing_of_the_learners_stays(capsys: pytest.CaptureFixture[str]):
    before = sys.stdout, sys.stderr, sys.gettrace(), list(sys.meta_path)
    with ChildHandler(
        "async def do_user_addr_fault(regs, error_code, address): pass\nprint('hello')", "do_user_addr_fault"
    ) as one:
        assert (sys.stdout, sys.stderr, sys.gettrace(), list(sys.meta_path)) == before
    assert one.printed == "hello\n"
    assert capsys.readouterr().out == ""
