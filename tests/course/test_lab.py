"""How JupyterLab is started on a working copy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from course import lab


def test_jupyterlab_opens_on_the_first_lesson(tmp_path: Path) -> None:
    (tmp_path / "lessons").mkdir()
    for name in ("01-later.ipynb", "00-one fault.ipynb"):
        (tmp_path / "lessons" / name).touch()
    assert "--LabApp.default_url=/lab/tree/lessons/00-one%20fault.ipynb" in lab.options(tmp_path)
    assert f"--ServerApp.root_dir={tmp_path}" in lab.options(tmp_path)


def test_a_course_without_lessons_still_opens(tmp_path: Path) -> None:
    assert "--LabApp.default_url=/lab" in lab.options(tmp_path)


def test_only_root_is_told_to_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--allow-root" not in lab.options(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--allow-root" in lab.options(tmp_path)


def test_our_configuration_goes_before_the_users() -> None:
    ours, *rest = lab.environment({"JUPYTER_CONFIG_PATH": "/theirs", "LANG": "C"})[
        "JUPYTER_CONFIG_PATH"
    ].split(os.pathsep)
    assert rest == ["/theirs"]
    assert (Path(ours) / "jupyter_lab_config.json").is_file()
    assert lab.environment({})["JUPYTER_CONFIG_PATH"] == ours


def test_jupyterlab_knows_every_setting_that_we_set() -> None:
    import jupyterlab
    from jupyterlab.labapp import LabApp

    folder = Path(lab.__file__).parent / "jupyter"
    for name in json.loads((folder / "jupyter_lab_config.json").read_text())["LabApp"]:
        assert LabApp.class_traits()[name].metadata.get("config"), name
    schemas = Path(jupyterlab.__file__).parent / "schemas"
    overrides = json.loads((folder / "labconfig" / "default_setting_overrides.json").read_text())
    for plugin, settings in overrides.items():
        package, _, schema = plugin.partition(":")
        path = schemas / package / f"{schema}.json"
        if package.startswith("@jupyterlab/"):
            assert set(settings) <= set(json.loads(path.read_text())["properties"]), plugin
