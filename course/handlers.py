"""Handlers in a process of their own: the learner's code runs there, machine and verdict stay here.

::

    with ChildHandler(source, "do_user_addr_fault") as handler:
        result = run("S13", Tree.after, {"do_user_addr_fault": handler})

An endless loop costs 2 seconds of CPU, not the process that asks.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pyemu
from pyemu import wire
from pyemu.child import CPU_SECONDS, OUTPUT_BYTES
from pyemu.handler import HandlerFault
from pyemu.remote import RemoteFrame, RemoteSource

WALL_SECONDS = 20.0  # without an answer: the handler sleeps or waits for input; CPU time ends it sooner
ROOT = str(Path(pyemu.__file__).resolve().parent.parent)
# Nothing of the user's on the path, no site-packages: the child finds pyemu by the path given here. Not -I,
# which would ignore PYTHONHASHSEED as well: the same source must do the same in every run.
START = """
import sys
sys.path.insert(0, sys.argv[1])
from pyemu.child import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""


class Process:
    """A child process and the channel to it (`pyemu.remote.Channel`)."""

    def __init__(self) -> None:
        from_child, child_sends = os.pipe()
        child_receives, to_child = os.pipe()
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        self.process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-S", "-c", START, ROOT, str(child_receives), str(child_sends)],
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            pass_fds=(child_receives, child_sends),
            env={"PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        os.close(child_receives)
        os.close(child_sends)
        self.receive, self.send = from_child, to_child
        self.buffer = bytearray()

    def exchange(self, message: bytes) -> bytes:
        """Send a message and give the answer."""
        try:
            view = memoryview(message)
            while view:
                view = view[os.write(self.send, view) :]
        except BrokenPipeError:
            raise self._ended() from None
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                line = bytes(self.buffer[: end + 1])
                del self.buffer[: end + 1]
                return line
            if len(self.buffer) > wire.LONGEST:
                raise HandlerFault("protocol", f"your code sent a message of over {wire.LONGEST} bytes.")
            ready, _, _ = select.select([self.receive], [], [], WALL_SECONDS)
            if not ready:
                self.kill()
                raise HandlerFault(
                    "endless",
                    f"your code did nothing for {WALL_SECONDS:.0f} seconds: it waits for something "
                    "outside the kernel.",
                )
            data = os.read(self.receive, 65536)
            if not data:
                raise self._ended()
            self.buffer += data

    def _ended(self) -> HandlerFault:
        """Say why the process is gone."""
        # Look without reaping: as long as it is a zombie, its number can't mean another group of processes.
        if self.process.returncode is None:
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.kill()
        code = self.process.returncode
        if code == -signal.SIGPROF:
            return HandlerFault(
                "endless",
                f"your code ran for {CPU_SECONDS:.0f} seconds of CPU time without asking for "
                "anything: a loop in it never ends. "
                "Every round of a retry loop must await something, and something must end it.",
            )
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return HandlerFault("crash", f"the process that ran your code ended by itself ({how}).")

    def printed(self) -> str:
        """Give what the handler printed, up to a limit."""
        self.output.seek(0)
        return self.output.read(OUTPUT_BYTES).decode("utf-8", "replace")

    def kill(self) -> None:
        """End the process and those it started."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """End the process and release what belongs to it."""
        self.kill()
        os.close(self.receive)
        os.close(self.send)
        self.output.close()


class ChildHandler:
    """A learner's function in a process of its own; a source of frames for ``override=``.

    Parameters
    ----------
    source : str
        Python source that defines the function; the names of `pyemu.stubs` are known in it.
    function : str
        The kernel function that it replaces.
    name : str, optional
        Its name in the source, when that is another one.

    Raises
    ------
    HandlerFault
        On entering, when the source can't be used.
    """

    def __init__(self, source: str, function: str, name: str | None = None) -> None:
        self.source = source
        self.function = function
        self.name = name or function
        self.printed = ""
        self._process: Process | None = None
        self._remote: RemoteSource | None = None

    def __enter__(self) -> ChildHandler:
        """Start the process and load the function."""
        self._process = Process()
        try:
            self._remote = RemoteSource(self._process, self.source, self.function, self.name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; `printed` keeps what the function printed."""
        if self._process is not None:
            self.printed = self._process.printed()
            self._process.close()
            self._process = None
        self._remote = None

    def start(self, name: str, args: tuple[Any, ...]) -> RemoteFrame:
        """Start the function (called by the machine)."""
        return self.remote.start(name, args)

    def fresh(self) -> ChildHandler:
        """Give the same function for another process, to be entered by whoever asks."""
        return ChildHandler(self.source, self.function, self.name)

    @property
    def remote(self) -> RemoteSource:
        """The other side; only inside ``with``."""
        if self._remote is None:
            raise HandlerFault("protocol", f"{self.function} is used outside its `with` block.")
        return self._remote
