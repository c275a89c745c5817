"""Kernel labels: which tree stands for a recorded kernel.

A label is matched by its first two numbers: 5.4 means 5.4.59 as well as any other 5.4.
"""

from __future__ import annotations

import re

from pyemu.errors import RecordError
from pyemu.tree import Tree

# Recorded kernels that the emulator models: 5.4 is older than the series, 5.7.14 has it with its first fixes.
TREES: dict[tuple[int, int], Tree] = {(5, 4): Tree.before, (5, 7): Tree.v5_7}


class NotModelled(RecordError):
    """Something that was recorded and that this version of the emulator has no model of.

    Parameters
    ----------
    reason : str
        What isn't modelled, and what is.
    instead : str
        What to ask for instead; the text of the error is both.
    """

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(f"{reason} {instead}".strip())
        self.reason = reason


def series(label: str) -> tuple[int, int]:
    """Give the first two numbers of a kernel's label.

    Parameters
    ----------
    label : str
        Such as ``5.7`` or ``5.7.14``.

    Returns
    -------
    (int, int)
        For example ``(5, 7)``.

    Raises
    ------
    RecordError
        When it isn't two or more numbers with points between them.
    """
    found = re.fullmatch(r"(\d+)\.(\d+)(\.\d+)*", label, re.ASCII)
    if found is None:
        raise RecordError(
            f"kernel {label!r} is no version: it must be numbers with points between them. "
            "Write it as 5.7 or 5.7.14."
        )
    return int(found[1]), int(found[2])


def tree_of(label: str) -> Tree:
    """Give the tree that stands for a kernel.

    Parameters
    ----------
    label : str
        The kernel's version.

    Returns
    -------
    Tree
        The code that it ran.

    Raises
    ------
    RecordError
        When the label is no version.
    NotModelled
        When it is one, and no tree stands for it.

    Examples
    --------
    >>> str(tree_of("5.4.59")), str(tree_of("5.7"))
    ('before', 'v5_7')
    """
    tree = TREES.get(series(label))
    if tree is None:
        known = " and ".join(f"{major}.{minor}" for major, minor in TREES)
        raise NotModelled(
            f"kernel {label} is not modelled: this version models {known}.", "Ask for one of these."
        )
    return tree
