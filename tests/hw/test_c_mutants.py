"""A compiled twin with one rule wrong is noticed by the comparison with the readable one."""

from __future__ import annotations

import pytest

from pyemu.hw import COMPILED, twins
from tests.hw import compiled
from tests.hw.c_mutants import C_MUTANTS, CMutant
from tests.hw.differential import compare, copy

pytestmark = pytest.mark.skipif(not COMPILED or not compiled.AVAILABLE, reason="nothing can be compiled here")

POSSIBLE = [mutant for mutant in C_MUTANTS if mutant.variant in (*twins.variants(), "plain")]
"""Those of variants that this machine has."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> compiled.Workshop:
    return compiled.Workshop(tmp_path_factory.mktemp("c_mutants"), ["-O0"])


def check_noticed(mutant: CMutant, workshop: compiled.Workshop) -> None:
    wrong = copy(mutant.build(workshop), mutant.variant)
    with pytest.raises(AssertionError):
        compare(11, 500_000, other=wrong)


@pytest.mark.parametrize("mutant", C_MUTANTS, ids=str)
def test_the_text_of_each_mutant_stands_in_the_core_once(mutant: CMutant) -> None:
    text = (compiled.HW / "core" / mutant.file).read_text(encoding="utf-8")
    assert mutant.edit(mutant.file, text) != text


def test_a_copy_without_a_change_is_not_noticed(workshop: compiled.Workshop) -> None:
    compare(11, 10_000, other=copy(compiled.load(workshop.build("none", simd=False))))


@pytest.mark.parametrize("mutant", POSSIBLE[:2], ids=str)
def test_a_compiled_twin_with_one_wrong_rule_is_noticed(mutant: CMutant, workshop: compiled.Workshop) -> None:
    check_noticed(mutant, workshop)


@pytest.mark.long
@pytest.mark.parametrize("mutant", POSSIBLE[2:], ids=str)
def test_each_other_wrong_rule_is_noticed(mutant: CMutant, workshop: compiled.Workshop) -> None:
    check_noticed(mutant, workshop)
