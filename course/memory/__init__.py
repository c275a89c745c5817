"""What lessons about faults work on: a few pages that are touched, and judges of what a learner expects.

==============  ====================================================================================
``touch``       plain accesses, one after the other: error code, CR2, what the kernel did, counters
``own_faults``  the faults that a learner expects of seven sequences, compared with the emulator
``try_fault``   a learner's function that decides what a fault is given, tried on many sequences
==============  ====================================================================================

numpy is not needed.
"""

from __future__ import annotations

from course.memory.own import own_faults, try_fault
from course.memory.touch import Access, Fault, Touched, touch

__all__ = ["Access", "Fault", "Touched", "own_faults", "touch", "try_fault"]
