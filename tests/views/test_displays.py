"""A notebook shows objects of pyemu as tables; their texts stay, and everything in a table is escaped."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course.paging import Entry
from course.views.displays import TABLE_OF, flag_word, install
from pyemu import Scenario, Tree, run
from pyemu.flags import (
    FAULT_FLAG_DEFAULT,
    TASK_KILLABLE,
    FaultFlag,
    FollFlag,
    PageFaultError,
    TaskState,
    UffdFeature,
    VmFault,
    VmFlag,
)
from pyemu.machine import Violation
from pyemu.state import VmaState


@pytest.fixture(scope="module")
def shell() -> Any:
    made = InteractiveShell.instance()
    install(made)
    yield made
    InteractiveShell.clear_instance()


def shown(shell: Any, value: Any) -> dict[str, str]:
    data: dict[str, str] = shell.display_formatter.format(value)[0]
    return data


RESULT = run("S13", Tree.before)
AREA = Scenario.load("S13").areas[0]
VMA = VmaState(1, 0x5000, 0x7000, VmFlag.READ | VmFlag.UFFD_MISSING, context=3)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (FAULT_FLAG_DEFAULT, ["FAULT_FLAG_*: 0x214", "SIGKILL may end", "FAULT_FLAG_DEFAULT:"]),
        (FaultFlag(0), ["FAULT_FLAG_*: 0x0", "no bit is set"]),
        (FaultFlag(0x8004), ["ALLOW_RETRY", "0x8000", "no name"]),
        (VmFault.RETRY | VmFault.MAJOR, ["VM_FAULT_*: 0x404", "VM_FAULT_RETRY", "VM_FAULT_MAJOR"]),
        (PageFaultError.PROT, ["X86_PF_*: 0x1", "X86_PF_PROT"]),
        (VmFlag.READ | VmFlag.UFFD_WP, ["VM_*: 0x1001", "VM_READ", "VM_UFFD_WP"]),
        (FollFlag.GET, ["FOLL_*: 0x4", "FOLL_GET"]),
        (UffdFeature.SIGBUS, ["UFFD_FEATURE_*: 0x80", "UFFD_FEATURE_SIGBUS"]),
        (TASK_KILLABLE, ["TASK_KILLABLE", "0x102", "D", "until it is woken or SIGKILL comes"]),
        (TaskState(0), ["TASK_RUNNING", "R"]),
        (TaskState.NEW, ["TASK_*: NEW", "0x800"]),
        (Tree.after - 9, ["Tree after-9", "1, 2, 3, 4, 5, 6, 7, 8, 10, 11", "patches left out</td>", "5.7"]),
        (Tree.later("6.1"), ["Tree v6_1", "B1, B2, B2&#x27;, B3, B4", "6.1"]),
        (RESULT, ["S13 on tree before", "SIGBUS(code=2)", "The run ends after", "done."]),
        (RESULT.tasks["T"], ["Task T", "attempts (handle_mm_fault)", "faults counted as minor"]),
        (Violation("T", "I1", "it did"), ["A rule is broken: I1", "it did", "the rule"]),
        (VMA, ["Area of mm 1", "0x5000 to 0x6fff", "READ | UFFD_MISSING", "userfaultfd"]),
        (AREA, ["Area V of process T", "anon, private", "missing"]),
        (Entry(0x5590067), ["0x0000000005590067", "0x5590000", ">RW<", ">NX<"]),
        (Entry(0x66), ["Not present"]),
    ],
    ids=lambda value: re.sub(r"\W.*", "", type(value).__name__) if not isinstance(value, list) else "",
)  # fmt: skip
def test_an_object_is_shown_as_a_table_beside_its_own_text(shell: Any, value: Any, words: list[str]) -> None:
    data = shown(shell, value)
    assert [word for word in words if word not in data["text/html"]] == []
    assert data["text/html"].startswith("<table")
    assert data["text/plain"].replace("\n", "").replace(" ", "") == repr(value).replace(" ", "")


@pytest.mark.parametrize(("module", "name"), TABLE_OF)
def test_each_class_that_is_named_exists(module: str, name: str) -> None:
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_what_stands_in_a_table_is_escaped(shell: Any) -> None:
    html = shown(shell, Violation("<b>T</b>", "<i>", 'a "quote" & <script>'))["text/html"]
    assert "&lt;script&gt;" in html
    assert set(re.findall(r"<(\w+)", html)) == {"table", "caption", "thead", "tr", "th", "tbody", "td"}


def test_a_broken_rule_stands_below_the_result(shell: Any) -> None:
    html = shown(shell, run("syzbot-2017", Tree.upto(9)))["text/html"]
    assert "breaks a rule" in html


def test_nobody_sees_a_table_without_asking() -> None:
    from IPython.core.formatters import HTMLFormatter

    assert HTMLFormatter()(Tree.after) is None


@pytest.mark.parametrize("ask", ["%load_ext course.views", "from course.views import ready\nready()"])
def test_a_notebook_asks_for_the_tables_in_either_way(ask: str) -> None:
    code = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell({ask!r})
from pyemu import Tree
print("Tree after" in shell.display_formatter.format(Tree.after)[0]["text/html"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("True\n")


def test_a_flag_of_the_glossary_is_explained_in_its_words() -> None:
    from course.glossary import explain

    assert explain("FAULT_FLAG_TRIED").means in flag_word(FaultFlag.TRIED, "FAULT_FLAG_").lines[0].cells
