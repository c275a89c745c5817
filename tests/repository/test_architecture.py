"""ARCHITECTURE.md is true: each box of its picture exists, and none is missing."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PICTURE = TEXT.split("```")[1]


def boxes() -> set[str]:
    """Give the paths that the picture names."""
    return set(re.findall(r"\b(?:pyemu|course)/[\w/.]+\b", PICTURE))


def test_each_box_of_the_picture_is_a_module_that_exists() -> None:
    found = boxes()
    assert len(found) > 20
    assert [box for box in sorted(found) if not (ROOT / box).exists()] == []


def test_each_module_of_pyemu_stands_in_the_picture() -> None:
    modules = {
        f"pyemu/{path.name}"
        for path in (ROOT / "pyemu").iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").is_file()
    }
    assert modules - boxes() == set()


def test_the_modules_marked_with_a_star_are_those_that_a_child_may_hold() -> None:
    from pyemu.child import IMPORTED

    marked = {f"pyemu.{name}" for name in re.findall(r"pyemu/(\w+)(?:\.py)? \*", PICTURE)}
    assert marked | {"pyemu", "pyemu.child"} == set(IMPORTED)


def test_each_path_in_the_text_exists() -> None:
    paths = set(re.findall(r"`((?:pyemu|course)/[\w/.]+)`", TEXT))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
