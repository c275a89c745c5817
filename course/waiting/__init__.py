"""Who waits on whom: scenes for the lessons about sleeping and about mmap_sem.

==========  =============================================
``scenes``  a slow page, and readers and a writer of ``mmap_sem``
``waits``   how long each task waited for ``mmap_sem``
==========  =============================================
"""

from __future__ import annotations

from course.waiting.scenes import readers, slow_page
from course.waiting.waits import lock_waits

__all__ = ["lock_waits", "readers", "slow_page"]
