"""The kernel that runs here, asked within a limit of time: by root, by an ordinary user, or not at all."""

from __future__ import annotations

import errno
import json
import platform
import re
import subprocess
import sys

import pytest

from course.conform.experiment import Experiment
from course.conform.kernels import kernel_of
from course.conform.prediction import predict
from course.live import monitor, uffd
from course.live.monitor import EVENTS, Answer, ask
from course.live.uffd import Refused


def answered(access: str, event: str, user_mode_only: bool | None = None, seconds: float = 5.0) -> Answer:
    try:
        return ask(access, event, user_mode_only, seconds)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("access", ["user_read", "read_zero"])
def test_it_does_what_its_tree_says(access: str, event: str) -> None:
    got = answered(access, event)
    found = re.match(r"\d+\.\d+", got.kernel)
    assert found
    ran = kernel_of(found[0])
    done = Experiment(access, event, user_mode_only=got.user_mode_only)
    said = predict(done, ran.tree, ran.computer).fields
    assert (got.outcome, got.messages) == (said["outcome"], said["messages"])
    assert got.majflt == said["majflt"]


def test_a_userfaultfd_of_user_mode_only_does_not_serve_the_kernel() -> None:
    got = answered("read_zero", "none", True)
    assert (got.outcome, got.messages, got.state_blocked) == ("EFAULT", 0, "-")


def test_the_limit_of_time_ends_a_victim_that_nobody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EVENTS, "wake1", (0.01, 1_000_000))
    got = answered("user_read", "wake1", seconds=1.0)
    assert got.outcome == "HUNG"
    assert got.messages >= 1
    assert got.minflt is None


def test_a_victim_that_ends_without_a_word_is_told_by_its_signal() -> None:
    answer = Answer("5.4.59", "user_read", "wake1", False, "HUNG", 1, "S")
    for name, outcome in (("SIGBUS", "SIGBUS"), ("SIGKILL", "killed:9")):
        code = f"import os, signal; os.kill(os.getpid(), signal.{name})"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as victim:
            told = monitor._told(victim, answer)
        assert (told.outcome, told.messages, told.minflt) == (outcome, 1, None)


@pytest.mark.parametrize(
    ("number", "user_mode_only", "words"),
    [
        (errno.EPERM, False, "for root"),
        (errno.EPERM, True, "a container filters the call"),
        (errno.EINVAL, True, "it came with Linux 5.11"),
        (errno.ENOSYS, False, "built without userfaultfd"),
        (errno.ENOMEM, False, "userfaultfd gave ENOMEM"),
    ],
)
def test_a_refusal_says_why(number: int, user_mode_only: bool, words: str) -> None:
    line = json.dumps({"errno": number}).encode()
    assert words in str(monitor._refusal(line, user_mode_only))


def test_a_victim_that_ends_before_it_asks_is_a_refusal() -> None:
    assert "before it could ask" in str(monitor._refusal(b"", False))


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Refused, match="a system call of Linux"):
        uffd.open_userfaultfd()


def test_an_unknown_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(Refused, match="on vax is not known"):
        uffd.open_userfaultfd()


def test_requests_are_the_numbers_of_linux_on_x86() -> None:
    numbers = (uffd.UFFDIO_API, uffd.UFFDIO_REGISTER, uffd.UFFDIO_WAKE, uffd.UFFDIO_COPY)
    assert [hex(one) for one in numbers] == ["0xc018aa3f", "0xc020aa00", "0x8010aa02", "0xc028aa03"]


@pytest.mark.parametrize(
    ("access", "event", "seconds", "words"),
    [
        ("mlock", "none", 5.0, "an access is one of user_read"),
        ("user_read", "kill", 5.0, "an event one of none"),
        ("user_read", "none", 0.0, r"seconds is 0.0: it must be from 0\.2 to 60"),
    ],
)
def test_bad_names_and_limits_are_refused(access: str, event: str, seconds: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(access, event, seconds=seconds)
