"""The sandbox holds, and a hole in it is noticed."""

from __future__ import annotations

import platform
import struct

import pytest

from course.child_functions import Answers
from course.grading import sandbox
from course.grading.sandbox import bubblewrap, find_sandbox, probe, sandboxed
from course.grading.seccomp import ARCHITECTURES, REFUSED, program
from course.nursery import ROOT
from pyemu.handler import HandlerFault

FOUND = find_sandbox()
needs_a_sandbox = pytest.mark.skipif(FOUND.level < 2, reason=FOUND.reason or "there is a sandbox")


@needs_a_sandbox
def test_it_holds():
    assert probe(bubblewrap()) == ""


# What is left out of the command line, and what the probe then finds.
HOLES = {
    "--unshare-all": "reach the network",
    "--remount-ro": "write a file",
    "--seccomp": "make a system call of the list",
}


@needs_a_sandbox
@pytest.mark.parametrize("option", HOLES)
def test_a_hole_in_it_is_noticed(option: str, monkeypatch: pytest.MonkeyPatch):
    whole = sandbox._command

    def with_a_hole() -> tuple[list[str], list[int]]:
        words, descriptors = whole()
        at = words.index(option)
        n_values = 0 if option == "--unshare-all" else 1
        rest = ["--unshare-user", "--unshare-pid"] if option == "--unshare-all" else []
        return words[:at] + rest + words[at + 1 + n_values :], descriptors

    monkeypatch.setattr(sandbox, "_command", with_a_hole)
    assert HOLES[option] in probe(bubblewrap())


@needs_a_sandbox
@pytest.mark.parametrize("path", ["exercises", "pyemu/kernel"])
def test_files_of_the_course_that_can_be_seen_are_noticed(path: str, monkeypatch: pytest.MonkeyPatch):
    whole = sandbox._command

    def with_a_view() -> tuple[list[str], list[int]]:
        words, descriptors = whole()
        at = words.index("--remount-ro")
        return [*words[:at], "--ro-bind", f"{ROOT}/{path}", f"{ROOT}/{path}", *words[at:]], descriptors

    monkeypatch.setattr(sandbox, "_command", with_a_view)
    assert "read files of the course" in probe(bubblewrap())


@needs_a_sandbox
def test_a_sandbox_that_does_not_start_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "_command", lambda: (["bwrap", "--no-such-option"], []))
    found = find_sandbox()
    assert found.level == 0
    assert "bubblewrap does not work here" in found.reason


def test_without_bubblewrap_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_sandbox()
    assert found.level == 0
    assert "apt-get install bubblewrap" in found.reason or platform.machine() not in ARCHITECTURES


def bombed(answers: Answers) -> int:
    """Give how many processes were started before the limit; whoever goes beyond it is stopped: 1."""
    try:
        return int(answers.call("bomb"))
    except HandlerFault as fault:
        # An administrator's processes are not limited one by one: all of them are counted together.
        assert (fault.rule, "processes" in str(fault)) == ("limit", True)  # noqa: PT017  both ways are right
        return 1


@needs_a_sandbox
def test_a_submission_starts_few_processes_and_can_not_kill_the_nursery():
    source = (
        "import os, signal\n"
        "def bomb():\n"
        "    n = 0\n"
        "    try:\n"
        "        while True:\n"
        "            if os.fork() == 0:\n"
        "                import time; time.sleep(30)\n"
        "            n += 1\n"
        "    except BlockingIOError:\n"
        "        return n\n"
        "def kill():\n"
        "    for number in (1, os.getppid()):\n"
        "        try:\n"
        "            os.kill(number, signal.SIGKILL)\n"
        "        except OSError:\n"
        "            pass\n"
        "    return os.getppid()\n"
    )
    with sandboxed(bubblewrap()) as nursery:
        with Answers(source, ["bomb", "kill"]) as answers:
            assert answers.call("kill") == 1
            assert bombed(answers) < sandbox.PROCESSES
        pid = nursery.pid
        nursery.sweep()
        with Answers(source, ["bomb", "kill"]) as answers:
            assert 0 < bombed(answers) < sandbox.PROCESSES  # none is left of those before
        assert nursery.pid == pid


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_is_a_program_whose_jumps_stay_inside(machine: str):
    data = program(machine)
    code = [struct.unpack_from("=HBBI", data, at) for at in range(0, len(data), 8)]
    assert len(code) < 4096
    for at, (operation, yes, no, _) in enumerate(code):
        if operation & 7 == 5:
            assert at + 1 + max(yes, no) < len(code)
    assert code[-1][0] == 6


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_decides_as_its_list_says(machine: str):
    def decides(number: int, argument: int = 0, arch: int | None = None) -> int:
        data = {0: number, 4: ARCHITECTURES[machine] if arch is None else arch, 16: argument}
        code = program(machine)
        at = value = 0
        while True:
            operation, yes, no, k = struct.unpack_from("=HBBI", code, at * 8)
            at += 1
            if operation == 0x20:
                value = data[k]
            elif operation == 0x06:
                return int(k)
            else:
                true = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[operation]
                at += yes if true else no

    column = list(ARCHITECTURES).index(machine)
    allow, kill = 0x7FFF0000, 0x80000000
    clone, clone3, sock = (56, 220)[column], 435, (41, 198)[column]
    for numbers in REFUSED.values():
        assert decides(numbers[column]) == 0x50001
    assert decides(clone3) == 0x50000 + 38
    assert decides(clone, 0x01200011) == allow  # fork
    assert decides(clone, 0x10000000) == 0x50001  # CLONE_NEWUSER
    assert [decides(sock, family) for family in (1, 2, 10)] == [allow] * 3
    assert decides(sock, 40) == 0x50000 + 97  # AF_VSOCK
    assert decides(63) == allow
    assert decides(0x40000000 + 1) == 0x50001
    assert decides(63, arch=0) == kill


def test_a_machine_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="system calls of vax are not known; known are x86_64, aarch64"):
        program("vax")
