"""What lessons about faults work on: a few pages that are touched, and judges of what a learner expects.

==============  ====================================================================================
``touch``       plain accesses, one after the other: error code, CR2, what the kernel did, counters
``own_faults``  the faults that a learner expects of seven sequences, compared with the emulator
``try_fault``   a learner's function that decides what a fault is given, tried on many sequences
``try_kernel``  a learner's kernel of three functions, on a small memory, beside the emulator's own
``modes``       a run as numbered lines, for a learner to say in which mode each is
``own_modes``   a learner's letters for these lines, compared with the run
``try_result``  a learner's rule for what a system call gives that copied a part, tried on many calls
==============  ====================================================================================

numpy is not needed.
"""

from __future__ import annotations

from course.memory.copies import try_result
from course.memory.modes import modes, own_modes
from course.memory.own import own_faults, try_fault
from course.memory.own_kernel import try_kernel
from course.memory.touch import Access, Fault, Touched, touch

__all__ = [
    "Access",
    "Fault",
    "Touched",
    "modes",
    "own_faults",
    "own_modes",
    "touch",
    "try_fault",
    "try_kernel",
    "try_result",
]
