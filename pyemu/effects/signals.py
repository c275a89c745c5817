"""Signals: ask, send, take, deliver."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Task
from pyemu.effects.operations import operation
from pyemu.effects.records import Siginfo


@operation()
def signal_pending(task: Task) -> bool:
    """Say whether the task was told of a signal that it doesn't block (TIF_SIGPENDING)."""


@operation()
def fatal_signal_pending(task: Task) -> bool:
    """Say whether SIGKILL is pending for the task."""


@operation()
def send_signal(task: Task, signal: int) -> None:
    """Send a signal to a task's process, as kill(2) does."""


@operation()
def send_signal_to_thread(task: Task, signal: int) -> None:
    """Send a signal to one thread, as tgkill(2) does."""


@operation()
def set_current_blocked(signal: int, block: bool) -> None:
    """Block or unblock a signal for the running thread, as sigprocmask(2) does."""


@operation(turn=False)
def force_sig_fault(signal: int, code: int, address: int) -> None:
    """Send the running task a signal for a fault that it can't ignore."""


@operation()
def dequeue_signal() -> Siginfo | None:
    """Take the next pending signal of the running task."""


@operation()
def flush_signals(task: Task) -> None:
    """Throw away every pending signal of a task. Kernel threads use it; user tasks lose signals."""


@operation(turn=False)
def deliver_signal(signal: int) -> str:
    """Do what the running task asked for, and say what that was.

    ``handler``, ``restart`` (a handler that asks for system calls to be made again), ``escape`` (a handler
    that leaves the access), ``stop``, ``kill`` or ``ignore``.
    """


@operation(turn=False)
def do_signal_stop() -> bool:
    """Set the running task to stopped, until SIGCONT or SIGKILL; say whether it is: `schedule` comes next."""


@operation(turn=False)
def signal_action(signal: int) -> str:
    """Say what a signal would do to the running task, as `deliver_signal` does it."""


@operation(turn=False)
def reset_signal_action(signal: int) -> None:
    """Give a signal back its default, for the running task's process."""


@operation()
def setitimer(ticks: int, interval: int, count: int) -> None:
    """Set the timer of the running task's process, as setitimer(2) does, in us.

    `count` stands for the program: its handler switches the timer off after that many runs; 0: never.
    """


@operation()
def itimer_rings(process: int) -> None:
    """Wait until a process's timer rings, and send it SIGALRM. For the timer."""
