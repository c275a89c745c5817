"""RAM of machines larger than this one: it costs what is touched, and says so where it is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyemu.errors import HardwareError
from pyemu.hw import BadTypeError, BadValueError, make_ram

GIB = 1 << 30

# A machine of 64 GiB whose user touches pages that lie evenly over all its RAM: each is mapped, written
# through the MMU, and its frame written, as the executor does.
TOUCH = """
import sys
import numpy as np
from pyemu.hw import Registers, make_mmu, make_ram, x86

def used(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(what))

size, n_pages = 64 << 30, int(sys.argv[1]) >> 12
apart = size // n_pages
vas = np.arange(n_pages, dtype=np.uint64) * np.uint64(4096) + np.uint64(0x7000_0000_0000)
before = used("VmRSS")
ram = make_ram(size)
tables = iter(range(0x2000, apart * 1024, 0x1000))
tables = (at for at in tables if at % apart)  # the frames lie at multiples of `apart`
n_tables = 1

def table():
    global n_tables
    n_tables += 1
    return next(tables)

for i, va in enumerate(vas.tolist()):
    x86.map_page(ram, 0x1000, va, i * apart, x86.P | x86.RW | x86.US, table)
mmu = make_mmu(ram)
mmu.load(Registers(cr0=x86.CR0_WP, cr3=0x1000, cr4=0, efer=x86.EFER_NXE, cpl=3))
batch = mmu.access_many(vas, "write")
assert batch.done and batch.fault is None
assert mmu.stats.walks == n_pages
assert batch.pa[-1] == size - apart
np.frombuffer(ram, np.uint8)[batch.pa] = 1
print(used("VmHWM") - before, n_pages * 4096 + n_tables * 4096)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("touched", [64 << 20, pytest.param(GIB, marks=pytest.mark.long)])
def test_a_machine_of_64_gib_needs_what_is_touched_and_its_tables(touched: int) -> None:
    words = [sys.executable, "-c", TOUCH, str(touched)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    grown, needed = map(int, done.stdout.split())
    assert needed <= grown <= needed + 100_000_000


def test_a_size_that_is_refused_is_named_with_what_to_do() -> None:
    with pytest.raises(
        HardwareError, match=r"gives no 0x10000000000000 bytes of ram \(.*\), .* smaller size"
    ):
        make_ram(1 << 52)


def test_a_limit_of_the_process_is_met_by_the_same_error() -> None:
    code = (
        "import resource; from pyemu.hw import make_ram; "
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); make_ram(2 << 30)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "HardwareError: this system gives no 0x80000000 bytes of ram" in done.stderr


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0, BadValueError, "the size of ram is 0x0; it must lie in 0x1000..0x10000000000000"),
        (5000, BadValueError, "must be a multiple of the page size 0x1000"),
        (1 << 53, BadValueError, "it must lie in"),
        (4096.0, BadTypeError, "it must be an integer"),
    ],
)
def test_a_size_that_is_none_is_refused(size: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_ram(size)
