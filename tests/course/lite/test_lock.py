"""The lock of the site lists the wheels that are there, by their own digests."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from course.lite.lock import locked
from pyemu.errors import MaterialError

GIVEN = {
    "info": {"python": "3.14.2", "arch": "wasm32"},
    "packages": {
        "alpha": {
            "name": "alpha",
            "version": "1",
            "file_name": "alpha-1-py3-none-any.whl",
            "sha256": "0" * 64,
        },
        "numpy": {"name": "numpy", "version": "2", "file_name": "numpy-2-cp314.whl", "sha256": "0" * 64},
    },
}


def wheel(folder: Path, name: str, *needs: str, version: str = "2.5") -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in needs)]
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}/__init__.py", "")
        packed.writestr(f"{name}_single.py", "")
        packed.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines))
    return path


def test_an_entry_has_the_digest_of_the_file_and_not_that_of_the_given_lock(tmp_path: Path):
    file = wheel(tmp_path, "alpha")
    found = locked(GIVEN, [file])
    assert found["info"] == GIVEN["info"]
    assert list(found["packages"]) == ["alpha"]
    one = found["packages"]["alpha"]
    assert one["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (one["version"], one["file_name"]) == ("2.5", file.name)
    assert one["imports"] == ["alpha", "alpha_single"]


def test_requirements_are_those_that_are_served(tmp_path: Path):
    needing = wheel(tmp_path, "beta", "Alpha_X>=1", "numpy; python_version > '3'", "gamma; extra == 'all'")
    found = locked(GIVEN, [needing, wheel(tmp_path, "alpha.x"), wheel(tmp_path, "gamma")])
    assert found["packages"]["beta"]["depends"] == ["alpha-x"]


def test_the_same_wheels_give_the_same_lock_in_any_order(tmp_path: Path):
    files = [wheel(tmp_path, "alpha"), wheel(tmp_path, "beta")]
    assert str(locked(GIVEN, files)) == str(locked(GIVEN, files[::-1]))


def test_two_wheels_of_one_package_are_refused(tmp_path: Path):
    with pytest.raises(MaterialError, match="wheels of one package"):
        locked(GIVEN, [wheel(tmp_path, "alpha"), wheel(tmp_path, "alpha", version="3")])


def test_a_compiled_wheel_is_refused(tmp_path: Path):
    with pytest.raises(MaterialError, match="no pure wheel"):
        locked(GIVEN, [tmp_path / "numpy-2-cp314-cp314-linux_x86_64.whl"])


def test_a_damaged_wheel_is_named(tmp_path: Path):
    broken = tmp_path / "alpha-1-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(MaterialError, match=r"alpha-1.*fetch it again"):
        locked(GIVEN, [broken])
