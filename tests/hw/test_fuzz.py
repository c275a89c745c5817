"""Random bytes as page tables never make the compiled twin read or write outside RAM."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyemu.hw import COMPILED

pytestmark = pytest.mark.skipif(
    not COMPILED or sys.platform == "win32", reason="no compiled twin, or no pages that can't be touched"
)

READ_BEYOND = """
from tests.hw.fuzz import Guarded
usable = Guarded(4096)
usable.take(1)[0] = usable.take(1, at_end=False)[0] = 1
import ctypes
first = ctypes.addressof(ctypes.c_char.from_buffer(usable.take(4096)))
ctypes.string_at(first + {offset}, 1)
"""


def fuzz(minutes: float, first: int) -> None:
    command = [sys.executable, "-m", "tests.hw.fuzz", "--minutes", str(minutes), "--first", str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stdout[-200:]}{done.stderr[-3000:]}"
    seen = dict(line.split(": ") for line in done.stdout.splitlines() if ": " in line)
    missing = {name for name, n in seen.items() if n == "0"}
    assert len(seen) == 6
    assert not missing, "the random machines no longer reach this"


@pytest.mark.parametrize(("offset", "dies"), [(-1, True), (0, False), (4095, False), (4096, True)])
def test_what_lies_beside_ram_can_not_be_read(offset: int, dies: bool) -> None:
    done = subprocess.run([sys.executable, "-c", READ_BEYOND.format(offset=offset)], check=False)
    assert (done.returncode != 0) == dies


def test_five_seconds_of_random_machines() -> None:
    fuzz(5 / 60, 1_000_000)


@pytest.mark.long
def test_a_minute_of_random_machines() -> None:
    fuzz(1, 2_000_000)
