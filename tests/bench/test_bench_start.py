"""Imports keep their budgets, measured against an empty Python in the same run."""

from __future__ import annotations

import pytest

from tests.bench import bench_start

BUDGETS = {"import pyemu": 5, "import course": 12}
ROUNDS = 7


def test_imports_keep_their_budgets():
    ratios = bench_start.imports(ROUNDS)
    assert ratios.keys() == BUDGETS.keys()
    assert {one: ratio for one, ratio in ratios.items() if ratio > BUDGETS[one]} == {}


def test_an_import_that_takes_too_long_would_be_noticed():
    (ratio,) = bench_start.imports(3, ("import numpy, IPython, nbformat, rich.console",)).values()
    assert ratio > BUDGETS["import pyemu"]


def test_lesson_00_is_measured_to_its_first_output():
    assert bench_start.first_output(1) > 0


def test_a_cell_without_an_output_is_no_measure():
    with pytest.raises(AssertionError, match="no output"):
        bench_start._run("x = 1")
