"""The other tools' environments below ``build/peers``: exact versions, and this faultlab on the path."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "NoPeer", "activated", "peer_bin", "version_of"]

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PACKAGES = {"nbgrader": "nbgrader", "otter": "otter-grader", "nbval": "nbval"}
"""The package by the name of the tool."""
BUILT = ROOT / "build" / "peers"


class NoPeer(RuntimeError):
    """An environment could not be made here, usually because there is no package index."""


def peer_bin(name: str) -> Path:
    """Give the folder of a tool's commands; its environment is made when it isn't there yet.

    Parameters
    ----------
    name : str
        ``nbgrader``, ``otter`` or ``nbval``: the pins are in the file of that name beside this one.

    Raises
    ------
    NoPeer
        pip failed; its message is in the error's.
    """
    pins = (HERE / f"{name}.txt").read_bytes()
    folder = BUILT / name
    stamp = folder / "faultlab-stamp"
    digest = hashlib.sha256(pins).hexdigest()
    if not (stamp.is_file() and stamp.read_text() == digest):
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", folder)
        _run(folder / "bin" / "pip", "install", "--quiet", "-r", HERE / f"{name}.txt")
        (site,) = folder.glob("lib/python*/site-packages")
        (site / "faultlab.pth").write_text(f"{ROOT}\n")
        stamp.write_text(digest)
    return folder / "bin"


def activated(name: str) -> dict[str, str]:
    """Give this process's environment as it is after the tool's environment was activated."""
    kept = {one: value for one, value in os.environ.items() if not one.startswith(("PYTEST_", "PYTHON"))}
    return kept | {"PATH": os.pathsep.join([str(peer_bin(name)), os.environ.get("PATH", os.defpath)])}


def version_of(package: str, name: str) -> str:
    """Give the pinned version of a package in a tool's environment."""
    lines = (HERE / f"{name}.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.lower().startswith(f"{package}=="))


def _run(*words: str | Path) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoPeer(f"{' '.join(map(str, words))}: {done.stderr.strip()[-500:]}")
