"""What lessons about paging work on: a machine that was frozen, a computer to play with, judges of a walk.

================  ==================================================================================
``frozen``        a real machine, stopped: its registers, its page tables, and a walk through them
``Computer``      a small computer: page tables that can be edited, and a TLB that keeps what it has seen
``split``         a virtual address as indices and offset
``own_walk``      a walk on paper, compared with that of the machine, level by level
``try_walk``      a learner's function that walks, tried on every page of the machine
``try_access``    a learner's walk with all its rules, beside the processor's, one access
``Operation``     what a kernel or a processor does to page tables and a TLB of several address spaces
``try_pcid_tlb``  a learner's TLB for several address spaces, beside the processor's
``own_hits``      hits and misses that a learner expects, compared with a TLB
``try_order``     the steps that take a page away, in a learner's order
``try_tlb``       a learner's TLB, run beside that of the hardware model
``rounds``        misses of a program that goes round and round
================  ==================================================================================

Translations are those of `pyemu.hw`; both twins give the same texts. numpy is not needed.
"""

from __future__ import annotations

from course.paging.address_spaces import Operation, try_pcid_tlb
from course.paging.computer import Computer
from course.paging.entry import Entry
from course.paging.machine import Frozen, frozen
from course.paging.own import own_walk, try_walk
from course.paging.own_access import try_access
from course.paging.shown import Walked, split
from course.paging.tiny import own_hits, rounds, try_order, try_tlb

__all__ = [
    "Computer",
    "Entry",
    "Frozen",
    "Operation",
    "Walked",
    "frozen",
    "own_hits",
    "own_walk",
    "rounds",
    "split",
    "try_access",
    "try_order",
    "try_pcid_tlb",
    "try_tlb",
    "try_walk",
]
