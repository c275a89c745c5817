"""Decisions of the fault path for lessons: a learner's own, beside the kernel's.

=============  ================================================================
``cards``      how such a table is compared
``cells``      may a fault be left for a signal? Twelve cells, and the function
``contract``   what a caller may believe of its area after an attempt
``drops``      may an attempt drop mmap_sem while it waits?
``endings``    which signal ends which sleep
``gup``        the inner loop of get_user_pages
``invariant``  what must hold at each end of a write
``locks``      who holds mmap_sem at eight returns
``loop``       when to try again: a loop around ``handle_mm_fault``
``signals``    what becomes of a signal that is sent to a waiting task
``sleep``      which sleep for which flags, over every flag word
``turns``      a schedule by turns
``twice``      the loop that waits only once
``wakeup``     a sleeper and a waker of few lines, in every interleaving
``words``      how a comparison is printed, and which rules a run broke
=============  ================================================================

Nothing here says what is right: the kernel's own code of the emulator is asked, or a run. What is printed
names where the two part, and the likely cause.
"""

from __future__ import annotations

from course.decide.cells import own_cells, try_rule
from course.decide.contract import try_contract
from course.decide.drops import try_may_drop
from course.decide.endings import own_sleeps
from course.decide.gup import gup_with
from course.decide.invariant import try_invariant
from course.decide.locks import own_locks
from course.decide.loop import handler_of, relocked, try_loop, wakes
from course.decide.signals import own_signals
from course.decide.sleep import callers, every_word, try_sleep
from course.decide.turns import by_turns
from course.decide.twice import try_twice
from course.decide.wakeup import try_wakeup
from course.decide.words import broken_rules

__all__ = [
    "broken_rules",
    "by_turns",
    "callers",
    "every_word",
    "gup_with",
    "handler_of",
    "own_cells",
    "own_locks",
    "own_signals",
    "own_sleeps",
    "relocked",
    "try_contract",
    "try_invariant",
    "try_loop",
    "try_may_drop",
    "try_rule",
    "try_sleep",
    "try_twice",
    "try_wakeup",
    "wakes",
]
