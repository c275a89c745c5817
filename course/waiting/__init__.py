"""Who waits on whom: scenes for the lessons about sleeping and about mmap_sem.

===============  ====================================================
``scenes``       a slow page, and readers and a writer of ``mmap_sem``
``waits``        how long each task waited for ``mmap_sem``
``looks_first``  a planted fault that loses a wake-up
===============  ====================================================
"""

from __future__ import annotations

from course.waiting.looks_first import looks_first
from course.waiting.scenes import readers, slow_page
from course.waiting.waits import lock_waits

__all__ = ["lock_waits", "looks_first", "readers", "slow_page"]
