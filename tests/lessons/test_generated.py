"""The committed notebooks are what their sources build, and keep the template."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.material.build import Target, material_findings, targets

ROOT = Path(__file__).parents[2]


def made() -> list[Target]:
    return targets(ROOT) if (ROOT / "lessons").is_dir() else []


@pytest.mark.parametrize("target", made(), ids=lambda target: target.path.stem)
def test_a_rebuild_gives_the_committed_bytes(target: Target):
    assert target.path.read_bytes() == target.make().encode(), f"{target.path}: run 'make notebooks'"


@pytest.mark.parametrize(
    "target",
    [one for one in made() if one.path.parent.name == "lessons"],
    ids=lambda target: target.path.stem,
)
def test_a_lesson_shows_the_same_with_the_readable_twin(target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAULTLAB_TWIN", "ref")
    assert target.path.read_bytes() == target.make().encode()


def test_every_notebook_has_a_source():
    assert set(ROOT.glob("lessons/*.ipynb")) <= {target.path for target in made()}


def test_template_leaks_and_stray_files():
    assert material_findings(ROOT) == []
