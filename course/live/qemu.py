"""Another kernel in an emulated machine: the same experiments, played by the same two programs.

qemu boots it with an initramfs in which there is this machine's Python and nothing else; the guest tells its
answers on the console. A kernel is an image (``bzImage``, ``vmlinuz``) or a Debian package of one.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from course.live.guest import MARK
from course.live.initramfs import PYTHON, files_of, initramfs
from course.live.monitor import ROOT, Answer
from course.live.plan import Plan
from pyemu.errors import FaultlabError

__all__ = ["Booted", "boot"]

QEMU = "qemu-system-x86_64"
PLANS = "/plans.jsonl"
BOOT_SECONDS = 300.0
LEAST_SECONDS = 20.0  # of one plan: an emulated CPU is slow
N_CPUS = 2
LAST_LINES = 8  # of the console, shown when it did not tell all
MEMORY_MB = 512
MODULES = ("course.live.guest", "course.live.victim")


@dataclass(frozen=True, slots=True)
class Booted:
    """What a booted kernel told.

    Attributes
    ----------
    release : str
        Of the kernel.
    answers : list of Answer or str
        One a plan; a text says why there is none.
    """

    release: str
    answers: list[Answer | str]


def boot(kernel: Path, plans: Sequence[Plan], seconds: float) -> Booted:
    """Boot a kernel and let it play plans.

    Parameters
    ----------
    kernel : Path
        An image, or a Debian package (``.deb``).
    plans : sequence of Plan
        What is done.
    seconds : float
        The limit of time of one plan; to boot it has `BOOT_SECONDS` more.

    Returns
    -------
    Booted
        An answer for each plan.

    Raises
    ------
    FaultlabError
        When qemu or the kernel is not there, or the kernel did not tell all in time.
    """
    if platform.machine() != "x86_64":
        raise FaultlabError(f"--qemu is for x86_64, and this is {platform.machine()}. Leave it out.")
    if shutil.which(QEMU) is None:
        raise FaultlabError(f"--qemu needs {QEMU}: apt-get install qemu-system-x86. Or leave it out.")
    lines = "".join(json.dumps(asdict(plan)) + "\n" for plan in plans)
    with tempfile.TemporaryDirectory(prefix="faultlab-") as name:
        folder = Path(name)
        (folder / "kernel").write_bytes(image(kernel))
        packed = initramfs(files_of(*MODULES), {PLANS: lines.encode()})
        (folder / "initramfs").write_bytes(packed)
        console = _console(folder, max(seconds, LEAST_SECONDS), len(plans))
    told = [json.loads(line.removeprefix(MARK)) for line in console if line.startswith(MARK)]
    if not told or "end" not in told[-1]:
        others = [line for line in console if line.strip() and not line.startswith(MARK)]
        raise FaultlabError(
            f"--qemu: {kernel} told {len(told)} of {len(plans) + 2} lines. It must be a kernel for x86_64 "
            "with CONFIG_USERFAULTFD and a serial console; if it is, try once more. The last of its console: "
            f"{' / '.join(others[-LAST_LINES:]) or 'nothing'}"
        )
    return Booted(told[0]["release"], [_answer(one) for one in told[1:-1]])


def _answer(told: dict[str, Any]) -> Answer | str:
    if "answer" not in told:
        return str(next(iter(told.values())))
    fields = told["answer"]
    return Answer(**fields | {"samples": [(label, state) for label, state in fields["samples"]]})


def image(kernel: Path) -> bytes:
    """Give a kernel's image, out of its package if it is in one."""
    try:
        held = kernel.read_bytes()
    except OSError as error:
        raise FaultlabError(f"--qemu {kernel} can't be read: {error.strerror}. Check the path.") from None
    if kernel.suffix != ".deb":
        return held
    try:
        tree = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(kernel)], capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=BytesIO(tree)) as archive:
            for member in archive:
                if member.name.startswith("./boot/vmlinuz-") and (found := archive.extractfile(member)):
                    return found.read()
    except (OSError, subprocess.CalledProcessError, tarfile.TarError) as error:
        raise FaultlabError(f"--qemu {kernel} can't be unpacked: {error}.") from None
    raise FaultlabError(f"--qemu {kernel} holds no /boot/vmlinuz: take a package linux-image-....")


def _console(folder: Path, seconds: float, n_plans: int) -> list[str]:
    """Run qemu, and give the lines of the console."""
    # An emulated clock is too late for the kernel's test of it, and nobody moves a mouse for random numbers.
    boot = f"console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on rdinit={PYTHON}"
    arguments = f"{boot} PYTHONPATH={ROOT} PYTHONHASHSEED=0 -- -P -m course.live.guest {PLANS} {seconds:g}"
    options = {
        "accel": "tcg,thread=multi",
        "cpu": "max",
        "m": str(MEMORY_MB),
        "smp": str(N_CPUS),
        "nic": "none",
        "display": "none",
        "serial": "stdio",
        "kernel": str(folder / "kernel"),
        "initrd": str(folder / "initramfs"),
        "append": arguments,
    }
    # Where util-linux is there, qemu dies with us, however we end.
    dies_too = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    command = [*dies_too, QEMU, "-nodefaults", "-no-reboot"]
    command += [word for name, value in options.items() for word in (f"-{name}", value)]
    limit = BOOT_SECONDS + seconds * n_plans
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limit, stdin=subprocess.DEVNULL, check=False
        )
        console = done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        console = late.stdout or b""
    return console.decode(errors="replace").splitlines()
