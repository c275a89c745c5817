"""The tests notice a change of the kernel's code: mutants of its modules die."""

from __future__ import annotations

import os

import pytest

from tests.mutation.kernel import N_DRAWN, check_all, check_quickly, drawn, equivalents, every_mutant
from tests.mutation.operators import Mutant
from tests.mutation.paths import ROOT

# One for each kind of change; `make verify` runs all that are drawn.
DIE_AT_ONCE = (
    "memory.do_anonymous_page: drop 'if flags & FAULT_FLAG_WRITE:'",
    "read_write.generic_perform_write: other link in 'written or -EFAULT'",
)
LEAST_KILLED = 0.95


def test_the_same_seed_draws_the_same_mutants_and_another_seed_others() -> None:
    names = [one.name for one in drawn()]
    assert len(names) == N_DRAWN
    assert names == [one.name for one in drawn()]
    assert names != [one.name for one in drawn(seed=1)]


def test_mutants_come_from_every_module_of_the_kernel_that_has_code() -> None:
    modules = {one.module for one in every_mutant()}
    assert {"pyemu.kernel.fault", "pyemu.kernel.memory", "pyemu.kernel.userfaultfd"} <= modules


def test_each_mutant_that_is_called_equivalent_exists_and_has_a_reason() -> None:
    names = {one.name for one in every_mutant()}
    listed = equivalents()
    assert [name for name in listed if name not in names] == [], "listed, but gone"
    assert [name for name, reason in listed.items() if len(reason) < 20] == []


def test_code_without_a_change_survives_the_quick_tests() -> None:
    module = drawn(1)[0].module
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
    assert check_quickly(Mutant(module, "f", "nothing", source)).killer == ""


@pytest.mark.parametrize("name", DIE_AT_ONCE)
def test_a_scenario_or_a_record_kills_a_mutant(name: str) -> None:
    (mutant,) = (one for one in every_mutant() if one.name == name)
    assert check_quickly(mutant).killed


@pytest.mark.long
def test_nearly_all_drawn_mutants_die_and_the_others_are_known_to_be_equivalent() -> None:
    verdicts = list(check_all(drawn(), os.cpu_count() or 1))
    survivors = [one.mutant.name for one in verdicts if not one.killed]
    assert [name for name in survivors if name not in equivalents()] == []
    assert 1 - len(survivors) / len(verdicts) >= LEAST_KILLED
