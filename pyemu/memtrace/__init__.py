"""Memory accesses of real programs: their file format, and what a TLB makes of them.

An *access* is an address and a kind (`pyemu.hw.Kind`). This is no `pyemu.trace.Trace`, whose events
tell what a kernel did; it is what a program asked of its MMU, tens of millions of times a second.

===========  ======================================================================
``chunks``   up to 2**20 accesses as bytes, and back
``files``    a file of chunks, written and read in constant memory
``pages``    which pages a trace touches, and tables that map them
``reuse``    how far apart the uses of a page are: misses, working sets
``sample``   a trace that comes along
===========  ======================================================================
"""

from __future__ import annotations

from pyemu.memtrace.chunks import CHUNK
from pyemu.memtrace.files import Header, Memtrace, MemtraceWriter, Totals

__all__ = ["CHUNK", "Header", "Memtrace", "MemtraceWriter", "Totals"]
