"""Run a command under valgrind's lackey, and write the accesses that it makes as they come."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from course.trace.lackey import Lackey
from pyemu.errors import FaultlabError
from pyemu.memtrace import Header, MemtraceWriter, Totals
from pyemu.memtrace.files import Chunk

__all__ = ["record", "tool_version"]

_PIECE = 1 << 20  # bytes that the pipe holds, as far as the kernel grants it
_OPTIONS = ("-q", "--tool=lackey", "--basic-counts=no", "--trace-mem=yes", "--child-silent-after-fork=yes")


def record(command: Sequence[str], path: Path, date: str, limit: int | None = None) -> Totals:
    """Record the accesses of a command into a file; its own output goes where it always goes.

    Accesses of the command's own process are recorded, not those of processes that it starts. Until the
    recording is over the file is called `path` with ``.part`` at the end.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    path : Path
        The file; an older one is replaced.
    date : str
        For the header.
    limit : int, optional
        End the command after so many accesses.

    Returns
    -------
    Totals
        What was recorded, and how the command ended.

    Raises
    ------
    FaultlabError
        There is no valgrind or no such command, or nothing was recorded.
    """
    tool = f"{tool_version()} lackey"
    if shutil.which(command[0]) is None:
        raise FaultlabError(f"there is no command {command[0]!r}: give one that your shell finds.")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            writer = MemtraceWriter(file, Header(tuple(command), date, tool))
            with (
                writer,
                tqdm(total=limit, unit=" accesses", unit_scale=True, leave=False, disable=None) as bar,
            ):
                run = _Run(command)
                for chunk in run.chunks(limit):
                    writer.append(*chunk)
                    bar.update(len(chunk.kinds))
                if not writer.n:
                    said = " / ".join(run.messages) or "nothing"
                    raise FaultlabError(f"{command[0]} made no access that valgrind saw; it says: {said}.")
                writer.ended = run.ended
            part.replace(path)
            return writer.totals
    finally:
        part.unlink(missing_ok=True)


def tool_version() -> str:
    """Ask valgrind for its version.

    Raises
    ------
    FaultlabError
        There is none.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise FaultlabError(
            "valgrind is not here, and a recording needs it: apt-get install valgrind (Debian, Ubuntu). "
            "`faultlab trace show`, run and curve work without it, on the recording that comes along."
        )
    return subprocess.run([valgrind, "--version"], capture_output=True, text=True, check=True).stdout.strip()


class _Run:
    """One run of a command under valgrind."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.ended = ""
        """How it ended, in words."""
        self._lackey = Lackey()

    @property
    def messages(self) -> list[str]:
        """What valgrind itself said."""
        return self._lackey.messages

    def chunks(self, limit: int | None) -> Iterator[Chunk]:
        """Run, and give the accesses as they come."""
        source, sink = os.pipe()
        with contextlib.suppress(OSError):  # a small pipe is slower, no more
            fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _PIECE)
        words = ["valgrind", *_OPTIONS, f"--log-fd={sink}", "--", *self.command]
        with (
            os.fdopen(source, "rb", buffering=0) as pipe,
            subprocess.Popen(words, pass_fds=[sink]) as process,
        ):
            os.close(sink)
            n = 0
            try:
                while data := pipe.read(_PIECE):
                    chunk = self._lackey.feed(data)
                    n += len(chunk.kinds)
                    if limit is not None and n >= limit:
                        rest = len(chunk.kinds) - (n - limit)
                        yield Chunk(chunk.addresses[:rest], chunk.kinds[:rest])
                        self.ended = f"ended after {limit} accesses, as asked"
                        break
                    yield chunk
                else:
                    self.ended = _how(process.wait())
            finally:
                process.kill()  # nothing, if it has ended


def _how(status: int) -> str:
    """Put the status of a process into words."""
    if status < 0:
        return f"the command was ended by {signal.Signals(-status).name}"
    return f"the command ended with status {status}"
