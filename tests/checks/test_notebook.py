"""check() and hint(), called as a notebook calls them."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

import course
from course.checks.answer import notebook_source, source_of
from course.checks.library import exercise_of
from course.checks.notebook import NBGRADER, check, hint
from pyemu.errors import MaterialError
from tests.exercises.answers import master, wrong
from tests.exercises.answers import source_of as answer_of

E4 = exercise_of("e04_loop")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch):
    """A real IPython shell; cells run in it as in a notebook's kernel."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    yield made
    InteractiveShell.clear_instance()


def test_check_and_hint_are_names_of_the_course():
    assert (course.check, course.hint) == (check, hint)
    with pytest.raises(AttributeError, match="no attribute 'cheat'"):
        course.cheat  # noqa: B018  the access is the test


def test_a_check_prints_its_verdict_and_gives_nothing_back(capsys: pytest.CaptureFixture[str]):
    given: object = check("e04_loop", "s13", answer=master(E4))  # type: ignore[func-returns-value]  # tested
    assert given is None
    assert capsys.readouterr().out == "PASS  2 of 2 points  S13: a wake without a page is asked again\n"


def test_a_failed_check_prints_its_feedback(capsys: pytest.CaptureFixture[str]):
    check("e04_loop", "s13", answer=answer_of(E4, wrong(E4, "still-clears").file))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL  0 of 2 points")
    assert lines[2] == "S13: SIGBUS on attempt 2."


def test_under_nbgrader_a_check_without_points_raises_after_its_feedback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(NBGRADER, "autograde")
    with pytest.raises(AssertionError, match="e04_loop, s13: no points"):
        check("e04_loop", "s13", answer=answer_of(E4, wrong(E4, "still-clears").file))
    assert "S13: SIGBUS on attempt 2." in capsys.readouterr().out
    check("e04_loop", "s13", answer=master(E4))
    assert capsys.readouterr().out.startswith("PASS")


def test_under_nbgrader_a_check_that_can_not_run_has_no_points(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(NBGRADER, "validate")
    with pytest.raises(AssertionError, match="no points"):
        check("e04_loop", "s13")
    assert capsys.readouterr().out.startswith("faultlab: outside a notebook")


def test_without_a_behaviour_all_are_listed(capsys: pytest.CaptureFixture[str]):
    check("e04_loop", answer=master(E4))
    said = capsys.readouterr().out
    assert "14 of 14 points" in said
    assert "To see why" not in said


def test_a_list_with_a_failed_check_says_where_its_reason_is(capsys: pytest.CaptureFixture[str]):
    check("e04_loop", answer=answer_of(E4, wrong(E4, "counts-on-signal").file))
    assert capsys.readouterr().out.endswith(
        '\n\nTo see why the first of them failed: check("e04_loop", "uncounted")\n'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("e99", "s13"), "faultlab: there is no exercise 'e99'"),
        (("e04_loop", "s14"), "faultlab: e04_loop has no check 's14'; it has: s13, wakes"),
        (("e04_loop", "s13"), "faultlab: outside a notebook, say what is to be checked"),
    ],
)
def test_a_slip_is_explained_without_a_traceback(
    arguments: tuple[str, str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    check(*arguments)
    assert capsys.readouterr().out.startswith(message)


def test_the_source_is_the_whole_cell_with_its_helpers(shell):
    cell = (
        "async def helper():\n    pass\n\n"
        "async def do_user_addr_fault(regs, error_code, address):\n    await helper()\n"
    )
    shell.run_cell(cell)
    assert source_of(shell.user_ns["do_user_addr_fault"]) == cell


def test_the_cell_that_ran_last_counts(shell, capsys: pytest.CaptureFixture[str]):
    for source in (answer_of(E4, wrong(E4, "still-clears").file), master(E4)):
        shell.run_cell(source, store_history=True)
    shell.run_cell("from course import check\ncheck('e04_loop', 's13')")
    assert capsys.readouterr().out.startswith("PASS")


def test_a_function_that_is_defined_again_in_a_cell_of_its_own_counts(shell):
    both = "def f():\n    return 1\n\ndef g():\n    return 1\n"
    for cell in (both, "def f():\n    return 2\n"):
        shell.run_cell(cell, store_history=True)
        source = notebook_source(shell.user_ns, ["f", "g"])
        found: dict[str, Any] = {}
        exec(source, found)
        assert (found["f"](), found["g"]()) == (shell.user_ns["f"](), shell.user_ns["g"]())
    shell.run_cell("def g():\n    return 3\n", store_history=True)
    assert "return 1" not in notebook_source(shell.user_ns, ["f", "g"])


@pytest.mark.parametrize(
    "broken",
    ["def do_user_addr_fault(:", "1 / 0\nasync def do_user_addr_fault(regs): pass"],
    ids=["syntax", "top"],
)
def test_a_cell_that_did_not_get_so_far_is_told_beside_the_verdict_on_the_one_before(
    shell, capsys: pytest.CaptureFixture[str], broken: str
):
    said = "The cell that you ran last for do_user_addr_fault ended with an error before it had defined it."
    shell.run_cell(master(E4), store_history=True)
    for cell, stale in ((broken, True), (master(E4), False), ("%time 1\nx = do_user_addr_fault", False)):
        shell.run_cell(cell, store_history=True)
        capsys.readouterr()
        shell.run_cell("from course import check\ncheck('e04_loop', 's13')")
        out = capsys.readouterr().out
        assert out.startswith(said if stale else "PASS")
        assert "PASS" in out


@pytest.mark.parametrize("history", [True, False], ids=["kept", "as-nbval-runs-cells"])
def test_the_cell_of_a_table_that_ran_last_counts(shell, history: bool):
    for value in (1, 2):
        shell.run_cell(f"TABLE = {{'page': {value}}}", store_history=history)
    shell.run_cell("print(TABLE)", store_history=history)
    assert notebook_source(shell.user_ns, ["TABLE"]).strip() == "TABLE = {'page': 2}"


@pytest.mark.parametrize("first", ["", "from pyemu.stubs import *\n"], ids=["plain", "with-the-calls"])
def test_before_the_function_is_defined_the_check_says_what_to_run(
    shell, capsys: pytest.CaptureFixture[str], first: str
):
    shell.run_cell(f"{first}from course import check\ncheck('e04_loop', 's13')")
    assert "do_user_addr_fault is not defined yet: run the cell that defines it" in capsys.readouterr().out


def test_a_function_without_a_source_is_told_so(shell, capsys: pytest.CaptureFixture[str]):
    shell.run_cell("exec('async def do_user_addr_fault(regs, error_code, address): pass')")
    shell.run_cell("from course import check\ncheck('e04_loop', 's13')")
    assert "define it in a code cell without a %% line" in capsys.readouterr().out


def test_what_is_no_function_is_told_so():
    with pytest.raises(MaterialError, match="is a int, not a function"):
        source_of(3)  # type: ignore[arg-type]


def test_a_function_of_a_file_gives_its_own_lines():
    assert source_of(test_a_function_of_a_file_gives_its_own_lines).startswith("def test_a_function")


@pytest.mark.parametrize("step", [1, 2, 3])
def test_hints_come_in_steps(step: int, capsys: pytest.CaptureFixture[str]):
    hint("e04_loop", step)
    assert capsys.readouterr().out == f"Hint {step} of 3: {E4.hints[step - 1]}\n"


@pytest.mark.parametrize(
    ("step", "message"),
    [(None, "3 hints, from a nudge"), (4, "faultlab: hint 4 of e04_loop does not exist: there are 1 to 3.")],
)
def test_a_hint_that_is_not_there_is_told_so(
    step: int | None, message: str, capsys: pytest.CaptureFixture[str]
):
    hint("e04_loop", step)
    assert capsys.readouterr().out.startswith(message)
