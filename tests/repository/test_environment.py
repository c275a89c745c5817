"""environment.yml, pyproject.toml and constraints.txt name the same things and agree on versions."""

from __future__ import annotations

import re
import sys
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.repository.imports import ROOT, imports_of, sources

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())

# What only conda has to name: pip and the compiler are there before pip can read pyproject.toml.
CONDA_ONLY = {"pip", "c-compiler"}


def wanted() -> dict[str, SpecifierSet]:
    """What pyproject.toml asks for: to build, to run, to test and to check style."""
    project = PYPROJECT["project"]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    lines = [*PYPROJECT["build-system"]["requires"], *project["dependencies"], *extras]
    found = {canonicalize_name(one.name): one.specifier for one in map(Requirement, lines)}
    return found | {"python": SpecifierSet(project["requires-python"])}


def offered() -> dict[str, SpecifierSet]:
    """What environment.yml gives, from conda's channels and by pip."""
    *conda, by_pip = ENVIRONMENT["dependencies"]
    lines = [*conda, *(line for line in by_pip["pip"] if not line.startswith("-"))]
    return {canonicalize_name(one.name): one.specifier for one in map(Requirement, lines)}


def pinned() -> dict[str, str]:
    """What constraints.txt pins."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pairs = [line.split("==") for line in lines]
    return {canonicalize_name(name): version for name, version in pairs}


def test_environment_and_pyproject_agree_in_names_and_versions() -> None:
    given = {name: bounds for name, bounds in offered().items() if name not in CONDA_ONLY}
    assert given == wanted()


def test_environment_installs_the_project_itself() -> None:
    assert "--editable ." in ENVIRONMENT["dependencies"][-1]["pip"]


def test_everything_asked_for_is_pinned_to_a_version_that_it_allows() -> None:
    pins = pinned()
    bounds = {name: specifier for name, specifier in wanted().items() if name != "python"}
    assert [name for name in bounds if name not in pins] == []
    assert [name for name, specifier in bounds.items() if pins[name] not in specifier] == []


def test_constraints_hold_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)] == []


# What comes with something that we ask for, or is imported under another name.
CARRIED = {
    "Cython": "cython",  # itself, as its package writes it
    "IPython": "ipykernel",
    "jupyter_client": "nbclient",
    "traitlets": "ipywidgets",
    "yaml": "jupytext",
}


def test_nothing_imported_is_left_undeclared() -> None:
    found = [one for name, text, _ in sources("pyemu", "course") for one in imports_of(text, name)]
    names = {one.imported.partition(".")[0] for one in found} - sys.stdlib_module_names - {"pyemu", "course"}
    assert "typer" in names
    declared = {Requirement(line).name for line in PYPROJECT["project"]["dependencies"]}
    assert {name for name in names if CARRIED.get(name, name) not in declared} == set()
