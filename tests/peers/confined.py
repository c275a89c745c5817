"""A tool at work on hostile notebooks, shut in so that this machine is safe.

bubblewrap: no network, this machine read-only and only what Python needs of it, processes of its own, one
folder to write to. Each process has limits; a watchdog outside sums up memory and processes and ends it all
when they, or the time, are too much. What the tool leaves is looked at inside, once its commands are done.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.proctree import descendants, resident_bytes
from tests.peers.venvs import ROOT, peer_bin

__all__ = ["LIMIT_SECONDS", "Confined", "become_subreaper", "reap", "run_confined", "run_watched"]

LIMIT_SECONDS = 120.0  # of wall time, for all commands together; a slow answer of these attacks takes 60
TREE_BYTES = 3 << 30
TREE_PROCESSES = 600  # the fork bomb of the attacks makes 400
FILE_BYTES = 256 << 20
LIMITS = {"RLIMIT_AS": 2 << 30, "RLIMIT_FSIZE": FILE_BYTES, "RLIMIT_CORE": 0}  # of each process
LOOK_SECONDS = 0.25
PR_SET_CHILD_SUBREAPER = 36
SILENT: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)

INSIDE = "/course"
SYSTEM = ("/lib", "/lib32", "/lib64", "/bin", "/usr", "/etc/ld.so.cache", "/etc/alternatives")
ETC = {"passwd": "grader:x:1000:1000:grader:/home/grader:/bin/sh\n", "hosts": "127.0.0.1 localhost\n"}

# The first process inside. It waits for orphans as init does, then says who is still there, and which files.
SUPERVISOR = """
import json, os, resource, subprocess, sys, time
for name, limit in json.loads(sys.argv[3]).items():
    resource.setrlimit(getattr(resource, name), (limit, limit))
codes = []
with open('log.txt', 'wb') as log:
    for words in json.loads(sys.argv[1]):
        codes.append(subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode)
def others():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return sum(name.isdecimal() and name != '1' for name in os.listdir('/proc'))
until = time.monotonic() + 5
while (left := others()) and time.monotonic() < until:
    time.sleep(0.2)
files = [os.path.join(top, one) for place in ('/home', '/tmp', '/course')
         for top, _, names in os.walk(place) for one in names if not top.startswith(sys.argv[2])]
json.dump({'codes': codes, 'left': left, 'files': files}, open('report.json', 'w'))
"""


@dataclass(frozen=True, slots=True)
class Confined:
    """What became of a tool's commands.

    Attributes
    ----------
    codes : tuple of int
        Their exit statuses; fewer than commands when it was ended.
    ended : str
        Why it was ended from outside: ``time``, ``memory``, ``processes``; empty when it ended by itself.
    seconds : float
        Wall time.
    peak_bytes : int
        The most memory of all its processes together, as often as it was looked at.
    left : int
        Processes that were there five seconds after the last command.
    files : tuple of str
        Paths inside, of all files below home, /tmp and the course folder.
    log : str
        What the commands printed.
    """

    codes: tuple[int, ...]
    ended: str
    seconds: float
    peak_bytes: int
    left: int
    files: tuple[str, ...]
    log: str


def run_confined(
    tool: str, folder: Path, commands: Sequence[Sequence[str]], limit: float = LIMIT_SECONDS
) -> Confined:
    """Run commands in the sandbox, in a folder that they may write to.

    Parameters
    ----------
    tool : str
        Whose environment is shown and activated.
    folder : Path
        The one place, besides a private /tmp and home, that can be written.
    commands : sequence of sequence of str
        Run one after the other, whatever their exit status.
    limit : float
        Seconds of wall time.
    """
    words = [*_bubblewrap(tool, folder), str(peer_bin(tool) / "python"), "-c", SUPERVISOR]
    words += [json.dumps([list(one) for one in commands]), str(ROOT), json.dumps(LIMITS)]
    ended, seconds, peak = _watch(subprocess.Popen(words, **SILENT), limit)
    log = folder / "log.txt"
    text = log.read_bytes().decode("utf-8", "replace") if log.is_file() else ""
    try:
        said = json.loads((folder / "report.json").read_bytes())
    except (OSError, ValueError):
        said = {"codes": [], "left": 0, "files": []}
    return Confined(tuple(said["codes"]), ended, seconds, peak, said["left"], tuple(said["files"]), text)


def run_watched(
    tool: str, folder: Path, commands: Sequence[Sequence[str]], limit: float = LIMIT_SECONDS
) -> Confined:
    """Run the commands of a tool that has a sandbox of its own; `become_subreaper` was called."""
    codes, ended, seconds, peak = [], "", 0.0, 0
    log = folder / "log.txt"
    for words in commands:
        with log.open("ab") as file:
            process = subprocess.Popen(words, cwd=folder, **SILENT | {"stdout": file, "stderr": file})
            ended, took, most = _watch(process, limit - seconds)
        codes.append(process.returncode)
        seconds, peak = seconds + took, max(peak, most)
    until = time.monotonic() + 5
    while (left := descendants(os.getpid())) and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        reap()
    found = [path for place in (folder, Path.home()) for path in place.glob("*")]
    return Confined(
        tuple(codes), ended, seconds, peak, len(left), tuple(map(str, found)), log.read_text(errors="replace")
    )


def become_subreaper() -> None:
    """Become the parent of orphans, so that they are found and what they used is counted."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap() -> bool:
    """Wait for all children that have ended; say whether others are left."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _watch(process: subprocess.Popen[bytes], limit: float) -> tuple[str, float, int]:
    """Wait for a process, or end it; say why it was ended, and give its seconds and its peak memory."""
    began = time.monotonic()
    ended, peak = "", 0
    try:
        while process.poll() is None and not ended:
            time.sleep(LOOK_SECONDS)
            tree = [process.pid, *descendants(process.pid)]
            memory = sum(map(resident_bytes, tree))
            peak = max(peak, memory)
            if time.monotonic() - began > limit:
                ended = "time"
            elif memory > TREE_BYTES:
                ended = "memory"
            elif len(tree) > TREE_PROCESSES:
                ended = "processes"
    finally:
        process.kill()  # all inside a sandbox dies with it
        process.wait()
    return ended, time.monotonic() - began, peak


def _bubblewrap(tool: str, folder: Path) -> Iterator[str]:
    bin_ = peer_bin(tool)
    yield from ("bwrap", "--unshare-all", "--uid", "1000", "--gid", "1000", "--hostname", "localhost")
    yield from ("--die-with-parent", "--new-session", "--as-pid-1", "--clearenv", "--cap-drop", "ALL")
    for one in SYSTEM:
        if Path(one).is_symlink():
            yield from ("--symlink", str(Path(one).readlink()), one)
        elif Path(one).exists():
            yield from ("--ro-bind", one, one)
    yield from ("--proc", "/proc", "--dev", "/dev", "--size", str(FILE_BYTES * 2), "--tmpfs", "/tmp")
    yield from ("--size", str(FILE_BYTES * 2), "--tmpfs", "/home", "--dir", "/home/grader")
    yield from ("--ro-bind", sys.base_prefix, sys.base_prefix)
    for name, text in ETC.items():
        path = folder.with_name(f"{folder.name}.{name}")
        path.write_text(text)
        yield from ("--ro-bind", str(path), f"/etc/{name}")
    for one in ("pyemu", "course", "exercises", "lessons"):
        yield from ("--ro-bind", str(ROOT / one), str(ROOT / one))
    yield from ("--ro-bind", str(bin_.parent), str(bin_.parent))
    yield from ("--bind", str(folder), INSIDE, "--chdir", INSIDE)
    variables: Mapping[str, str] = {
        "HOME": "/home/grader",
        "PATH": os.pathsep.join([str(bin_), "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
    }
    for name, value in variables.items():
        yield from ("--setenv", name, value)
    yield "--"
