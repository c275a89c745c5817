"""What handlers do when a signal meets a waiting fault, and a learner's table and rule of it."""

from __future__ import annotations

import pytest

from course.reactions import (
    CONVERTED,
    REPEATING,
    Rule,
    own_reactions,
    reaction,
    reactions,
    try_reaction,
)
from pyemu.errors import FaultlabError
from pyemu.tree import Tree


@pytest.mark.parametrize("arch", CONVERTED)
def test_a_killed_kernel_access_takes_the_fixup_or_goes_round(arch: str) -> None:
    expected = "livelock" if arch in REPEATING else "fixup"
    assert reaction(arch, "kernel", "SIGKILL", Tree.before) == expected
    assert reaction(arch, "kernel", "SIGKILL", Tree.after) == expected


def test_patch_9_makes_user_mode_return_for_any_signal_but_not_on_um() -> None:
    before, after = Tree.parse("upto8"), Tree.parse("upto9")
    assert [reaction("x86", "user", "SIGUSR1", tree) for tree in (before, after)] == ["retry", "return"]
    assert [reaction("um", "user", "SIGUSR1", tree) for tree in (before, after)] == ["retry", "retry"]


def test_riscv_is_repaired_later() -> None:
    assert reaction("riscv", "kernel", "SIGKILL", Tree.parse("v6_12")) == "fixup"


def test_a_case_that_is_none_is_told_of() -> None:
    with pytest.raises(FaultlabError, match="signal 'SIGHUP' is no case"):
        reaction("x86", "user", "SIGHUP")


def test_the_table_has_a_line_for_each_architecture() -> None:
    lines = repr(reactions("x86", "riscv")).splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["x86", "riscv"]
    assert "livelock" in lines[-1]


def test_a_right_table_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    own_reactions(x86="retry return return | retry retry fixup", um="retry retry return | retry retry fixup")
    assert capsys.readouterr().out == "All 12 are right.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("retry return return retry retry fixup", "does it only return?"),
        ("retry return return retry return livelock", "no user mode to go back to"),
        ("retry return return retry fixup livelock", "leave for this signal, in this mode?"),
        ("retry retry return retry retry livelock", "any signal"),
        ("retry return fixup retry retry livelock", "A program has no fixup"),
        ("retry return return retry retry retry", "makes no further attempt"),
        ("? ? ? ? ? ?", "0 of 6 are right, 6 still open"),
    ],
)
def test_a_wrong_word_hears_why(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    own_reactions(riscv=text)
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("text", ["retry", "retry return return retry retry oops"])
def test_a_line_has_six_of_the_words(text: str) -> None:
    with pytest.raises(FaultlabError, match="six words"):
        own_reactions(x86=text)


def rule(arch: str, mode: str, signal: str) -> str:
    if signal == "SIGKILL":
        if mode == "user":
            return "return"
        return "livelock" if arch in REPEATING else "fixup"
    return "return" if signal == "SIGUSR1" and mode == "user" else "retry"


def test_the_rule_of_the_lesson_holds_for_every_converted_handler(capsys: pytest.CaptureFixture[str]) -> None:
    try_reaction(rule)
    assert f"{len(CONVERTED)} handlers agree on all {6 * len(CONVERTED)} cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda a, m, s: "?" if s == "SIGKILL" else rule(a, m, s), "still open"),
        (lambda a, m, s: 1 / 0, "ZeroDivisionError"),
        (lambda a, m, s: "fixup" if s == "SIGKILL" and m == "kernel" else rule(a, m, s), "exception table"),
        (lambda a, m, s: "stop", "one of the words"),
    ],
)
def test_a_wrong_rule_hears_why(wrong: Rule, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_reaction(wrong)
    assert said in " ".join(capsys.readouterr().out.split())
