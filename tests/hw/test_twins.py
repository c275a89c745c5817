"""The package with and without its compiled part, and without numpy."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig

import pytest

from pyemu.hw import COMPILED
from pyemu.hw.twins import WHY_UNCOMPILED

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
"""

USE = """
import pyemu
from pyemu.errors import UncompiledError
from pyemu.hw import Registers, make_mmu, x86

ram = bytearray(0x8000)
x86.map_page(ram, 0x1000, 0x5000, 0x9000, x86.P | x86.US, iter((0x2000, 0x3000, 0x4000)).__next__)
mmu = make_mmu(ram)
mmu.load(Registers(cr0=0, cr3=0x1000, cr4=0, efer=0, cpl=3))
assert mmu.access(0x5123, "read").pa == 0x9123
assert list(mmu.access_many([0x5000, 0x5008], "read").pa) == [0x9000, 0x9008]
try:
    fast = make_mmu(ram, "fast").twin
except UncompiledError as error:
    fast = str(error)
print(pyemu.COMPILED, mmu.twin, "numpy" in sys.modules, fast, sep="|")
"""


def run(blocked: list[str], **environment: str) -> list[str]:
    """Use the package in a fresh interpreter; returns COMPILED, the twin, numpy loaded, and ``"fast"``."""
    inherited = {name: value for name, value in os.environ.items() if name != "FAULTLAB_TWIN"}
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=blocked) + USE],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("|")


def test_without_the_compiled_part_the_readable_twin_serves() -> None:
    compiled, twin, _, fast = run(["pyemu.hw._fast"])
    assert (compiled, twin) == ("False", "ref")
    assert "no compiled twin" in fast
    assert "install a C compiler" in fast


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_with_the_compiled_part_it_serves() -> None:
    assert run([]) == ["True", "fast", "False", "fast"]


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_the_environment_can_choose_the_readable_twin() -> None:
    assert run([], FAULTLAB_TWIN="ref") == ["True", "ref", "False", "fast"]


def test_both_twins_work_without_numpy() -> None:
    assert run(["numpy"])[1] == ("fast" if COMPILED else "ref")


def test_an_install_with_a_compiler_is_compiled() -> None:
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(command[0]) is None or subprocess.run([*command, "--version"], check=False).returncode:
        pytest.skip("there is no C compiler here")
    assert COMPILED, f"there is a C compiler, but the compiled twin can't be used: {WHY_UNCOMPILED}"
