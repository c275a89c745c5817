"""The sandbox in which the code of submissions runs, and how much it holds.

=====  =====================================================================================================
Level  What keeps a submission from harm
=====  =====================================================================================================
2      bubblewrap: no file but Python's own and the stubs, all read-only; no network, no other processes, no
       capabilities; a filter of system calls; limits of each process, and of all of them together
0      the limits alone: the code may read and write what the person may who grades
=====  =====================================================================================================

A level is not believed but tried: `probe` runs a program in the sandbox that tries to get out.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course.child_functions import Answers
from course.grading.seccomp import ARCHITECTURES, REFUSED, program
from course.nursery import ROOT, Nursery, use
from pyemu.child import IMPORTED
from pyemu.handler import HandlerFault

__all__ = ["Sandbox", "bubblewrap", "find_sandbox", "none", "probe", "sandboxed"]

INSIDE = "/faultlab"
PROCESSES = 24
SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")

# Calls that an ordinary user may make on most machines, with arguments with which they succeed.
CALLS = {
    "memfd_create": (b"probe", 0),
    "shmget": (0, 4096, 0o1600),  # IPC_PRIVATE, IPC_CREAT
    "userfaultfd": (1,),  # UFFD_USER_MODE_ONLY
}

# Each attempt must fail, or find nothing.
TRIES = """
import os, socket

def tried(attempt):
    try:
        return bool(attempt())
    except Exception:
        return False

def write(path):
    with open(path, 'w') as file:
        file.write('x')
    os.remove(path)
    return True

def network():
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(('127.0.0.1', PORT)) == 0

def system_call(words):
    import ctypes
    return ctypes.CDLL(None, use_errno=True).syscall(*words) >= 0

def tries(port, calls, secrets):
    global PORT
    PORT = port
    return {
        'write a file': any(tried(lambda: write(one + '/faultlab-probe')) for one in PLACES),
        'reach the network': tried(network),
        'see other processes': tried(lambda: len(os.listdir('/proc')) > 0),
        'make a system call of the list': any(tried(lambda: system_call(one)) for one in calls),
        'read files of the course': any(os.path.exists(one) for one in secrets),
    }

PLACES = ('.', '/', '/tmp', '/dev', '/dev/shm', '/var/tmp', '/home', '/root', '/usr', '/faultlab')
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One way to run submissions.

    Attributes
    ----------
    level : int
        2 or 0.
    name : str
        For a line of output and for each grade.
    reason : str
        Why the level is no higher; empty for the highest.
    """

    level: int
    name: str
    reason: str = ""

    def nursery(self) -> Nursery:
        """Give a nursery in this sandbox."""
        if self.level == 0:
            return Nursery()
        return Nursery(_command, INSIDE, {"RLIMIT_NPROC": PROCESSES})


def none(reason: str = "") -> Sandbox:
    """Give the limits alone."""
    return Sandbox(0, "none (limits only)", reason)


def bubblewrap() -> Sandbox:
    """Give bubblewrap's sandbox, without asking whether it works here."""
    return Sandbox(2, "bubblewrap, system-call filter, limits")


def find_sandbox() -> Sandbox:
    """Give the best sandbox that works here.

    Returns
    -------
    Sandbox
        At level 0 its ``reason`` says what is missing, and what to do.
    """
    if sys.platform != "linux":
        return none("sandboxes are known for Linux only; grade in a Linux machine or container.")
    if platform.machine() not in ARCHITECTURES:
        return none(f"system calls of {platform.machine()} are not known; grade on x86_64 or aarch64.")
    if shutil.which("bwrap") is None:
        return none("bubblewrap is not installed; install it (Debian, Ubuntu: apt-get install bubblewrap).")
    found = bubblewrap()
    problem = probe(found)
    if problem:
        return none(f"bubblewrap does not work here: {problem}")
    return found


@contextlib.contextmanager
def sandboxed(sandbox: Sandbox) -> Iterator[Nursery]:
    """Run learners' code in a sandbox for a while."""
    with use(sandbox.nursery()) as nursery:
        yield nursery


def probe(sandbox: Sandbox) -> str:
    """Try a sandbox.

    Parameters
    ----------
    sandbox : Sandbox
        Which.

    Returns
    -------
    str
        What it lets through, or why it doesn't start, in a sentence; empty when it holds.
    """
    import socket

    column = list(ARCHITECTURES).index(platform.machine())
    calls = [(REFUSED[name][column], *words) for name, words in CALLS.items()]
    secrets = [f"{ROOT}/exercises", f"{ROOT}/course", f"{ROOT}/pyemu/kernel", f"{INSIDE}/pyemu/kernel"]
    with socket.socket() as listening, sandboxed(sandbox):
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        try:
            with Answers(TRIES, ["tries"]) as answers:
                open_ways = answers.call("tries", listening.getsockname()[1], calls, secrets)
        except HandlerFault:
            return _why_not()
    ways = [way for way, is_open in open_ways.items() if is_open]
    return f"a submission could {', '.join(ways)}." if ways else ""


def _why_not() -> str:
    """Say why bubblewrap does not start."""
    words = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--unshare-user", "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()
    return (
        f"it ended with {said[-1] if said else 'no word'!r}; ordinary users must be allowed to make user "
        "namespaces (Ubuntu 24.04: an AppArmor profile for /usr/bin/bwrap; in a container: its option "
        "--security-opt)."
    )


def _command(*shown: Path) -> tuple[list[str], list[int]]:
    """Give the beginning of the command line, and the descriptors that it names.

    Folders that are `shown` can be read inside, besides those of Python and of the stubs.
    """
    with tempfile.TemporaryFile() as file:
        file.write(program())
        file.seek(0)
        seccomp = os.dup(file.fileno())  # the nursery closes it
    words = ["bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"]
    if "--disable-userns" in _help():
        words += ["--disable-userns"]
    words += ["--die-with-parent", "--new-session", "--as-pid-1", "--clearenv", "--cap-drop", "ALL"]
    words += ["--setenv", "PYTHONHASHSEED", "0"]
    for place in (*SYSTEM, sys.base_prefix):
        path = Path(place)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), place]
        elif path.exists():
            words += ["--ro-bind", place, place]
    for device in ("/dev/null", "/dev/urandom"):
        words += ["--dev-bind", device, device]
    for one in _visible():
        words += ["--ro-bind", f"{ROOT}/{one}", f"{INSIDE}/{one}"]
    for folder in shown:
        words += ["--ro-bind", str(folder), str(folder)]
    words += ["--remount-ro", "/", "--chdir", INSIDE, "--seccomp", str(seccomp), "--"]
    return words, [seccomp]


def _visible() -> list[str]:
    """Give the files and folders of faultlab that a submission may see: those that its process imports."""
    found = ["pyemu/__init__.py"]
    for name in sorted(IMPORTED - {"pyemu"}):
        path = name.replace(".", "/")
        found.append(path if Path(ROOT, path).is_dir() else f"{path}.py")
    return found


def _help() -> str:
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout
