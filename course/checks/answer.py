"""Where a learner's source is found.

A check judges source, since the function runs in another process. In a notebook it is the whole cell that
defined the function when it last ran: helpers in the same cell belong to the answer. In a notebook file it
is the answer cell.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyemu.errors import MaterialError

__all__ = ["notebook_names", "source_of"]


def notebook_names() -> Mapping[str, Any] | None:
    """Give the names of the notebook that runs; None outside one. IPython is not imported for this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell.user_ns if shell is not None else None


def source_of(function: Callable[..., Any] | str) -> str:
    """Give the source that defines a function.

    Parameters
    ----------
    function : callable or str
        A function of a notebook cell: the cell. Another function: its own lines. A text is taken as it is.

    Returns
    -------
    str
        Python source.

    Raises
    ------
    MaterialError
        The source can't be found, as for a function that a cell magic has run.
    """
    if isinstance(function, str):
        return function
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", type(function).__name__)
    if code is None:
        raise MaterialError(
            f"{name} is a {type(function).__name__}, not a function: define it with `async def`."
        )
    if not Path(code.co_filename).is_file():
        cell = "".join(linecache.getlines(code.co_filename))
        if cell:
            return cell
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise MaterialError(
            f"the source of {name} can't be found: define it in a code cell without a %% line, and run that "
            "cell."
        ) from None
