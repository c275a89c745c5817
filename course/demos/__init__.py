"""Demos for a room: what an instructor shows on a projector, with the script that the speaker follows.

==================  ============================================================================
``one-fault``       the same access on two kernels: an error, and an answer
``tlb-reach``       an array that is larger than what the TLB reaches
``who-holds``       eight returns of an attempt: is mmap_sem held, dropped or re-taken?
``signal-grid``     a signal while a task waits: what ends, and when?
``busy-loop``       a signal during write(): nobody sleeps, and nobody returns
``bisect-live``     a symptom on one tree of the series only: what to test in its place
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
    "tlb-reach": "course.demos.tlb_reach",
    "who-holds": "course.demos.who_holds",
    "signal-grid": "course.demos.signal_grid",
    "busy-loop": "course.demos.busy_loop",
    "bisect-live": "course.demos.bisect_live",
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
