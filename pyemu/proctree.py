"""The processes below one, as Linux shows them in ``/proc``; elsewhere nothing is known of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["descendants", "resident_bytes"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


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
    """Give the memory of a process that is its own, in bytes; 0 when it is gone."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{number}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE
