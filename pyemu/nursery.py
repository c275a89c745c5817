"""The nursery: a warm process that forks a child (`pyemu.child`) for each function of a learner.

To start Python and load the names of the kernel takes longer than most runs; a fork takes milliseconds. The
nursery itself never runs a learner's code. It answers requests on a Unix socket, one JSON list a message:

- ``child`` limits, with three descriptors (receive, send, output): the number of a new child.
- ``end`` [child, seconds]: its wait status (`os.waitpid`), after that much time to end by itself. It and its
  group of processes are gone.
- ``sweep``: 0. Whatever children have left behind is gone, if the nursery is the first process of its
  namespace, or can see its own descendants.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys

from pyemu.child import Child, begin, prepare
from pyemu.proctree import descendants

__all__ = ["main"]

LOOK_SECONDS = 0.002  # between looks at a child that may be about to end


class Nursery:
    """Answers requests for children.

    Parameters
    ----------
    requests : socket.socket
        Where they come from.
    """

    def __init__(self, requests: socket.socket) -> None:
        self.requests = requests
        self.children: set[int] = set()

    def serve(self) -> None:
        """Answer until the other side is gone; then end everything."""
        while True:
            message, descriptors, _, _ = socket.recv_fds(self.requests, 4096, 3)
            if not message:
                break
            kind, value = json.loads(message)
            if kind == "child":
                answer = self.child(value, descriptors)
            elif kind == "end":
                answer = self.end(*value)
            else:
                answer = self.sweep()
            self.requests.send(json.dumps(answer).encode())
        for number in tuple(self.children):
            self.end(number, 0)
        self.sweep()

    def child(self, limits: dict[str, int], descriptors: list[int]) -> int:
        """Fork a child that answers on these descriptors."""
        number = os.fork()
        if number == 0:
            receive, send, output = descriptors
            status = 1
            try:
                self.requests.close()
                os.setsid()
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.close(output)
                _limit(limits)
                begin()
                Child(receive, send).serve()
                status = 0
            finally:
                os._exit(status)  # never back into `serve`, and no exit hooks of a learner's code
        for one in descriptors:
            os.close(one)
        self.children.add(number)
        return number

    def end(self, number: int, grace: float) -> int:
        """End a child and its group of processes, after some seconds of grace; give its wait status."""
        if number not in self.children:
            return 0
        for _ in range(int(grace / LOOK_SECONDS)):
            if os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                break
            select.select([], [], [], LOOK_SECONDS)
        # Not reaped yet: as long as it is a zombie, its number can't mean another group of processes.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(number, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)  # it may not have made its group yet
        self.children.discard(number)
        status = os.waitpid(number, 0)[1]
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-number, 0)  # those of its group that it left behind; they were killed with it
        return status

    def sweep(self) -> int:
        """End what children have left behind, once no child is wanted any more."""
        if not self.children:
            for number in self._left():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while True:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
        return 0

    def _left(self) -> list[int]:
        """Give the processes to end: -1 is all but this one, which only the first of a namespace may say."""
        if os.getpid() == 1:
            return [-1]
        return descendants(os.getpid())


def _limit(limits: dict[str, int]) -> None:
    """Set limits of resources, by their names in the `resource` module."""
    for name, value in limits.items():
        number = getattr(resource, name, None)
        if number is not None:
            hard = resource.getrlimit(number)[1]
            resource.setrlimit(number, (value, value if hard < 0 else min(value, hard)))


def _reaper() -> None:
    """Let what children leave behind become children of this process, where Linux can do that."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, include/uapi/linux/prctl.h


def main(descriptor: int) -> None:
    """Serve on a Unix socket, after all that children need is there."""
    prepare()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C and "interrupt kernel" are for the parent
    if sys.platform == "linux":
        _reaper()
    gc.collect()
    gc.freeze()  # a child's collection doesn't touch, and so copy, what is loaded here
    Nursery(socket.socket(fileno=descriptor)).serve()
