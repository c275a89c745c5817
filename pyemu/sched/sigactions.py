"""What a signal does: what the process asked for, or the default of its number.

References
----------
Linux v5.7, include/linux/signal.h, the table of signal actions; kernel/signal.c, sig_fatal
[fact:signal-default-ignored] [fact:signal-numbers].
"""

from __future__ import annotations

from pyemu.flags import SIGBUS, SIGCHLD, SIGCONT, SIGKILL, SIGSEGV, SIGSTOP, Signal
from pyemu.sched.tasks import Task

IGNORED_BY_DEFAULT = frozenset({SIGCHLD, SIGCONT, Signal.SIGURG, Signal.SIGWINCH})
STOPS = frozenset({SIGSTOP, Signal.SIGTSTP})
# Deadly by default, and they leave a core file: so the threads die when it is taken, not when it is sent.
CORE = frozenset({Signal.SIGQUIT, Signal.SIGILL, Signal.SIGABRT, SIGBUS, Signal.SIGFPE, SIGSEGV})
SYNCHRONOUS = frozenset({Signal.SIGILL, SIGBUS, Signal.SIGFPE, SIGSEGV})  # caused by an access: taken first
HANDLERS = ("handler", "restart", "escape")


def signal_name(signal: int) -> str:
    """Name a signal, or give its number."""
    return Signal(signal).name if signal in Signal.__members__.values() else f"signal {signal}"


def action_of(task: Task, signal: int) -> str:
    """Say what a signal does: ``handler``, ``restart``, ``escape``, ``ignore``, ``stop`` or ``kill``."""
    if signal == SIGKILL:
        return "kill"
    if signal == SIGSTOP:
        return "stop"
    asked = task.actions.get(signal, "default")
    if asked != "default":
        return asked
    if signal in IGNORED_BY_DEFAULT:
        return "ignore"
    return "stop" if signal in STOPS else "kill"


def deadly_when_sent(task: Task, signal: int) -> bool:
    """Say whether a signal becomes SIGKILL for every thread the moment it is sent (``sig_fatal``)."""
    return action_of(task, signal) == "kill" and signal not in CORE
