"""What a system call gives that could copy a part only: a learner's rule, tried on the emulator."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from course.asking import asked
from course.memory.touch import touch
from pyemu.flags import PAGE_SIZE

__all__ = ["try_result"]

WIDTH = 96


def try_result(function: Callable[[int, int], object]) -> None:
    """Let a learner's rule say what `write` gives, for buffers of which a part can be read.

    Parameters
    ----------
    function : callable
        ``my_result(asked, left)``: bytes that were asked for, bytes that could not be copied. It gives what
        the system call gives: a number of bytes, or ``"EFAULT"``.
    """
    n_agree = 0
    for n_good in range(1, 5):
        for first in range(4):
            for pages in range(1, 5 - first):
                step = f"syscall write {0x5000 + first * PAGE_SIZE:#x} {pages}"
                outcome = touch(step, file="cached", file_pages=n_good).accesses[0].outcome
                n_bytes = pages * PAGE_SIZE
                left = n_bytes - max(0, min(pages, n_good - first)) * PAGE_SIZE
                own, failed = asked(function, n_bytes, left)
                own = failed or own
                said = own if isinstance(own, str) else f"ret={own}"
                if said != outcome:
                    _say(
                        f"Calls that agree: {n_agree}, then this. Of {n_bytes} bytes, {left} could not be "
                        f"copied: my_result({n_bytes}, {left}) gave {own!r}, and write() gives something "
                        "else. "
                        f"{_why(own, left, n_bytes)}"
                    )
                    return
                n_agree += 1
    _say(f"Your rule and the kernel agree on all {n_agree} calls of write().")


def _why(own: object, left: int, n_bytes: int) -> str:
    if own is None or own == "?":
        return "A gap is still open."
    if left == n_bytes:
        return "Nothing was copied: there is no count to give, only an error."
    if own == "EFAULT":
        return "Some bytes were copied, and the caller has to know how many: a part done is no error."
    return "It gives the bytes that were copied, not those that were asked for, nor those that are left."


def _say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))
