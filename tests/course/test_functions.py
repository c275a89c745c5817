"""The table from C names to our functions: complete, and each place is where the function stands."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pyemu.kernel
from course.cli import app
from course.functions import LESSONS, Row, markdown, rows
from pyemu.calls import CALLS
from pyemu.kernel import FUNCTIONS

TABLE = {row.name: row for row in rows()}
OURS_ALONE = {
    "do_arch_fault",
    "failing_fault",
    "faulty_fault",
    "hold_page",
    "sys_pin",
    "sys_wait_post",
}  # test apparatus and what programs need
FOLDERS = ("arch/", "drivers/", "fs/", "include/", "kernel/", "lib/", "mm/", "virt/")


def test_the_table_holds_every_kernel_function() -> None:
    assert set(TABLE) == set(CALLS) == set(FUNCTIONS)
    assert len(TABLE) > 80


@pytest.mark.parametrize("row", TABLE.values(), ids=list(TABLE))
def test_a_row_names_the_c_function_its_file_and_ours(row: Row) -> None:
    assert (row.c_name == "") == (row.name in OURS_ALONE)
    assert row.name in OURS_ALONE or row.c_file.startswith(FOLDERS)
    assert row.what.endswith(".") or row.what.endswith(":"), row.what
    module, _, line = row.place.partition(":")
    source = inspect.getsource(importlib.import_module(module)).splitlines()
    assert f"async def {row.name}(" in "\n".join(source[int(line) - 1 : int(line) + 2])


def test_every_coroutine_that_is_called_by_an_effect_is_in_the_table() -> None:
    for path in Path(str(pyemu.kernel.__file__)).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n@implements\n") == sum(
            row.place.startswith(f"pyemu.kernel.{path.stem}:") for row in TABLE.values()
        )


CURRICULUM = {
    *(
        "00",
        "01",
        "02",
        "03",
        "04",
        "05",
        "06",
        "07a",
        "07b",
        "08",
        "09",
        "10",
        "11",
        "12a",
        "12b",
        "13",
        "14",
    ),
    *("15", "16", "B1", "B2", "B3", "B4"),
}


def test_each_module_has_its_lessons_and_each_lesson_is_of_the_curriculum() -> None:
    modules = {row.module.rpartition(".")[2] for row in TABLE.values()}
    assert set(LESSONS) == modules
    assert all(found and set(found) <= CURRICULUM for found in LESSONS.values())


def test_the_page_is_the_table_of_today() -> None:
    page = Path(__file__).parents[2] / "course" / "functions.md"
    assert page.read_text(encoding="utf-8") == markdown(rows()), "run faultlab functions --markdown"
    assert page.read_text(encoding="utf-8").count("\n| ") == len(TABLE) + 1


def test_the_command_shows_a_row_and_refuses_a_word_that_is_nowhere() -> None:
    shown = CliRunner().invoke(app, ["functions", "fixup_user_fault"], env={"COLUMNS": "150"})
    assert shown.exit_code == 0
    assert "mm/gup.c" in shown.output
    assert "pyemu.kernel.fixup" in shown.output
    refused = CliRunner().invoke(app, ["functions", "do_numa_page"])
    assert "no kernel function has 'do_numa_page'" in str(refused.exception)
