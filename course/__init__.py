"""The taught half of faultlab: views, checks, grading and the command line.

What a notebook uses is loaded on first use, so that importing a part of the course stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.checks.notebook import check as check
    from course.checks.notebook import hint as hint

_HOME = {"check": "course.checks.notebook", "hint": "course.checks.notebook"}

__all__ = ["check", "hint"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'course' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
