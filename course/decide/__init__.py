"""Decisions of the fault path for lessons: a learner's own, beside the kernel's.

============  =======================================================================
``cells``     may a fault be left for a signal? Twelve cells, and the function
``contract``  what a caller may believe of its area after an attempt
``gup``       the inner loop of get_user_pages
``loop``      when to try again: a loop around ``handle_mm_fault``
``sleep``     which sleep for which flags, over every flag word
``turns``     a schedule by turns
``twice``     the loop that waits only once
``words``     how a comparison is printed, and which rules a run broke
============  =======================================================================

Nothing here says what is right: the kernel's own code of the emulator is asked, or a run. What is printed
names where the two part, and the likely cause.
"""

from __future__ import annotations

from course.decide.cells import own_cells, try_rule
from course.decide.contract import try_contract
from course.decide.gup import gup_with
from course.decide.loop import handler_of, relocked, try_loop, wakes
from course.decide.sleep import callers, every_word, try_sleep
from course.decide.turns import by_turns
from course.decide.twice import try_twice
from course.decide.words import broken_rules

__all__ = [
    "broken_rules",
    "by_turns",
    "callers",
    "every_word",
    "gup_with",
    "handler_of",
    "own_cells",
    "relocked",
    "try_contract",
    "try_loop",
    "try_rule",
    "try_sleep",
    "try_twice",
    "wakes",
]
