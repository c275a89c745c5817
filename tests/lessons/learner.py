"""What a learner does to a lesson: changes some cells and runs all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_HOVER = re.compile(r"</?abbr[^>]*>")

FOLDER = Path(__file__).parents[2] / "lessons"


class Lesson:
    """A committed notebook: its cells, what they say and what they show."""

    def __init__(self, number: str) -> None:
        (path,) = FOLDER.glob(f"{number}-*.ipynb")
        self.notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))

    def cell(self, cell_id: str) -> dict[str, Any]:
        """A cell by its id."""
        found: dict[str, Any] = next(one for one in self.notebook["cells"] if one["id"] == cell_id)
        return found

    def source(self, cell_id: str) -> str:
        """A cell's text as it is read, on one line: without what stands beside a term that is pointed at."""
        return " ".join(_HOVER.sub("", "".join(self.cell(cell_id)["source"])).split())

    def shown(self, cell_id: str) -> str:
        """The stored output of a cell, as text."""
        outputs = self.cell(cell_id)["outputs"]
        return "".join("".join(one.get("text") or one["data"]["text/plain"]) for one in outputs)

    def row(self, cell_id: str, name: str) -> list[str]:
        """The values of one line of a table that a cell shows."""
        line = next(one for one in self.shown(cell_id).splitlines() if one.startswith(name))
        return line.removeprefix(name).split()


def code_cells(notebook: dict[str, Any], edits: dict[str, dict[str, str]]) -> dict[str, str]:
    """The code of each cell by its id, after the edits: texts by cell, old to new."""
    cells = {}
    for one in notebook["cells"]:
        if one["cell_type"] != "code":
            continue
        text = "".join(one["source"])
        for old, new in edits.get(one["id"], {}).items():
            assert old in text, f"cell {one['id']} has no {old!r}"
            text = text.replace(old, new)
        cells[one["id"]] = text
    return cells


def printed(notebook: dict[str, Any], edits: dict[str, dict[str, str]], folder: Path) -> dict[str, str]:
    """What each cell prints in a fresh Python, in an empty folder."""
    script = f"""
import contextlib, io, json
said = {{}}
for _id, _code in {code_cells(notebook, edits)!r}.items():
    with contextlib.redirect_stdout(io.StringIO()) as _out:
        exec(_code, globals())
    said[_id] = _out.getvalue()
print(json.dumps(said))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    said: dict[str, str] = json.loads(done.stdout)
    return said
