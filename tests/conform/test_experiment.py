"""The recorded experiment as a scenario: names, times, what isn't modelled."""

from __future__ import annotations

import pytest

from course.conform.experiment import BETWEEN_SIGNALS, COPY_AFTER_SIGNAL, EVENT_AT, Experiment
from course.conform.kernels import NotModelled
from pyemu import Tree, run
from pyemu.errors import RecordError

# What the monitor does (signals, wakes, the end of the fault), in us after the first message was read.
TIMES = {
    "none": [("copy", 50_000)],
    "sig1": [("SIGUSR1", 50_000), ("copy", 350_000)],
    "sig1r": [("SIGUSR1", 50_000), ("copy", 350_000)],
    "sig3": [("SIGUSR1", 50_000), ("SIGUSR1", 110_000), ("SIGUSR1", 170_000), ("copy", 350_000)],
    "stop": [("SIGSTOP", 50_000), ("SIGCONT", 200_000), ("copy", 350_000)],
    "unreg": [("unregister", 50_000)],
    "close": [("close", 50_000)],
    "wake2": [("wake", 10_000), ("wake", 20_000), ("copy", 30_000)],
}
NEAR = 10  # us: an attempt takes 1, so a later message comes a little late


@pytest.mark.parametrize("event", TIMES)
def test_the_monitor_acts_at_the_times_of_the_recording_program(event: str) -> None:
    trace = run(Experiment("user_read", event).scenario(), Tree.v5_7).trace
    first = trace.select("message_read", task="M")[0].t
    done = []
    for one in trace.select("signal_sent", "report", "uffd", task="M"):
        if one.kind == "signal_sent":
            done.append((one.text.split()[0], one.t - first))
        elif one.kind == "report" and one.a == "resolve":
            done.append((str(one.b), one.t - first))
        elif one.kind == "uffd" and event.startswith("wake") and not any(name == "copy" for name, _ in done):
            done.append(("wake", one.t - first))
    assert [name for name, _ in done] == [name for name, _ in TIMES[event]]
    late = [t - due for (_, t), (_, due) in zip(done, TIMES[event], strict=True)]
    assert [one for one in late if not 0 <= one <= NEAR] == []


def test_the_page_comes_after_the_last_signal_however_many_there_are() -> None:
    trace = run(Experiment("user_read", "sig9").scenario(), Tree.v5_7).trace
    last = trace.select("signal_sent", task="M")[-1]
    copied = next(one for one in trace.select("report", task="M") if one.a == "resolve")
    assert last.t > EVENT_AT + COPY_AFTER_SIGNAL
    assert last.t < copied.t < last.t + BETWEEN_SIGNALS


@pytest.mark.parametrize("access", ["user_read", "user_write"])
def test_only_page_1_is_missing_and_the_whole_area_is_registered(access: str) -> None:
    (area,) = Experiment(access, "none").scenario().areas
    assert (area.pages, area.populated, area.userfaultfd) == (4, (0,), "missing")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("user_reed", "none"), "access 'user_reed' is unknown: it must be one of user_read,"),
        (("user_read", "wake0"), "event 'wake0' is unknown"),
        (("user_read", "wake"), "event 'wake' is unknown"),
        (("user_read", "sig2r"), "event 'sig2r' is unknown"),
        (("user_read", "sig\u0663"), "is unknown"),
        (("user_read", "sig" + "9" * 5000), "is unknown"),
        (("user_read", "wake10001"), "N goes up to 10000"),
        (("user_read", "none", "anonymous"), "mem 'anonymous' is unknown: it must be one of anon, shmem"),
    ],
)
def test_an_unknown_name_is_refused(words: tuple[str, str], named: str) -> None:
    with pytest.raises(RecordError, match=named) as refused:
        Experiment(*words)
    assert not isinstance(refused.value, NotModelled)


def test_a_near_miss_gets_a_hint() -> None:
    with pytest.raises(RecordError, match=r"Did you mean user_read\?"):
        Experiment("user_reed", "none")
