"""Calls: the kernel functions, as one kernel function sees another.

Every kernel function is called by an effect too: ``await handle_mm_fault(vma, address, flags)``. The function
declared here builds that effect; the executor pushes a frame for the kernel's own code (`pyemu.kernel`), or
for the learner's function that replaces it, and comes back with what that returned.

A learner may replace any function declared here. `ALLOWED` says what such a replacement may use.
"""

from __future__ import annotations

from pyemu.calls import (
    fault,
    filemap,
    gup,
    hugetlb,
    kvm,
    memory,
    mmap,
    pins,
    pipe,
    read_write,
    signal,
    swap,
    syscalls,
    uaccess,
    userfaultfd,
)
from pyemu.calls.allowed import ALLOWED as ALLOWED
from pyemu.calls.declare import CALLS as CALLS
from pyemu.calls.declare import CallDeclaration as CallDeclaration
from pyemu.calls.declare import KernelFunction as KernelFunction

# Every subject is imported here, so that the table of calls is complete.
SUBJECTS = (
    fault,
    filemap,
    gup,
    hugetlb,
    kvm,
    memory,
    mmap,
    pins,
    pipe,
    read_write,
    signal,
    swap,
    syscalls,
    uaccess,
    userfaultfd,
)
