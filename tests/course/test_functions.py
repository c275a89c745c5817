"""The table from C names to our functions: complete, and each place is where the function stands."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pyemu.kernel
from course.cli import app
from course.functions import Row, rows
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


def test_the_command_shows_a_row_and_refuses_a_word_that_is_nowhere() -> None:
    shown = CliRunner().invoke(app, ["functions", "fixup_user_fault"], env={"COLUMNS": "150"})
    assert shown.exit_code == 0
    assert "mm/gup.c" in shown.output
    assert "pyemu.kernel.fixup" in shown.output
    refused = CliRunner().invoke(app, ["functions", "do_numa_page"])
    assert "no kernel function has 'do_numa_page'" in str(refused.exception)
