"""An effect: one operation that a kernel function asks for, and the sentence for a forgotten ``await``."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeVar

from pyemu.errors import ForgottenAwait

R = TypeVar("R")


class Effect(Generic[R]):
    """One operation that a kernel function asks for; ``await`` it to have it done.

    Attributes
    ----------
    op : str
        Name of the operation; ``call`` is a call of another kernel function.
    args : tuple
        Plain values and handles.
    """

    __slots__ = ("args", "awaited", "op")

    def __init__(self, op: str, args: tuple[Any, ...] = ()) -> None:
        self.op = op
        self.args = args
        self.awaited = False

    def __await__(self) -> Generator[Effect[Any], Any, R]:
        self.awaited = True
        result: R = yield self
        return result

    @property
    def title(self) -> str:
        """The name to show: of the operation, the field or the called function."""
        if self.op == "call":
            return f"{self.args[0]}(...)"
        if self.op.startswith("read_"):
            return f"{self.op.removeprefix('read_')}.{self.args[1]}"
        return f"{self.op}(...)"

    def __repr__(self) -> str:
        return f"<effect {self.title}: await it>"

    def _forgotten(self, *_: Any) -> Any:
        self.awaited = True  # reported here, so not once more as dropped
        raise ForgottenAwait(self.title)

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _forgotten
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _forgotten
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __pow__ = __rpow__ = _forgotten
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = __mod__ = __rmod__ = _forgotten
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __neg__ = __pos__ = __abs__ = _forgotten
    __int__ = __float__ = __index__ = __iter__ = __len__ = __call__ = _forgotten
    __getitem__ = __setitem__ = __contains__ = __enter__ = __exit__ = _forgotten
    __hash__ = _forgotten  # what is put into a set or a dict is compared

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._forgotten()

    def __del__(self) -> None:
        if not self.awaited:
            _dropped.append(self.title)


# Effects that were built and thrown away without being awaited: the executor empties this after each
# step of a coroutine and reports what it finds. CPython drops an object as soon as nobody holds it.
_dropped: list[str] = []


def take_dropped() -> list[str]:
    """Give and forget the titles of effects that were dropped without being awaited."""
    found = _dropped[:]
    _dropped.clear()
    return found
