"""Asking a function that a learner wrote: what it gives, or in what words it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyemu.errors import FaultlabError

__all__ = ["asked"]


def asked(function: Callable[..., Any], *arguments: object) -> tuple[Any, str]:
    """Call a learner's function.

    Parameters
    ----------
    function : callable
        The learner's.
    *arguments : object
        What it is called with.

    Returns
    -------
    tuple of (object, str)
        What it gave, and nothing; or None, and how it failed.
    """
    try:
        return function(*arguments), ""
    except FaultlabError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  whatever a learner's code raises is shown in words
        return None, f"{type(error).__name__}: {error}"
