"""An initramfs made of the Python that runs here: the interpreter, what a guest imports, and their libraries.

The archive is a cpio of the form ``newc``, which Linux unpacks into its first file system
(Documentation/driver-api/early-userspace/buffer-format.rst). Each file stands where it stands here.
"""

from __future__ import annotations

import gzip
import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyemu.errors import FaultlabError

__all__ = ["files_of", "initramfs"]

PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
"""The interpreter, as it is installed: not that of a virtual environment."""
FOLDER, FILE, CONSOLE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o755, stat.S_IFCHR | 0o600
# Prints the file of each module that is loaded, those that Python holds in itself included.
LOADED = """
import json, os, sys, {modules}
print(json.dumps([m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]))
"""


def initramfs(files: Iterable[Path], written: dict[str, bytes]) -> bytes:
    """Pack files into a compressed initramfs.

    Parameters
    ----------
    files : iterable of Path
        Files of this machine, with absolute paths.
    written : dict of str to bytes
        Further files: path and content.

    Returns
    -------
    bytes
        A gzip of a cpio archive, with the folders ``/proc``, ``/dev`` and ``/tmp`` and the console.
    """
    content = {str(file): file.read_bytes() for file in sorted(set(files))} | written
    folders = {str(parent) for name in content for parent in Path(name).parents} - {"/"}
    entries = [_entry(name, FOLDER) for name in sorted(folders | {"/proc", "/dev", "/tmp"})]
    entries.append(_entry("/dev/console", CONSOLE, device=(5, 1)))
    entries += [_entry(name, FILE, held) for name, held in content.items()]
    return gzip.compress(b"".join([*entries, _entry("/TRAILER!!!", 0)]), 1, mtime=0)


def _entry(name: str, mode: int, held: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """Give one entry: a head of 13 hexadecimal numbers, the name, the content, each up to a whole word."""
    path = name.lstrip("/").encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(held), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
    return _whole(head) + _whole(held)


def _whole(held: bytes) -> bytes:
    return held + bytes(-len(held) % 4)


def files_of(*modules: str) -> list[Path]:
    """Give the files that Python needs to import modules: itself, theirs, and all shared libraries.

    Raises
    ------
    FaultlabError
        When Python can't import them, or ``ldd`` is not there.
    """
    loaded = _output([str(PYTHON), "-P", "-c", LOADED.format(modules=", ".join(modules))])
    sources = [Path(one) for one in json.loads(loaded) if one and one.startswith("/")]
    encodings = Path(json.__file__).parents[1] / "encodings"
    files = [PYTHON, *sources, *(encodings / name for name in ("ascii.py", "utf_8.py", "latin_1.py"))]
    files += [cached for one in files if (cached := _cached(one)).is_file()]
    return [*files, *_libraries([PYTHON, *(one for one in sources if ".so" in one.suffixes)])]


def _cached(source: Path) -> Path:
    """Give where the compiled form of a source is: without it a slow machine compiles it first."""
    return source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


def _libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    for line in _output(["ldd", *map(str, binaries)]).splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            yield Path(found[1])


def _output(command: list[str]) -> str:
    from course.live.monitor import ROOT

    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ROOT}, cwd="/"
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise FaultlabError(
            f"--qemu: {command[0]} doesn't run ({error}). It is needed to pack this Python for another "
            "kernel; leave --qemu out."
        ) from None
