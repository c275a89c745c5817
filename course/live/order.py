"""What happened in which order: the same words for the emulator and for the real kernel.

The words are ``message`` (M reads one), ``handler`` (T's handler runs), ``end`` (T's access has ended), and
what M does: ``wake``, ``copy``, ``SIGUSR1`` and so on. The real monitor writes them down as it goes; here
they are read from a run of the emulator.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from pyemu.machine import Result
from pyemu.trace import Event

__all__ = ["folded", "order_of"]

# What M calls -> its word.
CALLS = {
    "userfaultfd_wake": "wake",
    "userfaultfd_copy": "copy",
    "userfaultfd_continue": "continue",
    "userfaultfd_writeprotect": "writeprotect",
    "userfaultfd_unregister": "unregister",
    "userfaultfd_release": "close",
}
MESSAGE = "message"


def order_of(result: Result) -> list[str]:
    """Give the order of a run whose victim is T and whose monitor is M.

    Parameters
    ----------
    result : Result
        Of a scenario with these two tasks.

    Returns
    -------
    list of str
        Up to the end of T.
    """
    victim, monitor = (result.scenario.task_number(name) for name in ("T", "M"))
    words: list[str] = []
    for event in result.trace:
        if event.kind == "exit" and event.task == victim:
            return [*words, "end"]
        word = _word(event, victim, monitor)
        if word:
            words.append(word)
    return words


def _word(event: Event, victim: int, monitor: int) -> str:
    match event.kind, event.task:
        case "message_read", task if task == monitor:
            return MESSAGE
        case "signal_sent", task if task == monitor:
            return signal.Signals(int(event.a)).name
        case "signal_taken", task if task == victim and event.b == "handler":
            return "handler"
        case "call", task if task == monitor:
            return CALLS.get(str(event.a), "")
    return ""


def folded(order: Sequence[str]) -> list[str]:
    """Give an order with its first message alone: of a busy loop the others come by chance."""
    first = order.index(MESSAGE) if MESSAGE in order else len(order)
    return [word for place, word in enumerate(order) if word != MESSAGE or place == first]
