"""Where children come from: one nursery (`pyemu.nursery`) for all the functions that this process runs.

`nursery` gives the one in use; it starts at the first need and ends with this process. `use` puts another
one in its place for a while, such as one in a sandbox.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pyemu
from pyemu.handler import HandlerFault
from pyemu.proctree import descendants, resident_bytes

__all__ = ["LIMITS", "MEMORY_BYTES", "MOST_PROCESSES", "ROOT", "Nursery", "nursery", "use"]

ROOT = str(Path(pyemu.__file__).resolve().parent.parent)
# Not that of a virtual environment: a child needs no site-packages, and a sandbox need not show them.
PYTHON = str(getattr(sys, "_base_executable", sys.executable))
# Nothing of the user's on the path, no site-packages: the child finds pyemu by the path given here. Not -I,
# which would ignore PYTHONHASHSEED as well: the same source must do the same in every run.
START = """
import sys
sys.path.insert(0, sys.argv[1])
from pyemu.nursery import main
main(int(sys.argv[2]))
"""

MEMORY_BYTES = 512 << 20  # of all children together
MOST_PROCESSES = 32
LIMITS = {
    "RLIMIT_CORE": 0,
    "RLIMIT_AS": 1 << 30,
    "RLIMIT_FSIZE": 1 << 20,  # also of what it prints
    "RLIMIT_CPU": 20,  # seconds in all; a single answer has `pyemu.child.CPU_SECONDS`
    "RLIMIT_NOFILE": 64,
}
"""Limits of each child, by their names in the `resource` module."""


class Nursery:
    """A warm process that forks children.

    Parameters
    ----------
    before : callable, optional
        Gives what the command line begins with, such as that of a sandbox, and the descriptors that it names.
        It takes folders that can be read inside, besides faultlab's own.
    root : str
        The folder in which the nursery finds pyemu.
    limits : mapping of str to int
        Further limits of each child, and others than `LIMITS`.
    """

    def __init__(
        self,
        before: Callable[..., tuple[list[str], list[int]]] | None = None,
        root: str = ROOT,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.before = before
        self.root = root
        self.limits = LIMITS | dict(limits or {})
        self.owner = 0  # the process that started it: a fork of that one must not talk to the same nursery
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def too_much(self) -> str:
        """Say which limit its children break together; empty when they keep to them."""
        if self._process is None:
            return ""
        found = descendants(self._process.pid)
        if len(found) > MOST_PROCESSES:
            return f"your code started more than {MOST_PROCESSES} processes; an answer starts none."
        if sum(map(resident_bytes, found)) > MEMORY_BYTES:
            return f"your code took more than {MEMORY_BYTES >> 20} MB of memory; an answer needs a few."
        return ""

    @property
    def pid(self) -> int | None:
        """The number of its process as seen from here; None before its first child."""
        return self._process.pid if self._process is not None else None

    def child(self, receive: int, send: int, output: int) -> int:
        """Fork a child that answers on these descriptors; give its number."""
        return int(self._ask("child", self.limits, [receive, send, output]))

    def end(self, child: int, grace: float = 0.0) -> int:
        """End a child, after some seconds to end by itself; give its wait status (`os.waitpid`)."""
        return int(self._ask("end", [child, grace]))

    def sweep(self) -> None:
        """End what children that have ended left behind, if the nursery is still there."""
        if self._requests is not None:
            with contextlib.suppress(HandlerFault):
                self._ask("sweep", None)

    def close(self) -> None:
        """End it with all its children."""
        if self._process is None or self.owner != os.getpid():
            return
        if self._requests is not None:
            self._requests.close()  # it ends its children, then itself
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = self._requests = None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        words, descriptors = self.before() if self.before is not None else ([], [])
        words += [PYTHON, "-s", "-P", "-S", "-c", START, self.root, str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *descriptors),
                env={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        for one in descriptors:
            os.close(one)
        self._requests, self.owner = ours, os.getpid()
        return ours

    def _ask(self, kind: str, value: Any, descriptors: Sequence[int] = ()) -> Any:
        with self._lock:
            if self._requests is None or self.owner != os.getpid():
                requests = self._start()
            else:
                requests = self._requests
            try:
                socket.send_fds(requests, [json.dumps([kind, value]).encode()], descriptors)
                answer = requests.recv(4096)
                if answer:
                    return json.loads(answer)
            except OSError:
                pass
            self.close()  # the next question starts another one
        raise HandlerFault("crash", "the process that starts your code ended by itself; run the check again.")


_DEFAULT = Nursery()
_USED: ContextVar[Nursery] = ContextVar("nursery", default=_DEFAULT)
atexit.register(_DEFAULT.close)


def nursery() -> Nursery:
    """Give the nursery in use."""
    return _USED.get()


@contextlib.contextmanager
def use(other: Nursery) -> Iterator[Nursery]:
    """Use another nursery; at the end it is closed."""
    token = _USED.set(other)
    try:
        yield other
    finally:
        _USED.reset(token)
        other.close()
