"""Text from strangers, made safe to look at.

A learner's exception or print may hold control characters that move a terminal's cursor, or marks that turn
the direction of writing round. They are shown by their number instead.
"""

from __future__ import annotations

import unicodedata

__all__ = ["visible"]

# Control, format (also the marks of direction), surrogate, private, unassigned, line and paragraph ends.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, lines: bool = False) -> str:
    r"""Replace characters that can't be seen by their number.

    Parameters
    ----------
    text : str
        From anywhere.
    lines : bool
        Keep line ends and tabs.

    Returns
    -------
    str
        For example ``\x1b`` for an escape character.

    Examples
    --------
    >>> visible("red \x1b[31m")
    'red \\x1b[31m'
    """
    kept = "\n\t" if lines else ""
    if (text.replace("\n", "").replace("\t", "") if lines else text).isprintable():  # no hidden one is
        return text
    return "".join(
        char if char in kept or unicodedata.category(char) not in _HIDDEN else ascii(char)[1:-1]
        for char in text
    )
