"""Flags, error bits, signals and task states, with the kernel's names and the kernel's values.

Values are those of Linux v5.6 and v5.7 (`include/linux/mm.h`, `include/linux/mm_types.h`,
`include/linux/sched.h`, `arch/x86/include/asm/traps.h`, `include/uapi/linux/userfaultfd.h`). Where the two
versions differ, the line says so [fact:flag-allow-retry-5-6] [fact:flag-allow-retry-5-7]
[fact:vm-fault-bits] [fact:vm-flags] [fact:task-states] [fact:x86-error-code] [fact:signal-numbers].
"""

from __future__ import annotations

import functools
from enum import IntEnum, IntFlag

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)
HPAGE_SHIFT = 21  # a huge page: 2 MiB, one entry of a page directory
HPAGE_SIZE = 1 << HPAGE_SHIFT
HPAGE_MASK = ~(HPAGE_SIZE - 1)
TASK_SIZE = 1 << 47  # end of the user half of the address space


class FaultFlag(IntFlag):
    """``FAULT_FLAG_*``: what a caller of ``handle_mm_fault`` allows and says about the fault."""

    WRITE = 0x001
    MKWRITE = 0x002
    ALLOW_RETRY = 0x004  # 5.6: this attempt may return RETRY; 5.7: a property of the whole fault
    RETRY_NOWAIT = 0x008
    KILLABLE = 0x010
    TRIED = 0x020  # 5.6: the second try; 5.7: tried once or more
    USER = 0x040
    REMOTE = 0x080
    INSTRUCTION = 0x100
    INTERRUPTIBLE = 0x200  # from patch 12 on
    VMA_LOCK = 0x1000  # since 6.4: the fault holds the lock of its area, not mmap_lock


class VmFault(IntFlag):
    """``VM_FAULT_*``: what ``handle_mm_fault`` gives back."""

    OOM = 0x0001
    SIGBUS = 0x0002
    MAJOR = 0x0004
    WRITE = 0x0008
    HWPOISON = 0x0010
    HWPOISON_LARGE = 0x0020
    SIGSEGV = 0x0040
    NOPAGE = 0x0100
    LOCKED = 0x0200
    RETRY = 0x0400
    FALLBACK = 0x0800
    DONE_COW = 0x1000
    NEEDDSYNC = 0x2000
    COMPLETED = 0x4000  # from 6.0 on: served, and the lock is dropped


class PageFaultError(IntFlag):
    """``X86_PF_*``: the error code that the CPU pushes with a page fault."""

    PROT = 0x01  # the entry was present: a permission was missing
    WRITE = 0x02
    USER = 0x04
    RSVD = 0x08
    INSTR = 0x10


class VmFlag(IntFlag):
    """``VM_*``: what a memory area allows."""

    READ = 0x01
    WRITE = 0x02
    EXEC = 0x04
    SHARED = 0x08
    GROWSDOWN = 0x100
    UFFD_MISSING = 0x200
    UFFD_WP = 0x1000
    LOCKED = 0x2000
    RAND_READ = 0x1_0000  # MADV_RANDOM: read no page ahead
    LOCKONFAULT = 0x8_0000
    HUGETLB = 0x40_0000
    UFFD_MINOR = 1 << 37  # since 5.13


class FollFlag(IntFlag):
    """``FOLL_*``: what a caller of get_user_pages asks for; values of 5.7 [fact:foll-flags].

    INTERRUPTIBLE came later; its value is that of 6.2 [fact:foll-interruptible].
    """

    WRITE = 0x00001
    TOUCH = 0x00002
    GET = 0x00004  # take a reference to each page and give them
    DUMP = 0x00008
    FORCE = 0x00010  # look past the area's permissions
    NOWAIT = 0x00020
    POPULATE = 0x00040
    SPLIT = 0x00080
    HWPOISON = 0x00100
    NUMA = 0x00200
    MIGRATION = 0x00400
    TRIED = 0x00800
    MLOCK = 0x01000
    REMOTE = 0x02000  # the memory may be another process's
    COW = 0x04000  # the write has got its own copy, though the area is read-only
    ANON = 0x08000
    LONGTERM = 0x10000
    SPLIT_PMD = 0x20000
    PIN = 0x40000
    INTERRUPTIBLE = 0x200000  # from 6.2 on: any signal may end the wait


class TaskState(IntFlag):
    """Task states: what can end a sleep. 0 is TASK_RUNNING."""

    INTERRUPTIBLE = 0x001
    UNINTERRUPTIBLE = 0x002
    STOPPED = 0x004
    DEAD = 0x080
    WAKEKILL = 0x100
    NEW = 0x800  # not forked yet


class Signal(IntEnum):
    """The signals that scenarios use, with their numbers on x86."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGURG = 23
    SIGWINCH = 28


class Errno(IntEnum):
    """Errors of system calls (`include/uapi/asm-generic/errno-base.h`); a kernel function gives -EFAULT."""

    EPERM = 1
    ENOENT = 2
    ESRCH = 3
    EINTR = 4
    EIO = 5
    EBADF = 9
    EAGAIN = 11
    ENOMEM = 12
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    EINVAL = 22
    ENOSYS = 38
    EHWPOISON = 133
    ERESTARTSYS = 512  # never seen by a program: the way back to user mode makes EINTR or a second call of it
    ERESTART_RESTARTBLOCK = 516  # the same for a sleep: SA_RESTART doesn't help


class UffdFeature(IntFlag):
    """``UFFD_FEATURE_*``: what a userfaultfd is asked to do differently."""

    PAGEFAULT_FLAG_WP = 0x001
    SIGBUS = 0x080


FAULT_FLAG_WRITE = FaultFlag.WRITE
FAULT_FLAG_MKWRITE = FaultFlag.MKWRITE
FAULT_FLAG_ALLOW_RETRY = FaultFlag.ALLOW_RETRY
FAULT_FLAG_RETRY_NOWAIT = FaultFlag.RETRY_NOWAIT
FAULT_FLAG_KILLABLE = FaultFlag.KILLABLE
FAULT_FLAG_TRIED = FaultFlag.TRIED
FAULT_FLAG_USER = FaultFlag.USER
FAULT_FLAG_REMOTE = FaultFlag.REMOTE
FAULT_FLAG_INSTRUCTION = FaultFlag.INSTRUCTION
FAULT_FLAG_INTERRUPTIBLE = FaultFlag.INTERRUPTIBLE
FAULT_FLAG_VMA_LOCK = FaultFlag.VMA_LOCK
# Linux v5.7, include/linux/mm.h: 0x214 (between patches 11 and 12 it was 0x14).
FAULT_FLAG_DEFAULT = FaultFlag.ALLOW_RETRY | FaultFlag.KILLABLE | FaultFlag.INTERRUPTIBLE

FOLL_WRITE = FollFlag.WRITE
FOLL_TOUCH = FollFlag.TOUCH
FOLL_GET = FollFlag.GET
FOLL_FORCE = FollFlag.FORCE
FOLL_NOWAIT = FollFlag.NOWAIT
FOLL_POPULATE = FollFlag.POPULATE
FOLL_HWPOISON = FollFlag.HWPOISON
FOLL_TRIED = FollFlag.TRIED
FOLL_MLOCK = FollFlag.MLOCK
FOLL_REMOTE = FollFlag.REMOTE
FOLL_COW = FollFlag.COW
FOLL_INTERRUPTIBLE = FollFlag.INTERRUPTIBLE

VM_FAULT_OOM = VmFault.OOM
VM_FAULT_SIGBUS = VmFault.SIGBUS
VM_FAULT_MAJOR = VmFault.MAJOR
VM_FAULT_WRITE = VmFault.WRITE
VM_FAULT_HWPOISON = VmFault.HWPOISON
VM_FAULT_HWPOISON_LARGE = VmFault.HWPOISON_LARGE
VM_FAULT_SIGSEGV = VmFault.SIGSEGV
VM_FAULT_NOPAGE = VmFault.NOPAGE
VM_FAULT_LOCKED = VmFault.LOCKED
VM_FAULT_RETRY = VmFault.RETRY
VM_FAULT_COMPLETED = VmFault.COMPLETED
VM_FAULT_ERROR = (
    VmFault.OOM
    | VmFault.SIGBUS
    | VmFault.SIGSEGV
    | VmFault.HWPOISON
    | VmFault.HWPOISON_LARGE
    | VmFault.FALLBACK
)

X86_PF_PROT = PageFaultError.PROT
X86_PF_WRITE = PageFaultError.WRITE
X86_PF_USER = PageFaultError.USER
X86_PF_RSVD = PageFaultError.RSVD
X86_PF_INSTR = PageFaultError.INSTR

VM_READ = VmFlag.READ
VM_WRITE = VmFlag.WRITE
VM_EXEC = VmFlag.EXEC
VM_SHARED = VmFlag.SHARED
VM_GROWSDOWN = VmFlag.GROWSDOWN
VM_RAND_READ = VmFlag.RAND_READ
VM_LOCKED = VmFlag.LOCKED
VM_LOCKONFAULT = VmFlag.LOCKONFAULT
VM_UFFD_MISSING = VmFlag.UFFD_MISSING
VM_UFFD_WP = VmFlag.UFFD_WP
VM_UFFD_MINOR = VmFlag.UFFD_MINOR
VM_HUGETLB = VmFlag.HUGETLB

TASK_RUNNING = TaskState(0)
TASK_INTERRUPTIBLE = TaskState.INTERRUPTIBLE
TASK_UNINTERRUPTIBLE = TaskState.UNINTERRUPTIBLE
TASK_KILLABLE = TaskState.WAKEKILL | TaskState.UNINTERRUPTIBLE
TASK_STOPPED = TaskState.WAKEKILL | TaskState.STOPPED

SIGBUS = Signal.SIGBUS
SIGKILL = Signal.SIGKILL
SIGUSR1 = Signal.SIGUSR1
SIGALRM = Signal.SIGALRM
SIGSEGV = Signal.SIGSEGV
SIGCHLD = Signal.SIGCHLD
SIGCONT = Signal.SIGCONT
SIGSTOP = Signal.SIGSTOP

# Bits of a page-table entry (Linux v5.7, arch/x86/include/asm/pgtable_types.h: _PAGE_PRESENT, _PAGE_RW, ...).
PAGE_PRESENT = 0x001
PAGE_RW = 0x002
PAGE_USER = 0x004
PAGE_ACCESSED = 0x020
PAGE_DIRTY = 0x040
PAGE_PSE = 0x080  # in an entry of a page directory: it names a huge page, and no table
PAGE_PROTNONE = 0x100  # with PRESENT clear: a page that PROT_NONE hides from the CPU
PAGE_UFFD_WP = 0x400  # write-protected by a userfaultfd: a bit that the CPU leaves to software
# Ours, of an entry that is not present (pyemu.effects.swapops).
PAGE_SWP_WRITE = 0x008  # migrating: it was writable
PAGE_SWP_SWAPPED = 0x200
PAGE_SWP_MIGRATION = 0x800


EPERM = Errno.EPERM
ENOENT = Errno.ENOENT
ESRCH = Errno.ESRCH
EINTR = Errno.EINTR
EIO = Errno.EIO
EBADF = Errno.EBADF
EAGAIN = Errno.EAGAIN
ENOMEM = Errno.ENOMEM
EFAULT = Errno.EFAULT
EBUSY = Errno.EBUSY
EEXIST = Errno.EEXIST
EINVAL = Errno.EINVAL
ENOSYS = Errno.ENOSYS
EHWPOISON = Errno.EHWPOISON
ERESTARTSYS = Errno.ERESTARTSYS
ERESTART_RESTARTBLOCK = Errno.ERESTART_RESTARTBLOCK

BUS_ADRERR = 2  # include/uapi/asm-generic/siginfo.h
BUS_MCEERR_AR = 4
SEGV_MAPERR = 1
SEGV_ACCERR = 2
SI_KERNEL = 0x80  # of a signal that the kernel sends for a reason of its own

# include/uapi/linux/userfaultfd.h: flags of a message, modes of the ioctls, features.
UFFD_PAGEFAULT_FLAG_WRITE = 1
UFFD_PAGEFAULT_FLAG_WP = 2
UFFD_PAGEFAULT_FLAG_MINOR = 4
UFFDIO_REGISTER_MODE_MISSING = 1
UFFDIO_REGISTER_MODE_WP = 2
UFFDIO_REGISTER_MODE_MINOR = 4
UFFDIO_COPY_MODE_DONTWAKE = 1
UFFDIO_COPY_MODE_WP = 2
UFFDIO_ZEROPAGE_MODE_DONTWAKE = 1
UFFDIO_WRITEPROTECT_MODE_WP = 1
UFFDIO_WRITEPROTECT_MODE_DONTWAKE = 2
UFFDIO_CONTINUE_MODE_DONTWAKE = 1
UFFD_FEATURE_SIGBUS = UffdFeature.SIGBUS


def errno_name(result: int) -> str:
    """Name the error that a system call gave, or 0.

    Parameters
    ----------
    result : int
        A negative error number, or 0.

    Returns
    -------
    str
        For example ``EFAULT``; ``0`` when there was no error. What is no error of this model, as a learner's
        function may give it, is called by its number.

    Examples
    --------
    >>> errno_name(-14), errno_name(0), errno_name(1)
    ('EFAULT', '0', 'error -1')
    """
    if not result:
        return "0"
    return Errno(-result).name if -result in Errno.__members__.values() else f"error {-result}"


def state_letter(state: int) -> str:
    """Give the letter that ``/proc/PID/stat`` shows for a task state.

    Parameters
    ----------
    state : int
        A task state (`TaskState` bits).

    Returns
    -------
    str
        ``R``, ``S``, ``D``, ``T`` or ``X``.

    References
    ----------
    Linux v5.7, fs/proc/array.c, task_state_array [fact:task-state-letters].

    Examples
    --------
    >>> state_letter(TASK_KILLABLE), state_letter(TASK_INTERRUPTIBLE)
    ('D', 'S')
    """
    if state & TaskState.DEAD:
        return "X"
    if state & TaskState.STOPPED:
        return "T"
    if state & TaskState.UNINTERRUPTIBLE:
        return "D"
    if state & TaskState.INTERRUPTIBLE:
        return "S"
    return "R"


@functools.lru_cache(maxsize=4096)
def names(flags: int, kind: type[IntFlag]) -> str:
    """Spell a flag word, lowest bit first.

    Parameters
    ----------
    flags : int
        The word; bits without a name are shown in hexadecimal.
    kind : type of IntFlag
        `FaultFlag`, `VmFault`, ...

    Returns
    -------
    str
        For example ``ALLOW_RETRY|KILLABLE``; ``0`` for an empty word.

    Examples
    --------
    >>> names(0x14, FaultFlag)
    'ALLOW_RETRY|KILLABLE'
    """
    parts = [str(flag.name) for flag in kind if flags & flag]
    rest = flags & ~sum(int(flag) for flag in kind)
    if rest:
        parts.append(hex(rest))
    return "|".join(parts) or "0"
