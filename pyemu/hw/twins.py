"""Which of the two twins answers: `pyemu.hw.ref` in plain Python or the compiled `pyemu.hw._fast`.

Both give the same results, bit by bit. ``"auto"`` means the compiled one if this install has it.
The environment variable ``FAULTLAB_TWIN=ref`` (or ``fast``) decides what ``"auto"`` means.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any, Literal

from pyemu.errors import UncompiledError
from pyemu.hw.check import BadValueError

WHY_UNCOMPILED = ""
"""Why the compiled twin can't be used, in Python's words; empty if it can."""

_fast: ModuleType | None
try:
    _fast = importlib.import_module("pyemu.hw._fast")
except ImportError as reason:
    _fast, WHY_UNCOMPILED = None, str(reason)

COMPILED = _fast is not None
"""Whether the compiled twin can be used."""

Twin = Literal["ref", "fast"]


def choose(twin: str = "auto") -> Twin:
    """Decide which twin is meant by ``"auto"``, ``"ref"`` or ``"fast"``.

    Raises
    ------
    UncompiledError
        The compiled twin is asked for and this install has none.
    BadValueError
        The name, or the value of ``FAULTLAB_TWIN``, is none of the three.
    """
    asked = "twin"
    if twin == "auto":
        asked, twin = "FAULTLAB_TWIN", os.environ.get("FAULTLAB_TWIN") or "auto"
    if twin == "ref" or (twin == "auto" and not COMPILED):
        return "ref"
    if twin not in ("auto", "fast"):
        raise BadValueError(f"{asked} is {twin!r}; it must be 'auto', 'ref' or 'fast'")
    if not COMPILED:
        raise UncompiledError(
            f"{asked} is 'fast', but this install has no compiled twin ({WHY_UNCOMPILED}). "
            "Use 'ref', or install a C compiler and install faultlab again."
        )
    return "fast"


def fast() -> Any:
    """Return the compiled module; call `choose` first."""
    return _fast
