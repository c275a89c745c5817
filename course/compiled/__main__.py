"""``python -m course.compiled``: run the lesson's cells, and keep what they measure for other machines."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from course.compiled.figures import FIGURES, recorded
from course.material.source import read_source

LESSON = Path(__file__).parents[2] / "lessons" / "16-making-it-fast.py"


def main() -> None:
    """Write the file of figures."""
    names: dict[str, object] = {}
    for cell in read_source(LESSON).cells:
        if cell["cell_type"] == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell["source"], names)  # the lesson's own code
    FIGURES.write_text(recorded(), encoding="utf-8")


main()
