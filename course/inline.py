"""A learner's code where there are no processes: in a browser. It runs in this one.

The judge is the same and says the same. What a process of its own gives is missing: no sandbox, no limit of
memory, and code that means harm can reach the judge. So nothing that was judged so counts for credit.
"""

from __future__ import annotations

import builtins
import sys
import tempfile
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from pyemu import wire
from pyemu.child import ENDLESS, OUTPUT_BYTES, BoundedOutput, Worker

__all__ = ["NOTE", "PROCESSES", "Inline"]

PROCESSES = sys.platform != "emscripten"
"""Whether this Python can start processes; in a browser it can't."""

NOTE = "Checked in this page: the same judge, but no sandbox. It does not count for credit."

SECONDS = 10.0  # of CPU time for one answer: Python in a browser takes a few times longer
LINES = 1000  # of a learner's code between looks at the clock


class Inline(Worker):
    """Stands for a process that runs a learner's code (`course.tape.Spoken`).

    Attributes
    ----------
    reply : callable
        Answers what the learner's code asks while it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        self.writes = BoundedOutput(self.output.fileno())
        self.reply: Callable[[bytes], bytes] = _nobody
        self.clock = _Clock()

    def question(self, message: bytes) -> bytes:
        """Ask the machine, and give its answer."""
        return self.reply(message)

    def guard_imports(self, namespace: dict[str, Any]) -> None:
        """Guard the ``import`` of this code alone: here the kernel is loaded, and the judge imports too."""

        def guarded(name: str, *where: Any) -> Any:
            names = where[2] if len(where) > 2 and where[2] else ()
            for one in (name, *(f"{name}.{part}" for part in names)):
                self.guard.find_spec(one)
            return builtins.__import__(name, *where)

        namespace["__builtins__"] = vars(builtins) | {"__import__": guarded}

    def exchange(self, message: bytes) -> bytes:
        """Answer a message; what the code prints is kept apart."""
        kept = sys.stdout, sys.stderr, sys.gettrace()
        sys.stdout = sys.stderr = self.writes
        self.clock.start()
        sys.settrace(self.clock.look)
        try:
            answer = self.answer(wire.decode(message))
        except _TooLong:
            answer = b""
        finally:
            sys.settrace(kept[2])
            sys.stdout, sys.stderr = kept[:2]
        if self.clock.over:
            return wire.encode("fault", -1, "endless", ENDLESS.format(seconds=SECONDS))
        return answer

    def printed(self) -> str:
        """Give what the code printed, up to a limit."""
        self.output.seek(0)
        return self.output.read(OUTPUT_BYTES).decode("utf-8", "replace")

    def close(self) -> None:
        """Forget it."""
        self.output.close()


class _TooLong(BaseException):
    """Ends a learner's code; not an `Exception`, so that ``except Exception`` lets it pass."""


class _Clock:
    """Looks at the time a learner's code takes, every so many lines."""

    def __init__(self) -> None:
        self.until = 0.0
        self.n_lines = 0
        self.over = False

    def start(self) -> None:
        self.until = time.process_time() + SECONDS
        self.over = False

    def look(self, frame: FrameType, event: str, arg: Any) -> Callable[..., Any]:
        """Be a trace function (`sys.settrace`)."""
        self.n_lines += 1
        if self.n_lines % LINES == 0 and time.process_time() > self.until:
            self.over = True
            raise _TooLong
        return self.look


def _nobody(question: bytes) -> bytes:
    raise ValueError("nobody answers here")
