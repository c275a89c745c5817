"""Time travel: what the state was after any step of a run.

============  ==============================================================================
``log``       every write of a run, step by step, and key frames
``record``    the state and the world of a run that is logged
``snapshot``  one state, as a view sees it: locations, entries, bytes, tasks, time
``history``   from any step to any other, forwards and backwards
============  ==============================================================================

"After step n" means: step n was made, and all that followed from it (functions returned and called others,
tasks fell asleep, time passed) up to the moment at which step n + 1 begins. So the events of the trace that
bear the numbers 0 to n have happened, and no other.
"""

from __future__ import annotations

from pyemu.travel.history import Cursor, History
from pyemu.travel.log import Write
from pyemu.travel.snapshot import Snapshot, TaskView

__all__ = ["Cursor", "History", "Snapshot", "TaskView", "Write"]
