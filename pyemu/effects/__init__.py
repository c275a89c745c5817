"""Effects: what a kernel function asks for, one at a time.

A kernel function is an ``async def`` coroutine that reads like the C it models. Whatever touches
shared state is awaited: awaiting gives an `Effect` (an operation and its arguments) to the executor, which
applies it, records events, decides who runs next and sends the result back. A function here that looks
like a kernel primitive (`down_read`, `find_vma`) only *builds* the effect; what it does stands in
`pyemu.sched`. This module therefore holds nothing of the kernel, and a handler that runs in another process
needs nothing else.

Results are plain values (ints, flags, frozen records) or a `Handle`: a name for an object that lives with the
executor. A field of a handle is read by an effect as well: ``await vma.vm_flags``.

::

    core         an effect, and what happens to one that nobody awaits
    handles      names of objects; records: results that are more than a number
    operations   how an operation is declared
    extable      which kernel instructions may fault
    the rest     operations, by subject: locks, areas, entries, pages, signals, sleeping, posts, uffd, ...
"""

from __future__ import annotations

from pyemu.effects import (
    areas,
    counters,
    disk,
    entries,
    exceptions,
    file_locks,
    files,
    gup,
    hardware,
    holes,
    hugetlb,
    locks,
    machine,
    pages,
    pipes,
    posts,
    processes,
    signals,
    sleeping,
    swap,
    uffd,
    vma_locks,
)
from pyemu.effects.core import Effect as Effect
from pyemu.effects.operations import OPERATIONS as OPERATIONS

# Every subject is imported here, so that the table of operations is complete.
SUBJECTS = (
    areas,
    counters,
    disk,
    entries,
    exceptions,
    file_locks,
    files,
    gup,
    hardware,
    holes,
    hugetlb,
    locks,
    machine,
    pages,
    pipes,
    posts,
    processes,
    signals,
    sleeping,
    swap,
    uffd,
    vma_locks,
)
