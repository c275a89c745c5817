"""Packages of npm, by name and version: fetched once, and unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyemu.errors import MaterialError

__all__ = ["run", "unpacked"]


def unpacked(package: str, cache: Path) -> Path:
    """Give the folder of a package.

    Parameters
    ----------
    package : str
        Such as ``reveal.js@6.0.2``.
    cache : Path
        Where it is kept.

    Raises
    ------
    MaterialError
        npm is not installed, or doesn't find it.
    """
    home = cache / package.replace("/", "+")
    if not (home / "package" / "package.json").is_file():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        run(["npm", "pack", "--silent", package], home)
        (packed,) = home.glob("*.tgz")
        with tarfile.open(packed) as archive:
            archive.extractall(home, filter="data")
    return home / "package"


def run(words: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command.

    Raises
    ------
    MaterialError
        It is not there, or failed; what it said is part of the message.
    """
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command, cwd=folder, env=os.environ | (env or {}), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise MaterialError(f"{command[0]} is not installed, and this needs it.") from None
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise MaterialError(f"{' '.join(command)} failed with status {done.returncode}:\n{said}")
