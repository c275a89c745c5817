"""``faultlab doctor``: what works on this machine, and how to mend what doesn't, on one screen."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import typer

import pyemu

State = Literal["ok", "part", "missing"]

# Names and colours say the same: no state is told by colour alone.
_MARKS: dict[State, str] = {
    "ok": "[green]works[/]",
    "part": "[yellow]in part[/]",
    "missing": "[red]missing[/]",
}

# userfaultfd(2) has no function in the C library; its number differs by architecture.
_SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282, "riscv64": 282}
_UFFD_USER_MODE_ONLY = 1  # Linux 5.11 and later


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the screen.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "part", "missing"}
        Whether it works.
    found : str
        What was found.
    mend : str
        What to do; empty when there is nothing to do.
    essential : bool
        Whether the course can't run without it.
    """

    name: str
    state: State
    found: str
    mend: str = ""
    essential: bool = False


def doctor() -> None:
    """Say what works here and how to mend what doesn't; status 1 if something essential is missing."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"faultlab {pyemu.__version__}", title_justify="left")
    for column in ("What", "State", "Found", "How to mend"):
        table.add_column(column, overflow="fold")
    checks = list(examine())
    for check in checks:
        table.add_row(check.name, _MARKS[check.state], check.found, check.mend)
    Console().print(table)
    missing = [check.name for check in checks if check.essential and check.state == "missing"]
    if missing:
        print(f"The course can't run here: {', '.join(missing)} is missing.")
        raise typer.Exit(1)
    print("The course runs here.")


def version() -> None:
    """Print the version of faultlab."""
    print(f"faultlab {pyemu.__version__}")


def examine() -> Iterator[Check]:
    """Look at everything the course uses, essential things first."""
    yield python()
    for name in ("jupyterlab", "numpy"):
        yield distribution(name)
    yield compiled()
    yield bubblewrap()
    yield userfaultfd()
    yield valgrind()
    yield chromium()


def python() -> Check:
    """Look at the running Python."""
    return Check("Python", "ok", f"{platform.python_version()} at {sys.executable}", essential=True)


def distribution(name: str) -> Check:
    """Look at an installed Python distribution."""
    title = {"jupyterlab": "JupyterLab"}.get(name, name)
    try:
        return Check(title, "ok", metadata.version(name), essential=True)
    except metadata.PackageNotFoundError:
        return Check(title, "missing", "not installed", f"pip install {name}", essential=True)


def compiled() -> Check:
    """Look whether the hardware model is compiled."""
    if pyemu.COMPILED:
        return Check("hardware model", "ok", "compiled (pyemu.hw._fast)")
    mend = "Install gcc and the Python headers, then `make clean setup` (or pip install again)."
    return Check("hardware model", "part", "uncompiled: everything runs, long traces slowly", mend)


def bubblewrap() -> Check:
    """Look whether bubblewrap can start a sandbox, by starting one."""
    name, mend = "bubblewrap", "apt-get install bubblewrap (only for grading what others wrote)"
    path = shutil.which("bwrap")
    if path is None:
        return Check(name, "missing", "no bwrap on PATH", mend)
    probe = [path, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "true"]
    try:
        result = subprocess.run(probe, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, "missing", f"{path} doesn't run: {error}", mend)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        return Check(name, "missing", f"{path}: {reason}", "Allow unprivileged user namespaces for bwrap.")
    return Check(name, "ok", path)


def userfaultfd(call: Callable[[int, int], int] | None = None) -> Check:
    """Look whether this kernel gives a userfaultfd, by asking for one.

    Parameters
    ----------
    call : callable, optional
        Takes the system call's number and its flags, gives a file descriptor or ``-errno``.
    """
    name, rest = "userfaultfd", "Only `faultlab live` and lesson 15 need it; the emulator doesn't."
    number = _SYS_USERFAULTFD.get(platform.machine())
    if not sys.platform.startswith("linux") or number is None:
        return Check(name, "missing", f"not known on {platform.system()} {platform.machine()}", rest)
    call = call or _syscall
    mend = "Kernel-mode faults too: root, or sysctl vm.unprivileged_userfaultfd=1."
    for flags, granted in (
        (os.O_CLOEXEC, Check(name, "ok", "for user-mode and kernel-mode faults: try `faultlab live`")),
        (os.O_CLOEXEC | _UFFD_USER_MODE_ONLY, Check(name, "part", "for user-mode faults only", mend)),
    ):
        fd = call(number, flags)
        if fd >= 0:
            os.close(fd)
            return granted
    return Check(name, "missing", f"refused: {os.strerror(-fd)}", rest)


def valgrind() -> Check:
    """Look for valgrind, which records the accesses of real commands."""
    path = shutil.which("valgrind")
    if path is None:
        mend = "apt-get install valgrind (only for `faultlab trace record`)"
        return Check("valgrind", "missing", "not on PATH", mend)
    return Check("valgrind", "ok", path)


def chromium() -> Check:
    """Look for a Chromium that browser tests can drive."""
    for candidate in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(candidate)
        if path is not None:
            return Check("chromium", "ok", path)
    return Check(
        "chromium", "missing", "not on PATH", "apt-get install chromium (only for the browser tests)"
    )


def _syscall(number: int, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), ctypes.c_long(flags)))
    return result if result >= 0 else -ctypes.get_errno()
