"""The container for development has what CI installs; Binder gets a Python that the project takes."""

from __future__ import annotations

import json
import os
import re
import tomllib

import yaml
from packaging.specifiers import SpecifierSet

from tests.repository.imports import ROOT

FOLDER = ROOT / ".devcontainer"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
FROM_IMAGE = {"python3", "python3-dev", "python3-venv"}  # the image is one of Python


def test_the_container_installs_what_ci_installs() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    wanted = {name for names in re.findall(r"need\+=\(([^)]*)\)", ci) for name in names.split()} - FROM_IMAGE
    (line,) = re.findall(r"apt-get install (.*) \\", DOCKERFILE)
    given = {word for word in line.split() if not word.startswith("-")}
    assert given == wanted | {"git"}


def test_the_container_is_built_from_the_dockerfile_and_set_up_by_make() -> None:
    said = json.loads((FOLDER / "devcontainer.json").read_text(encoding="utf-8"))
    assert said["build"]["dockerfile"] == "Dockerfile"
    assert said["postCreateCommand"] == "make setup"


def test_binder_gets_a_python_that_the_project_takes_and_a_script_that_can_be_run() -> None:
    environment = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [one for one in environment["dependencies"] if one.startswith("python")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = python.partition("=")[2]  # exact: Binder takes a default of its own for a bound
    assert version in SpecifierSet(project["requires-python"])
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    assert "--constraint constraints.txt" in script.read_text(encoding="utf-8")
