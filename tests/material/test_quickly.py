"""nbformat comes without what it never asks for, and everybody else may still have that."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.bench.bench_grade import cpu_seconds

GRAMMARS = find_spec("rfc3987_syntax")
QUICKLY = """
from course.material.quickly import without_grammars
with without_grammars():
    import nbformat
"""


def python(text: str) -> float:
    return cpu_seconds(lambda: subprocess.run([sys.executable, "-c", text], check=True))


@pytest.mark.skipif(GRAMMARS is None, reason="rfc3987_syntax is not installed: nothing is slow")
def test_nbformat_takes_half_of_the_time_at_most():
    assert 2 * python(QUICKLY) < python("import nbformat")


@pytest.mark.skipif(GRAMMARS is None, reason="rfc3987_syntax is not installed")
def test_others_can_import_the_grammars_later():
    python(QUICKLY + "import rfc3987_syntax")


def test_grading_imports_no_grammars():
    text = (
        "import sys\nfrom course.checks.submission import pristine\npristine('e01_truth_table')\n"
        "assert 'nbformat' in sys.modules\nassert 'rfc3987_syntax' not in sys.modules\n"
    )
    python(text)
