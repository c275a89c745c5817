"""nbformat, imported in a tenth of its time.

nbformat checks notebooks with jsonschema. Where ``rfc3987_syntax`` is installed, as it is beside JupyterLab,
jsonschema compiles some forty grammars of internationalised addresses at its import, which takes ten times as
long as all the rest. No schema of a notebook asks for such an address: nbformat says the same without them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

__all__ = ["without_grammars"]

_GRAMMARS = "rfc3987_syntax"


@contextlib.contextmanager
def without_grammars() -> Iterator[None]:
    """Let nbformat be imported within, and jsonschema do without the grammars of addresses.

    Examples
    --------
    >>> with without_grammars():
    ...     import nbformat
    >>> nbformat.current_nbformat
    4
    """
    if _GRAMMARS in sys.modules:
        yield
        return
    sys.modules[_GRAMMARS] = None  # type: ignore[assignment]  # Python's way to say that there is none
    try:
        yield
    finally:
        del sys.modules[_GRAMMARS]
