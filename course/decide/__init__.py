"""Decisions of the fault path for lessons: a learner's own, beside the kernel's.

============  =======================================================================
``cells``     may a fault be left for a signal? Twelve cells, and the function
``contract``  what a caller may believe of its area after an attempt
``gup``       the inner loop of get_user_pages
``sleep``     which sleep for which flags, over every flag word
``turns``     a schedule by turns
``words``     how a comparison is printed
============  =======================================================================

Nothing here says what is right: the kernel's own code of the emulator is asked, or a run. What is printed
names where the two part, and the likely cause.
"""

from __future__ import annotations

from course.decide.cells import own_cells, try_rule
from course.decide.contract import try_contract
from course.decide.gup import gup_with
from course.decide.sleep import callers, every_word, try_sleep
from course.decide.turns import by_turns

__all__ = [
    "by_turns",
    "callers",
    "every_word",
    "gup_with",
    "own_cells",
    "try_contract",
    "try_rule",
    "try_sleep",
]
