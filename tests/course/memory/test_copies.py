"""A learner's rule for what a system call gives that copied a part."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course.memory import try_result


def result(asked: int, left: int) -> object:
    return "EFAULT" if left == asked else asked - left


def test_a_short_count_is_what_was_copied_and_nothing_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    try_result(result)
    assert "agree on all 40 calls" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda asked, left: "?", "gap is still open"),
        (lambda asked, left: 1 / 0, "ZeroDivisionError"),
        (lambda asked, left: asked - left, "Nothing was copied"),
        (lambda asked, left: "EFAULT" if left else asked, "a part done is no error"),
        (lambda asked, left: "EFAULT" if left == asked else asked, "not those that were asked for"),
    ],
)
def test_a_wrong_rule_hears_why(
    wrong: Callable[[int, int], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_result(wrong)
    assert said in " ".join(capsys.readouterr().out.split())
