"""Another kernel under qemu: what is packed for it, and what it tells."""

from __future__ import annotations

import gzip
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from course.conform.experiment import Experiment
from course.live import booted, qemu
from course.live.booted import asked_booted
from course.live.initramfs import PYTHON, files_of, initramfs
from course.live.monitor import Answer
from course.live.qemu import Booted, image
from pyemu.errors import FaultlabError


def unpacked(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a cpio archive of the form newc: name -> mode and content."""
    held, place = gzip.decompress(archive), 0
    found: dict[str, tuple[int, bytes]] = {}
    while True:
        assert held[place : place + 6] == b"070701"
        assert place % 4 == 0
        mode, size, length = (
            int(held[place + at : place + at + 8], 16) for at in (6 + 8, 6 + 8 * 6, 6 + 8 * 11)
        )
        name = held[place + 110 : place + 110 + length - 1].decode()
        start = place + (110 + length + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, held[start : start + size])
        place = (start + size + 3) // 4 * 4


def test_an_initramfs_holds_files_their_folders_and_a_console(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"four")
    (tmp_path / "b").write_bytes(b"three")
    held = unpacked(initramfs([tmp_path / "b", tmp_path / "a", tmp_path / "a"], {"/plans.jsonl": b"{}\n"}))
    folder = str(tmp_path).lstrip("/")
    assert held[f"{folder}/a"] == (0o100755, b"four")
    assert held[f"{folder}/b"] == (0o100755, b"three")
    assert held["plans.jsonl"] == (0o100755, b"{}\n")
    assert held["dev/console"] == (0o020600, b"")
    assert {name for name, (mode, _) in held.items() if mode == 0o040755} >= {"proc", "dev", "tmp", folder}
    names = list(held)
    assert names.index(folder) < names.index(f"{folder}/a"), "a folder comes before what is in it"


def test_what_is_packed_holds_the_guest_and_nothing_of_the_emulator() -> None:
    files = {str(one) for one in files_of(*qemu.MODULES)}
    assert str(PYTHON) in files
    names = " ".join(files)
    for needed in ("course/live/guest.py", "course/live/victim.py", "os.py", "libc.so", "encodings/utf_8.py"):
        assert needed in names
    assert not any(word in names for word in ("pyemu/", "numpy", "typer", "rich/"))


def test_a_kernel_is_an_image_or_a_package_of_one(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(b"kernel")
    assert image(tmp_path / "vmlinuz") == b"kernel"
    with pytest.raises(FaultlabError, match="can't be read: No such file"):
        image(tmp_path / "away")
    (tmp_path / "bad.deb").write_bytes(b"kernel")
    with pytest.raises(FaultlabError, match=r"bad\.deb can't be unpacked"):
        image(tmp_path / "bad.deb")


@pytest.mark.parametrize("name", ["./boot/vmlinuz-6.1", "./boot/config-6.1"])
def test_the_image_is_found_in_a_package(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = io.BytesIO()
    with tarfile.open(fileobj=tree, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 6
        archive.addfile(entry, io.BytesIO(b"kernel"))
    done = subprocess.CompletedProcess([], 0, tree.getvalue(), b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    package = tmp_path / "linux-image.deb"
    package.write_bytes(b"")
    if "vmlinuz" in name:
        assert image(package) == b"kernel"
    else:
        with pytest.raises(FaultlabError, match="holds no /boot/vmlinuz"):
            image(package)


def told(outcome: str = "ret=5", order: str = "message copy end", majflt: int = 1) -> Answer:
    result = {"outcome": outcome, "blocked_us": 1, "minflt": 1 - majflt, "majflt": majflt}
    result |= {"sw_page_faults": 1, "sw_page_faults_min": 1 - majflt, "sw_page_faults_maj": majflt}
    words = order.split()
    return Answer(False, [result], "done", "all", [0] * words.count("message"), [("blocked", "S")], words)


def test_what_a_guest_tells_is_compared_with_the_tree_of_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    wake = told(order="message wake message copy end")
    answers: list[Answer | str] = [told(), told(), wake, wake, "no such file here.", "no such file here."]
    monkeypatch.setattr(booted, "boot", lambda *_: Booted("6.1.0-47-cloud-amd64", answers))
    wanted = [
        Experiment("user_read", "none"),
        Experiment("user_read", "wake1"),
        Experiment("odirect", "none"),
    ]
    found, release = asked_booted(Path("kernel"), wanted, 2, 5.0)
    assert release == "6.1.0-47-cloud-amd64"
    assert [one.sides.n_agree for one in found] == [2, 2, 0]
    assert [one.sides.sides[-2].who for one in found[:2]] == ["emulator, v6_1"] * 2
    assert [one.values["n_cpus"] for one in found[0].records] == [2, 2]
    assert found[2].sides.reasons[0].text == "no such file here."


def test_a_kernel_that_tells_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FaultlabError, match="--qemu needs qemu-system-x86_64"):
        qemu.boot(kernel, [], 5.0)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(qemu, "files_of", lambda *_: [])
    lines = ['@faultlab {"release": "6.1"}', "Kernel panic"]
    monkeypatch.setattr(qemu, "_console", lambda *_: lines)
    with pytest.raises(FaultlabError, match=r"told 1 of 2 lines\. .* Kernel panic"):
        qemu.boot(kernel, [], 5.0)


def test_qemu_is_ended_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in tells its parent's death signal, as prctl(PR_GET_PDEATHSIG) gives it."""
    if shutil.which("setpriv") is None:
        pytest.skip("util-linux's setpriv is not there")
    qemu_ = tmp_path / "qemu"
    asks = "n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n))"
    code = f"import ctypes; {asks}; print('signal', n.value)"
    qemu_.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}"\n', encoding="utf-8")
    qemu_.chmod(0o755)
    monkeypatch.setattr(qemu, "QEMU", str(qemu_))
    assert qemu._console(tmp_path, 1.0, 1) == ["signal 9"]


@pytest.mark.long
def test_a_booted_kernel_does_what_its_tree_says() -> None:
    """FAULTLAB_KERNEL names an image or a Debian package, as for ``faultlab live --qemu``."""
    kernel = os.environ.get("FAULTLAB_KERNEL")
    if not kernel:
        pytest.skip("FAULTLAB_KERNEL names no kernel to boot")
    wanted = [Experiment("user_read", event) for event in ("none", "wake1", "sig1")]
    found, _ = asked_booted(Path(kernel), wanted, 3, 5.0)
    assert [one.sides.unexplained for one in found] == [(), (), ()]
