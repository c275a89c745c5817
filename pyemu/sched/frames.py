"""Frames: one running kernel function, the kernel's own or a learner's.

A frame is resumed with the result of its last effect and gives its next one, or `Done`. The kernel's own
functions run here as coroutines; a learner's function runs in this process (`pyemu.handler`) or in a child
behind the same interface (`pyemu.remote`).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

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
    """A frame of the kernel's own code."""

    __slots__ = ("_send", "coroutine", "name", "override")

    def __init__(self, name: str, coroutine: Coroutine[Effect[Any], Any, Any]) -> None:
        self.name = name
        self.override = False
        self.coroutine = coroutine
        self._send = coroutine.send

    def resume(self, value: Any) -> Effect[Any] | Done:
        """Go on with the result of the last effect."""
        try:
            return self._send(value)
        except StopIteration as stop:
            return Done(stop.value)

    def close(self) -> None:
        """End early."""
        self.coroutine.close()
