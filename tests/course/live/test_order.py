"""The order of events, read from a run of the emulator."""

from __future__ import annotations

import pytest

from course.conform.experiment import Experiment
from course.live.order import folded, order_of
from pyemu.machine import run
from pyemu.tree import Tree


@pytest.mark.parametrize(
    ("access", "event", "order"),
    [
        ("user_read", "none", "message copy end"),
        ("user_read", "wake1", "message wake message copy end"),
        ("user_read", "sig2", "message SIGUSR1 handler message SIGUSR1 handler message copy end"),
        ("pvm_readv", "sig1", "message SIGUSR1 copy handler end"),
        ("user_read", "stop", "message SIGSTOP SIGCONT message copy end"),
        ("user_write", "kill", "message SIGKILL end"),
        ("user_read", "unreg", "message unregister end"),
        ("user_read", "close", "message close end"),
        ("procmem", "none", "end"),
    ],
)
def test_an_order_is_told_in_the_words_of_the_monitor(access: str, event: str, order: str) -> None:
    assert order_of(run(Experiment(access, event).scenario(), Tree.v5_7)) == order.split()


def test_of_a_busy_loop_the_first_message_is_kept() -> None:
    looping = order_of(run(Experiment("read_zero", "sig1").scenario(), Tree.v5_7))
    assert looping.count("message") > 1
    assert folded(looping) == ["message", "SIGUSR1", "copy", "handler", "end"]
    assert folded(["end"]) == ["end"]
