"""Decisions of the fault path for lessons: a learner's own, beside the kernel's.

=========  ==========================================================================
``cells``  may a fault be left for a signal? Twelve cells, and the function
``words``  how a comparison is printed
=========  ==========================================================================

Nothing here says what is right: the kernel's own code of the emulator is asked. What is printed names where
the two part, and the likely cause.
"""

from __future__ import annotations

from course.decide.cells import own_cells, try_rule

__all__ = ["own_cells", "try_rule"]
