"""Imports run downwards: the house of ARCHITECTURE.md, floor by floor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.repository.imports import ROOT, Import, imports_of, sources

# Which floor a module, or a package with all that is in it, stands on. It may import what stands on lower
# floors and its neighbours. A module that is not listed fails the test: decide where it belongs.
FLOORS = {
    "pyemu.arches": 1,
    "pyemu.display": 1,
    "pyemu.errors": 1,
    "pyemu.flags": 1,
    "pyemu.proctree": 1,
    "pyemu.rules": 1,
    "pyemu.calls": 2,
    "pyemu.chrome": 2,
    "pyemu.diff": 2,
    "pyemu.effects": 2,
    "pyemu.hugepages": 2,
    "pyemu.hw": 2,
    "pyemu.policies": 2,
    "pyemu.stacks": 2,
    "pyemu.stubs": 2,
    "pyemu.subsequence": 2,
    "pyemu.trace": 2,
    "pyemu.tree": 2,
    "pyemu.child": 3,
    "pyemu.handler": 3,
    "pyemu.kernel": 3,
    "pyemu.memtrace": 3,
    "pyemu.pages": 3,
    "pyemu.program": 3,
    "pyemu.remote": 3,
    "pyemu.scenario": 3,
    "pyemu.scenarios": 3,
    "pyemu.state": 3,
    "pyemu.wire": 3,
    "pyemu.nursery": 4,
    "pyemu.sched": 4,
    "pyemu.travel": 4,
    "pyemu.expect": 5,
    "pyemu.build": 5,
    "pyemu.machine": 5,
    "pyemu.explore": 6,
    "course": 7,
}

# Who may know even less than the floor allows: these modules, and what is in the same package.
KNOWS = {
    "pyemu.hw": {"pyemu.errors"},
    "pyemu.kernel": {"pyemu.arches", "pyemu.calls", "pyemu.effects", "pyemu.flags"},
    "pyemu.stubs": {"pyemu.calls", "pyemu.effects", "pyemu.flags"},
    "pyemu.child": {
        "pyemu.display",
        "pyemu.effects",
        "pyemu.errors",
        "pyemu.handler",
        "pyemu.stubs",
        "pyemu.wire",
    },
    "pyemu.nursery": {"pyemu.child", "pyemu.proctree", "pyemu.stubs"},
}

# A run depends on its inputs alone: pyemu reads no clock, no dice, and starts nothing.
FORBIDDEN = {"asyncio", "datetime", "multiprocessing", "random", "secrets", "subprocess", "threading", "time"}


def home(module: str) -> str | None:
    """The entry of FLOORS that a dotted name belongs to."""
    while module and module not in FLOORS:
        module = module.rpartition(".")[0]
    return module or None


def faults(found: Import) -> Iterator[str]:
    """What is wrong with one import, in words."""
    where = f"{found.module}:{found.line} imports {found.imported}"
    top = found.imported.partition(".")[0]
    inside = found.module.partition(".")[0]
    if inside == "pyemu" and top not in sys.stdlib_module_names | {"pyemu", "numpy"}:
        yield f"{where}: pyemu knows the standard library, numpy and itself"
    if inside == "pyemu" and top in FORBIDDEN:
        yield f"{where}: the same inputs have to give the same trace"
    here, there = home(found.module), home(found.imported)
    if here is None or there is None:
        return
    if FLOORS[there] > FLOORS[here]:
        yield f"{where}: floor {FLOORS[here]} imports floor {FLOORS[there]}; imports run downwards"
    if here in KNOWS and there != here and there not in KNOWS[here]:
        yield f"{where}: {here} may know only {', '.join(sorted(KNOWS[here]))}"


def test_imports_run_downwards() -> None:
    found = [
        one
        for name, text, is_package in sources("pyemu", "course")
        for one in imports_of(text, name, is_package)
    ]
    assert len(found) > 100
    assert [fault for one in found for fault in faults(one)] == []


def test_every_module_has_its_floor() -> None:
    names = {name for name, _, _ in sources("pyemu", "course")} - {"pyemu"}
    assert sorted(name for name in names if home(name) is None) == []
    assert sorted(set(FLOORS) - names) == [], "listed, but gone"


@pytest.mark.parametrize(
    ("module", "source", "word"),
    [
        ("pyemu.kernel.fault", "from pyemu.sched import executor", "downwards"),
        ("pyemu.kernel.fault", "import pyemu.state", "may know only"),
        ("pyemu.kernel.fault", "def f():\n    from pyemu import tree", "may know only"),
        ("pyemu.kernel.fault", "from ..state import State", "may know only"),
        ("pyemu.flags", "from pyemu.effects import current", "downwards"),
        ("pyemu.trace", "import course.views", "downwards"),
        ("pyemu.machine", "import rich", "standard library"),
        ("pyemu.sched.timed", "from time import monotonic", "same inputs"),
        ("pyemu.child", "from pyemu.remote import Remote", "may know only"),
    ],
)
def test_an_import_upwards_or_sideways_is_found(module: str, source: str, word: str) -> None:
    found = [fault for one in imports_of(source, module) for fault in faults(one)]
    assert any(word in fault for fault in found), found


def test_lessons_and_exercises_use_public_names_of_course_and_pyemu_only() -> None:
    faulty = []
    for name, text, _ in sources("lessons", "exercises"):
        for one in imports_of(text, name):
            top, *rest = one.imported.split(".")
            if top not in sys.stdlib_module_names | {"course", "pyemu", "numpy", "ipywidgets"}:
                faulty.append(f"{one.module}:{one.line} imports {one.imported}")
            if any(part.startswith("_") for part in rest):
                faulty.append(f"{one.module}:{one.line} imports the private name {one.imported}")
    assert faulty == []


def loaded_by(statement: str) -> set[str]:
    """The modules of a fresh Python after a statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    command = [sys.executable, "-c", script]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


HEAVY = {
    *(
        "numpy",
        "IPython",
        "anywidget",
        "ipywidgets",
        "nbformat",
        "nbclient",
        "jupytext",
        "matplotlib",
        "rich",
    ),
}


@pytest.mark.parametrize(
    "module",
    ["pyemu", "pyemu.hw", "pyemu.machine", "course", "course.cli", "course.checks", "course.material"],
)
def test_importing_is_cheap(module: str) -> None:
    assert loaded_by(f"import {module}") & HEAVY == set()


def test_the_command_line_starts_without_the_emulator() -> None:
    assert "pyemu.machine" not in loaded_by("import course.cli")


def test_a_handlers_process_has_stubs_and_flags_but_no_kernel() -> None:
    loaded = {
        name for name in loaded_by("import pyemu.child, pyemu.stubs") if name.startswith(("pyemu", "course"))
    }
    assert {"pyemu.stubs", "pyemu.flags"} <= loaded
    assert [
        name for name in loaded if home(name) in {"pyemu.kernel", "pyemu.sched", "pyemu.state", "pyemu.hw"}
    ] == []
    assert not any(name.startswith("course") for name in loaded)
