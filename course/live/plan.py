"""A plan: what a victim and its monitor do on a real kernel, as plain data.

The steps are those of the emulator's scenarios, and a tick is one us; `course.live.planning` makes a plan of
a scenario. The victim's process, and a guest, know only this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course.live.uffd import MODES

__all__ = ["Plan"]

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What two processes do.

    Attributes
    ----------
    accesses : list of dict
        Steps of the victim, in order.
    monitor : list of dict
        Steps of the monitor.
    pages : int
        Of the area.
    populated : list of int
        Its pages that are there from the start.
    shared : bool
        shmem, not private memory.
    cached : int or None
        The byte of all its pages, which are in the page cache though nobody has mapped them; None: they
        aren't there.
    mode, features : int
        With which the area is registered, the userfaultfd made.
    user_mode_only : bool
        It is made with UFFD_USER_MODE_ONLY.
    signals : dict of str to str
        Name of a signal -> ``handler``, ``restart`` or ``ignore``.
    blocked : list of str
        Signals that the victim blocks.
    """

    accesses: list[Step]
    monitor: list[Step]
    pages: int
    populated: list[int]
    shared: bool = False
    cached: int | None = None
    mode: int = MODES["missing"]
    features: int = 0
    user_mode_only: bool = False
    signals: dict[str, str] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)
