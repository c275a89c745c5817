"""Handlers in a process of their own: the learner's code runs there, machine and verdict stay here.

::

    with ChildHandler(source, "do_user_addr_fault") as handler:
        result = run("S13", Tree.after, {"do_user_addr_fault": handler})

An endless loop costs 2 seconds of CPU, not the process that asks.
"""

from __future__ import annotations

import os
import select
import signal
import tempfile
import time
from types import TracebackType
from typing import Any

from course.conversations import talk_in_use
from course.inline import PROCESSES, Inline
from course.nursery import nursery
from course.tape import Spoken, tape_in_use
from pyemu import wire
from pyemu.child import CPU_SECONDS, ENDLESS, OUTPUT_BYTES
from pyemu.handler import HandlerFault
from pyemu.remote import RemoteFrame, RemoteSource

WALL_SECONDS = 20.0  # without an answer: the handler sleeps or waits for input; CPU time ends it sooner
LOOK_SECONDS = 0.1  # between looks at memory and processes while an answer is awaited
GRACE = 0.2  # seconds for a process that has closed its end of the channel to end by itself


class Process:
    """A child process and the channel to it (`pyemu.remote.Channel`)."""

    def __init__(self) -> None:
        from_child, child_sends = os.pipe()
        child_receives, to_child = os.pipe()
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        self.nursery = nursery()
        self.ended: int | None = None  # its wait status
        try:
            self.child = self.nursery.child(child_receives, child_sends, self.output.fileno())
        except BaseException:
            os.close(from_child)
            os.close(to_child)
            self.output.close()
            raise
        finally:
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
            self._wait()
            data = os.read(self.receive, 65536)
            if not data:
                raise self._ended()
            self.buffer += data

    def _wait(self) -> None:
        """Wait for the next bytes; look after all processes meanwhile."""
        until = time.monotonic() + WALL_SECONDS
        while not select.select([self.receive], [], [], LOOK_SECONDS)[0]:
            if problem := self.nursery.too_much():
                self.kill()
                raise HandlerFault("limit", problem)
            if time.monotonic() > until:
                self.kill()
                raise HandlerFault(
                    "endless",
                    f"your code did nothing for {WALL_SECONDS:.0f} seconds: it waits for something "
                    "outside the kernel.",
                )

    def _ended(self) -> HandlerFault:
        """Say why the process is gone."""
        code = os.waitstatus_to_exitcode(self.kill(GRACE))
        if code == -signal.SIGPROF:
            return HandlerFault("endless", ENDLESS.format(seconds=CPU_SECONDS))
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return HandlerFault("crash", f"the process that ran your code, its kernel, ended by itself ({how}).")

    def printed(self) -> str:
        """Give what the handler printed, up to a limit."""
        self.output.seek(0)
        return self.output.read(OUTPUT_BYTES).decode("utf-8", "replace")

    def kill(self, grace: float = 0.0) -> int:
        """End the process and its group, after some seconds to end by itself; give its wait status."""
        if self.ended is None:
            self.ended = self.nursery.end(self.child, grace)
        return self.ended

    def close(self) -> None:
        """End the process and release what belongs to it."""
        try:
            self.kill()
        finally:
            os.close(self.receive)
            os.close(self.send)
            self.output.close()


def open_process() -> Spoken:
    """Give a process for a learner's code, in the talk that is going on (`course.conversations`).

    Where there are no processes (`course.inline`), the code runs in this one.
    """
    if not PROCESSES:
        return Inline()
    talk = talk_in_use()
    return start_process() if talk is None else talk.process()


def start_process() -> Spoken:
    """Start a process for a learner's code, or give what stands for one (`course.tape`)."""
    tape = tape_in_use()
    if tape is None:
        return Process()
    return tape.process(None if tape.playing else Process())


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
        self._process: Spoken | None = None
        self._remote: RemoteSource | None = None

    def __enter__(self) -> ChildHandler:
        """Start the process and load the function."""
        self._process = open_process()
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
