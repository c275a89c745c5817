"""Who speaks of a release of Linux cites a fact, and every citation names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.linuxfacts import CITATION, load
from course.material.source import read_source

ROOT = Path(__file__).parents[2]
FACTS = load()

# A release of the kernel, such as 5.7, v5.6.4 or 6.18.
RELEASE = re.compile(r"(?<![\w.])v?[4-7]\.\d{1,2}(?:\.\d+)?(?![\d.]*\d)\b")


def texts() -> Iterator[tuple[str, str]]:
    """Every file that may cite a fact."""
    for pattern in (
        "pyemu/**/*.py",
        "course/**/*.py",
        "lessons/*.py",
        "exercises/**/*.py",
        "exercises/**/*.toml",
    ):
        for path in sorted(ROOT.glob(pattern)):
            if path.name != "linuxfacts.py":  # which holds the form of a citation, and none
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_every_citation_resolves() -> None:
    explained = {"id"}  # the form itself, where it is explained
    cited = [(name, found) for name, text in texts() for found in CITATION.findall(text)]
    assert [one for one in cited if one[1] not in FACTS and one[1] not in explained] == []
    assert len({found for _, found in cited} - explained) > 20


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The docstrings of a file by the name of what they document."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", "the module"), text


KERNEL = sorted(
    [
        *(ROOT / "pyemu" / "kernel").rglob("*.py"),
        *(ROOT / "pyemu" / "sched").rglob("*.py"),
        *(ROOT / "course" / "series").rglob("*.py"),
        *(ROOT / "pyemu" / f"{n}.py" for n in ("tree", "policies", "flags")),
    ]
)


@pytest.mark.parametrize("path", KERNEL, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_docstring_that_speaks_of_a_release_cites_a_fact(path: Path) -> None:
    models_linux = "kernel" in path.parts  # a module there that speaks of Linux says what it models
    uncited = [
        name
        for name, text in docstrings(path)
        if (RELEASE.search(text) or (models_linux and name == "the module" and "Linux" in text))
        and not CITATION.search(text)
    ]
    assert uncited == [], "cite what this rests on as [fact:id]; 'faultlab fact WORD' finds it"


def test_each_policy_cites_a_fact() -> None:
    from dataclasses import fields

    from pyemu.policies import Policies

    documented = dict(
        re.findall(r"^ *(\w+) : \w+\n((?: {8,}\S.*\n?)+)", Policies.__doc__ or "", re.MULTILINE)
    )
    assert set(documented) == {field.name for field in fields(Policies)}
    assert [name for name, text in documented.items() if not CITATION.search(text)] == []


def paragraphs(path: Path) -> Iterator[str]:
    """The paragraphs of a lesson's prose, without code; a table belongs to the paragraph before it."""
    for cell in read_source(path).cells:
        if cell["cell_type"] != "markdown":
            continue
        before = ""
        for block in re.sub(r"```.*?```|`[^`\n]*`", "", cell["source"], flags=re.DOTALL).split("\n\n"):
            if block.startswith("|"):
                before += block
                continue
            yield before
            before = block
        yield before


@pytest.mark.parametrize("path", sorted(ROOT.glob("lessons/*.py")), ids=lambda path: path.stem)
def test_a_paragraph_that_speaks_of_a_release_cites_a_fact(path: Path) -> None:
    assert [text for text in paragraphs(path) if RELEASE.search(text) and not CITATION.search(text)] == []


@pytest.mark.parametrize("text", ["Linux v5.7", "from 5.8 on", "5.4.59.", "(v5.6, file)", "in 6.18:"])
def test_a_release_is_seen(text: str) -> None:
    assert RELEASE.search(text)


@pytest.mark.parametrize("text", ["1.5.7", "15.7", "step 5", "0x5.7", "5.", "[fact:flag-allow-retry-5-6]"])
def test_what_is_no_release_is_left_alone(text: str) -> None:
    assert not RELEASE.search(text)
