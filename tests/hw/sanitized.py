"""The project in a folder of its own, where the compiled twin checks each of its reads and writes itself.

``python -m tests.hw.sanitized FOLDER COMMAND...`` makes the folder and runs Python with these arguments
in it, for example ``python -m tests.hw.sanitized /tmp/asan -m tests.hw.fuzz --minutes 10``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.hw import compiled

FLAGS = (
    "-O2",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)
SCARCE = ("-O1", "-fsanitize=address", "--param=asan-stack=0")
"""So compiled the loop has too few registers, and much of it goes through memory."""
OPTIONS = {
    "PYTHONMALLOC": "malloc",  # each object by itself, so that reads beyond a buffer are seen
    "ASAN_OPTIONS": "detect_leaks=0",  # Python frees little of what it has at its end
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def library() -> str | None:
    """The run-time library of AddressSanitizer, which has to be loaded before all else."""
    asked = subprocess.run(
        [*compiled.COMPILER, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False
    )
    path = Path(asked.stdout.strip())
    return str(path.resolve()) if asked.returncode == 0 and path.is_absolute() else None


def make(folder: Path, flags: Iterable[str] = FLAGS) -> None:
    """Copy the package and its tests, and compile with checks."""
    root = compiled.HW.parents[1]
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    for part in ("pyemu", "tests"):
        shutil.copytree(root / part, folder / part, ignore=ignored)
    shutil.copy(root / "pyproject.toml", folder)
    workshop = folder / "workshop"
    workshop.mkdir()
    built = compiled.Workshop(workshop, flags).build("sanitized")
    shutil.copy(built, folder / "pyemu" / "hw" / built.name)


def run(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python in such a folder; the options are those of `subprocess.run`."""
    environment = os.environ | OPTIONS | {"LD_PRELOAD": library() or "", "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=False, **options)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if not (where / "pyemu").exists():
        make(where)
    sys.exit(run(where, *sys.argv[2:]).returncode)
