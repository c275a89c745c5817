"""The processes below one, as Linux shows them in ``/proc``; elsewhere nothing is known of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["descendants", "resident_bytes"]


def descendants(number: int) -> list[int]:
    """Give the processes that a process has started, and theirs; each later than the one that started it."""
    parents: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
    found: list[int] = []
    below = {number}
    while below:
        below = {one for one, parent in parents.items() if parent in below}
        found += sorted(below)
    return found


def resident_bytes(number: int) -> int:
    """Give the memory of a process that no file backs, in bytes, shared or not; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{number}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(int(values.get(name, "0").split()[0]) << 10 for name in ("RssAnon", "RssShmem"))
