"""The kernel that runs here, asked within a limit of time: by root, by an ordinary user, or not at all."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course.conform.experiment import ACCESSES, Experiment
from course.live import monitor, uffd
from course.live.asking import TRIES, asked_all
from course.live.monitor import Answer, ask
from course.live.planning import plan_of
from course.live.sides import Sides
from course.live.uffd import Refused

NOBODY = 65534
ROOT = os.geteuid() == 0


def answered(
    access: str,
    event: str,
    user_mode_only: bool | None = None,
    seconds: float = 5.0,
    user: int | None = None,
) -> Answer:
    try:
        return ask(plan_of(Experiment(access, event).scenario()), user_mode_only, seconds, user)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")


def judged(access: str, *events: str, user: int | None = None) -> list[Sides]:
    try:
        found = asked_all([Experiment(access, event) for event in ("none", *events)], 1, 10.0, user)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")
    return [one.sides for one in found]


@pytest.mark.parametrize("access", ["user_read", "user_write", "read_zero", "pvm_readv"])
def test_it_does_what_its_tree_says(access: str) -> None:
    for sides in judged(access, "wake1", "wake3", "sig1", "kill", "unreg"):
        assert sides.unexplained == (), sides
        assert sides.n_runs <= TRIES


@pytest.mark.parametrize(
    "access", sorted(set(ACCESSES) - {"user_read", "user_write", "read_zero", "odirect"})
)
def test_each_access_meets_its_page_as_its_tree_says(access: str) -> None:
    (got,) = judged(access)
    if not got.n_runs:
        pytest.skip(got.reasons[0].text)
    assert got.unexplained == ()


def test_an_ordinary_user_is_served_for_user_mode() -> None:
    user = NOBODY if ROOT else None
    for sides in [*judged("user_read", "wake1", "stop", user=user), *judged("read_zero", user=user)]:
        assert sides.unexplained == (), sides


def test_a_userfaultfd_of_user_mode_only_does_not_serve_the_kernel() -> None:
    got = answered("read_zero", "none", True)
    assert (got.outcome, got.flags, got.samples) == ("EFAULT", [], [])


def test_the_limit_of_time_ends_a_victim_that_nobody_serves() -> None:
    waiting = [{"do": "poll", "ticks": 9e9}]
    plan = replace(plan_of(Experiment("user_read", "none").scenario()), monitor=waiting)
    began = time.monotonic()
    try:
        got = ask(plan, seconds=0.5)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")
    assert (got.outcome, got.results, got.order) == ("HUNG", [], ["message"])
    assert time.monotonic() - began < monitor.START_SECONDS + 0.5


def test_nothing_is_left_behind() -> None:
    opened = sorted(Path("/proc/self/fd").iterdir())
    for event in ("none", "kill", "close"):
        answered("user_read", event)
    assert sorted(Path("/proc/self/fd").iterdir()) == opened
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
    assert [line for line in lines if b"course.live.victim" in line] == []


def test_a_victim_dies_with_its_monitor() -> None:
    code = (
        "from dataclasses import replace; from course.conform.experiment import Experiment\n"
        "from course.live.monitor import ask; from course.live.planning import plan_of\n"
        "plan = plan_of(Experiment('user_read', 'none').scenario())\n"
        "print(flush=True); ask(replace(plan, monitor=[{'do': 'pause', 'ticks': 9e9}]), seconds=60)"
    )
    answered("user_read", "none")  # or skip
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as asking:
        children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
        victim = wait_for(lambda: children.read_text(encoding="ascii").split())[0]
        wait_for(lambda: b"course.live.victim" in Path(f"/proc/{victim}/cmdline").read_bytes())
        wait_for(lambda: "userfaultfd" in links(asking.pid))
        asking.kill()
    wait_for(lambda: not Path(f"/proc/{victim}").exists() or state(victim) == "Z")


def wait_for(what, seconds: float = 30.0):
    """Wait until something is so, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if got := what():
            return got
        time.sleep(0.02)
    pytest.fail("it never was so")


def links(pid: int) -> str:
    """Give what a process has open."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    return " ".join(str(file.readlink()) for file in files if file.is_symlink())


def state(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def test_a_victim_that_ends_without_a_word_is_told_by_its_signal() -> None:
    plan = plan_of(Experiment("user_read", "none").scenario())
    for name, outcome in (("SIGBUS", "killed:7"), ("SIGKILL", "killed:9")):
        code = f"import os, signal; os.kill(os.getpid(), signal.{name})"
        got, handlers = Answer(False), os.open(os.devnull, os.O_RDONLY)
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as victim:
            player = monitor.Player(plan, victim, os.dup(handlers), handlers, 0, 30.0, got)
            player.ended = True
            player.play()
            player.close()
        os.close(handlers)
        assert (got.outcome, got.results) == (outcome, [])


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


def test_what_one_access_lacks_is_no_refusal_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(plan: object, *_: object) -> Answer:
        raise monitor._refusal(b'{"lacking": "no such file here."}', False)

    monkeypatch.setattr("course.live.asking.ask", lacks)
    (got,) = judged("odirect")
    assert (got.n_runs, got.reasons[0].text, len(got.sides)) == (0, "no such file here.", 1)


def test_memory_that_can_not_be_served_in_this_way_is_told() -> None:
    plan = replace(plan_of(Experiment("user_read", "none").scenario()), mode=uffd.MODES["minor"])
    with pytest.raises(Refused, match=r"minor faults of shared memory with 5\.14|userfaultfd") as refused:
        ask(plan)  # private memory has no minor faults
    if not isinstance(refused.value, uffd.Lacking):
        pytest.skip(f"no userfaultfd here: {refused.value}")


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


def test_the_device_gives_what_the_call_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.access(uffd.DEVICE, os.R_OK | os.W_OK):
        pytest.skip(f"{uffd.DEVICE} is not there, or not for us")

    def refuses(number: int, flags: int) -> int:
        raise PermissionError(errno.EPERM, "refused")

    monkeypatch.setattr(uffd, "_call", refuses)
    descriptor = uffd.open_userfaultfd()
    try:
        uffd.api(descriptor)
        assert "userfaultfd" in str(Path(f"/proc/self/fd/{descriptor}").readlink())
    finally:
        os.close(descriptor)
    monkeypatch.setattr(uffd, "DEVICE", "/dev/there-is-none")
    with pytest.raises(PermissionError, match="refused"):
        uffd.open_userfaultfd()


def test_requests_are_the_numbers_of_linux_on_x86() -> None:
    numbers = (uffd.UFFDIO_API, uffd.UFFDIO_REGISTER, uffd.UFFDIO_WAKE, uffd.UFFDIO_COPY)
    assert [hex(one) for one in numbers] == ["0xc018aa3f", "0xc020aa00", "0x8010aa02", "0xc028aa03"]
    later = (uffd.UFFDIO_UNREGISTER, uffd.UFFDIO_WRITEPROTECT, uffd.UFFDIO_CONTINUE, uffd.USERFAULTFD_IOC_NEW)
    assert [hex(one) for one in later] == ["0x8010aa01", "0xc018aa06", "0xc020aa07", "0xaa00"]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 61.0, float("nan")])
def test_limits_out_of_range_are_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"seconds is .*: it must be from 0\.2 to 60"):
        ask(plan_of(Experiment("user_read", "none").scenario()), seconds=seconds)


def test_sigbus_is_told_with_its_code_and_counters() -> None:
    """UFFD_FEATURE_SIGBUS: the fault is answered by SIGBUS, as by a kernel that may not wait again."""
    plan = replace(plan_of(Experiment("user_read", "none").scenario()), features=uffd.FEATURES["SIGBUS"])
    try:
        got = ask(plan)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")
    assert (got.outcome, got.order) == ("SIGBUS(code=2)", ["end"])
    assert got.results[0]["majflt"] == 0
