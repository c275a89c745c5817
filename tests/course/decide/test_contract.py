"""What a caller may believe after an attempt is read from runs; a wrong belief is shown with its opposite."""

from __future__ import annotations

import pytest

from course.decide import try_contract
from course.decide.contract import ended
from pyemu import Tree
from pyemu.flags import VM_FAULT_NOPAGE, VM_FAULT_RETRY


@pytest.mark.parametrize("n", [10, 13, 16])
def test_from_patch_10_on_retry_tells_it_all(n: int) -> None:
    seen = ended(Tree.upto(n))
    assert len(seen) > 5
    assert all(one.kept is not bool(one.fault & VM_FAULT_RETRY) for one in seen)


def test_before_one_value_means_both() -> None:
    nopage = {one.kept for one in ended(Tree.upto(9)) if one.fault == VM_FAULT_NOPAGE}
    assert nopage == {True, False}


@pytest.mark.parametrize(
    ("n", "believes", "said"),
    [
        (10, lambda fault: not fault & VM_FAULT_RETRY, "Tree upto10: 9 of 9 attempts are told right."),
        (10, lambda fault: True, "still_good says that the area is still good."),
        (10, lambda fault: False, "still_good says that the area is lost."),
        (9, lambda fault: not fault & VM_FAULT_RETRY, "no function can tell them apart."),
        (9, lambda fault: fault.missing, "still_good failed: AttributeError"),
    ],
)
def test_a_belief_is_compared_with_each_attempt(
    n: int, believes: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_contract(believes, Tree.upto(n))  # type: ignore[arg-type]  # one of them is mistaken on purpose
    assert said in " ".join(capsys.readouterr().out.split())
