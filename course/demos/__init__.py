"""Demos for a room: what an instructor shows on a projector, with the script that the speaker follows.

==================  ============================================================================
``one-fault``       the same access on two kernels: an error, and an answer
``tlb-reach``       an array that is larger than what the TLB reaches
==================  ============================================================================

::

    script    steps, votes, keys: one truth for the page, the speaker's notes and the test
    parts     what pictures are made of
    widget    a demo in a browser; static holds its JavaScript
    handout   a demo on paper
    command   ``faultlab demo``

A demo's figures are read from runs of the emulator, or from stored records of real kernels.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from course.demos.script import Demo

__all__ = ["DEMOS", "make"]

DEMOS = {
    "one-fault": "course.demos.one_fault",
}
"""The demos in the order in which a course may show them, and the module of each."""


def make(name: str) -> Demo:
    """Run what a demo shows, and give its script.

    Parameters
    ----------
    name : str
        One of `DEMOS`.

    Returns
    -------
    Demo
        The same each time.

    Raises
    ------
    FaultlabError
        There is no such demo.
    """
    if name not in DEMOS:
        raise FaultlabError(f"there is no demo {name!r}: take one of {', '.join(DEMOS)}.")
    demo: Demo = importlib.import_module(DEMOS[name]).demo()
    return demo
