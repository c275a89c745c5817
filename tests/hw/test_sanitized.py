"""The tests of the hardware model pass where the compiled twin checks each of its reads and writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pyemu.hw import COMPILED
from tests.hw import compiled, sanitized

pytestmark = [
    pytest.mark.skipif(
        not COMPILED or not compiled.AVAILABLE or sanitized.library() is None,
        reason="no compiled twin, or no AddressSanitizer",
    ),
    pytest.mark.long,
]

BEYOND = """
import ctypes
from pyemu.hw import _fast
library = ctypes.CDLL(_fast.__file__)
library.core_variant.restype = ctypes.c_void_p
print("plain is", bool(library.core_variant(b"plain")), flush=True)
library.core_variant(ctypes.c_void_p(8))
"""

VARIANTS = """
from pyemu.hw import twins
from tests.hw import differential
for variant in twins.variants():
    differential.compare(2, 50_000, other=differential.installed(variant))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sanitized")
    sanitized.make(where)
    return where


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return sanitized.run(folder, *arguments, capture_output=True, text=True)


def test_a_wrong_read_is_told(folder: Path) -> None:
    done = ran(folder, "-c", BEYOND)
    assert "plain is True" in done.stdout
    assert "AddressSanitizer" in done.stderr
    assert done.returncode != 0


def test_the_tests_of_the_hardware_model_pass(folder: Path) -> None:
    # Mutants of the readable twin say nothing about the compiled one, and the others have their own copies.
    # A limit of address space stops AddressSanitizer itself.
    chosen = "not mutant and not wrong_rule and not Bochs and not limit_of_the_process"
    done = ran(folder, "-m", "pytest", "-q", "-x", "tests/hw", "-k", chosen, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_a_minute_of_random_machines_reads_nothing_else(folder: Path) -> None:
    done = ran(folder, "-m", "tests.hw.fuzz", "--minutes", "1", "--first", "3000000")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
    assert "compared" in done.stdout


def test_all_variants_agree_where_registers_are_scarce(tmp_path: Path) -> None:
    sanitized.make(tmp_path, sanitized.SCARCE)
    done = ran(tmp_path, "-c", VARIANTS)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-3000:]
