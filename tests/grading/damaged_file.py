"""Damages of the file itself: links, folders, pipes, names that no other file may have."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from random import Random

from tests.grading.damage import HARMLESS, of_file


@of_file("not-a-file")
def a_folder(random: Random, data: bytes, path: Path) -> None:
    path.mkdir()
    if random.random() < 0.5:
        (path / "answer.txt").write_bytes(data)


@of_file("not-a-file")
def a_link(random: Random, data: bytes, path: Path) -> None:
    path.symlink_to(
        random.choice(["honest-0.ipynb", "nowhere.ipynb", path.name, "/etc/passwd", "/dev/zero", "."])
    )


@of_file("not-a-file")
def a_pipe_or_a_socket(random: Random, data: bytes, path: Path) -> None:
    if random.random() < 0.5:
        os.mkfifo(path)
        return
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


@of_file("unreadable", HARMLESS)
def not_to_be_read(random: Random, data: bytes, path: Path) -> None:
    """Without permission; the administrator reads it all the same."""
    path.write_bytes(data)
    path.chmod(0)


@of_file("too-large")
def a_terabyte(random: Random, data: bytes, path: Path) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.truncate(1 << 40)  # sparse: it takes no room


@of_file(HARMLESS)
def executable(random: Random, data: bytes, path: Path) -> None:
    path.write_bytes(b"\n" + data)
    path.chmod(0o777)
