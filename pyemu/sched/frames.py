"""Frames: one running kernel function, the kernel's own or a learner's.

A frame is resumed with the result of its last effect and gives its next one, or `Done`. The kernel's own
functions run here as coroutines; a learner's function runs in this process (`pyemu.handler`) or in a child
behind the same interface (`pyemu.remote`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from pyemu.calls import KernelFunction
from pyemu.effects import Effect
from pyemu.handler import Done


class Frame(Protocol):
    """One running kernel function."""

    name: str
    override: bool

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect (None at first)."""

    def close(self) -> None:
        """End early."""


class Source(Protocol):
    """Where the frames of a replaced function come from."""

    def start(self, name: str, args: tuple[Any, ...]) -> Frame:
        """Start the function with its arguments."""


class KernelFrame:
    """A frame of the kernel's own code; its coroutine is made when it is first resumed.

    So a machine that is never run leaves no coroutine behind that was never awaited.
    """

    __slots__ = ("_send", "args", "coroutine", "function", "name", "override")

    def __init__(self, name: str, function: KernelFunction, args: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.override = False
        self.coroutine: Coroutine[Any, Any, Any] | None = None
        self.function = function
        self.args = args
        self._send: Callable[[Any], Any] = self._start

    def _start(self, _: Any) -> Any:
        self.coroutine = self.function(*self.args)
        self._send = self.coroutine.send
        return self._send(None)

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect."""
        try:
            answer: Effect[Any] = self._send(value)
        except StopIteration as stop:
            return Done(stop.value)
        return answer

    def close(self) -> None:
        """End early."""
        if self.coroutine is not None:
            self.coroutine.close()
