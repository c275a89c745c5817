"""Which of the two twins answers: `pyemu.hw.ref` in plain Python or the compiled `pyemu.hw._fast`.

Both give the same results, bit by bit. ``"auto"`` means the compiled one if this install has it.
The environment variable ``FAULTLAB_TWIN=ref`` (or ``fast``) decides what ``"auto"`` means.

The compiled twin has a loop for every machine and variants of it for processors with wide registers.
They too give the same results. ``FAULTLAB_VARIANT=plain`` (or ``avx2``, ``avx512``) decides which one
serves; else the last one that this machine has.
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


def variants() -> tuple[str, ...]:
    """Return the variants of the compiled twin that this machine has, the plainest first; none without it."""
    return tuple(_fast.variants()) if _fast is not None else ()


def choose_variant(variant: str = "auto") -> str:
    """Decide which variant of the compiled twin is meant; call `choose` first.

    Raises
    ------
    BadValueError
        This machine doesn't have it. The message lists those that it has.
    """
    asked = "variant"
    if variant == "auto":
        asked, variant = "FAULTLAB_VARIANT", os.environ.get("FAULTLAB_VARIANT") or "auto"
    if variant == "auto":
        return variants()[-1]
    if variant not in variants():
        raise BadValueError(
            f"{asked} is {variant!r}; this machine has 'auto', {', '.join(map(repr, variants()))}"
        )
    return variant
