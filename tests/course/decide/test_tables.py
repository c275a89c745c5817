"""Tables that a learner fills in: what is right is what the runs give, and a wrong cell is told why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course.decide import own_locks, own_signals, own_sleeps, try_may_drop
from pyemu.errors import FaultlabError
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_RETRY_NOWAIT, FAULT_FLAG_TRIED

TABLES = [
    (own_locks, "hdhdhrdh"),
    (own_sleeps, "yyn nyn nnn nyy"),
    (own_signals, "nnn nnn yyn yyn yyy"),
]


@pytest.mark.parametrize(("table", "right"), TABLES)
def test_the_runs_give_what_the_design_says(
    table: Callable[[str], None], right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(right)
    n = len(right.replace(" ", ""))
    assert capsys.readouterr().out.splitlines()[-1] == f"All {n} are as in the runs."


@pytest.mark.parametrize(("table", "right"), TABLES)
def test_each_wrong_cell_is_named(
    table: Callable[[str], None], right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = right.replace(" ", "")
    other = {"h": "d", "d": "h", "r": "h", "y": "n", "n": "y"}
    for i, letter in enumerate(cells):
        table(cells[:i] + other[letter] + cells[i + 1 :])
        said = capsys.readouterr().out
        assert " ".join(said.split()).count("is not what the run gave") == 1
        assert f"{len(cells) - 1} of {len(cells)} are as in the runs." in said


@pytest.mark.parametrize("letters", ["hh", "hdhdhrdx", ""])
def test_other_letters_are_refused(letters: str) -> None:
    with pytest.raises(FaultlabError, match="it must have 8, one for each cell"):
        own_locks(letters)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            lambda flags: (
                flags & FAULT_FLAG_ALLOW_RETRY and not flags & (FAULT_FLAG_TRIED | FAULT_FLAG_RETRY_NOWAIT)
            ),
            "8 of 8 are decided as the kernel does.",
        ),
        (lambda flags: flags & FAULT_FLAG_ALLOW_RETRY, "may be sent back for ever"),
        (lambda flags: not flags & FAULT_FLAG_RETRY_NOWAIT, "does not allow a retry"),
        (lambda flags: False, "everybody who wants to write it waits"),
        (lambda flags: flags.missing, "may_drop failed: AttributeError"),
    ],
)
def test_a_rule_is_compared_with_the_kernels(
    rule: Callable[[int], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_may_drop(rule)
    assert said in " ".join(capsys.readouterr().out.split())
