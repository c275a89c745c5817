"""What a learner does to a lesson: changes some cells and runs all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


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
