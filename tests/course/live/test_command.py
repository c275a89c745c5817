"""``faultlab live``: the running kernel beside the emulator, in words, or a refusal with the recordings."""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from course.cli import app
from course.conform.experiment import Experiment
from course.conform.records import read_records
from course.conform.replay import Verdict, replay
from course.live import asking, monitor
from course.live.monitor import Answer, ask
from course.live.planning import plan_of
from course.live.uffd import Refused
from pyemu.errors import FaultlabError


def live(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["live", *arguments], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answering(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ask", lambda *_: answer)


def test_the_running_kernel_agrees_and_its_record_is_read_by_conform(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    result = live("wake1", "sig1", "--access", "user_read", "--runs", "2", "--record", str(file))
    if "can't be asked" in result.output:
        pytest.skip(f"no userfaultfd here: {result.output}")
    assert result.exit_code == 0, result.output
    assert "emulator, " in result.output
    assert "user_read wake1: " in result.output
    records = read_records([file])
    assert len(records) >= 6
    assert {row.verdict for row in replay(records) if row.record.values["event"] == "none"} == {Verdict.MATCH}
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[0])["order"] == "message copy end"


def test_a_kernel_that_disagrees_gives_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    result = {"outcome": "ret=9", "blocked_us": 1, "minflt": 0, "majflt": 0}
    answering(
        Answer(False, [result], "done", "none", [0], [("blocked", "S")], ["message", "end"]), monkeypatch
    )
    got = live("none", "--access", "user_write")
    assert got.exit_code == 1
    assert "user_write none, outcome: the kernel ret=9, the emulator ret=7 (3 of 3 runs; NOT EXPLAINED)" in (
        got.output
    )
    assert "1 experiments: 1 DIFFERS." in got.output


def test_a_refusal_gives_the_reason_the_recordings_and_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> Answer:
        raise monitor._refusal(b'{"errno": 1}', True)

    monkeypatch.setattr(asking, "ask", refuses)
    result = live("none", "wake1", "W2", "--access", "user_read,futex_op")
    assert result.exit_code == 0
    for words in (
        "a container filters the call",
        "vm.unprivileged_userfaultfd=1",
        "recorded ",
        "W2:",
        "futex_op wake1:",
    ):
        assert words in result.output


def test_a_filter_of_system_calls_is_a_refusal(tmp_path: Path) -> None:
    """In a real sandbox without /dev/userfaultfd, whose filter answers the call with EPERM."""
    if platform.machine() != "x86_64" or shutil.which("bwrap") is None:
        pytest.skip("the filter is written for x86_64, and bwrap installs it")
    load, equal, give = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 0), (equal, 0, 1, 323), (give, 0, 0, 0x00050001), (give, 0, 0, 0x7FFF0000)]
    file = tmp_path / "filter"
    file.write_bytes(b"".join(struct.pack("=HBBI", *line) for line in lines))
    with file.open("rb") as rules:
        number = str(rules.fileno())
        box = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--seccomp", number]
        command = [sys.executable, "-m", "course.cli", "live", "none", "--access", "user_read"]
        got = subprocess.run(
            [*box, *command], capture_output=True, text=True, check=False, pass_fds=[rules.fileno()]
        )
    if got.stderr.startswith("bwrap:"):
        pytest.skip(f"no sandbox here: {got.stderr}")
    assert got.returncode == 0, got.stderr
    assert "a container filters the call" in got.stdout
    assert "recorded " in got.stdout


def test_nothing_is_recorded_where_nothing_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> Answer:
        raise Refused("there is none.")

    monkeypatch.setattr(asking, "ask", refuses)
    file = tmp_path / "mine.jsonl"
    result = live("none", "--record", str(file))
    assert not file.exists()
    assert "Nothing is recorded" in result.output


def test_the_list_names_every_event_and_access() -> None:
    result = live("--list")
    assert result.exit_code == 0
    for name in ("wakeN", "close", "odirect", "user_read", "minor-fault"):
        assert name in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wakeup"], "event 'wakeup' is unknown"),
        (["--access", "user_reed"], "Did you mean user_read"),
        (["--access", ","], "--access names none"),
        (["--mem", "huge"], "mem 'huge' is unknown"),
        (["none", "--qemu", "vmlinuz", "--as-user"], "--as-user is for the kernel that runs here"),
        (["S13", "--qemu", "vmlinuz"], "the scenario S13 is for the kernel that runs here"),
        (["none", "--limit", "0.1"], "--limit: seconds is 0.1: it must be from 0.2 to 60"),
    ],
)
def test_what_is_not_there_is_named(arguments: list[str], words: str) -> None:
    with pytest.raises(FaultlabError, match=words):
        live(*arguments)


def test_only_root_becomes_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(FaultlabError, match="--as-user is for root"):
        live("none", "--as-user")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("course.live.command.NOBODY", "no-such-user")
    with pytest.raises(FaultlabError, match="there is no user 'no-such-user'"):
        live("none", "--as-user")


def test_a_plan_that_needs_time_gets_no_more_than_its_limit() -> None:
    try:
        got = ask(plan_of(Experiment("user_read", "wake100").scenario()), seconds=0.4)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")
    assert got.outcome == "HUNG"
    assert 1 <= got.order.count("wake") < 100
