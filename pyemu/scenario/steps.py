"""Steps: what a task's program can do, and the keys of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pyemu.flags import (
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
)


class Action(StrEnum):
    """What a step does."""

    READ = "read"
    WRITE = "write"
    PAUSE = "pause"
    WAIT_MESSAGE = "wait_message"
    WAIT_READABLE = "wait_readable"
    POLL = "poll"
    COPY = "copy"
    ZEROPAGE = "zeropage"
    WRITEPROTECT = "writeprotect"
    CONTINUE = "continue"
    WAKE = "wake"
    REGISTER = "register"
    UNREGISTER = "unregister"
    CLOSE = "close"
    SIGNAL = "signal"
    TKILL = "tkill"
    BLOCK = "block"
    UNBLOCK = "unblock"
    SETITIMER = "setitimer"
    SAMPLE = "sample"
    MARK = "mark"
    PAGEMAP = "pagemap"
    POST = "post"
    WAIT_POST = "wait_post"
    MMAP_FIXED = "mmap_fixed"
    MUNMAP = "munmap"
    MADV_DONTNEED = "madvise_dontneed"
    PROCESS_VM_READV = "process_vm_readv"
    FUTEX_WAKE_OP = "futex_wake_op"
    GET_MEMPOLICY = "get_mempolicy"
    PIN = "pin"
    VCPU_FAULT = "vcpu_fault"
    ASYNC_PF = "async_pf"
    VMSPLICE = "vmsplice"
    ODIRECT_WRITE = "odirect_write"
    PROCMEM_READ = "procmem_read"
    MLOCK = "mlock"
    MUNLOCK = "munlock"
    READ_ZERO = "read_zero"
    TMPFS_WRITE = "tmpfs_write"
    PIPE_READ = "pipe_read"
    PIPE_WRITE = "pipe_write"
    MPROTECT = "mprotect"
    POPULATE = "populate"
    FORK = "fork"
    MSYNC = "msync"
    TRUNCATE = "truncate"
    FADVISE_DONTNEED = "fadvise_dontneed"
    DROP_CACHES = "drop_caches"
    HOLD_PAGE = "hold_page"
    GUEST_READ = "guest_read"
    GUEST_WRITE = "guest_write"
    PUNCH_HOLE = "punch_hole"
    MADV_PAGEOUT = "madvise_pageout"
    RECLAIM = "reclaim"
    MOVE_PAGES = "move_pages"
    KHUGEPAGED = "khugepaged"


REQUIRED = object()
# Keys of each step: name -> default. `page` counts from the area's start; `pages` is a length in pages;
# `ticks` is a time in us (of the waits: at most that long; None, no limit); `byte` is 0 to 255; `task` names
# a task, `child` one that is forked; `answer` means the page of the last message that the task read, if it
# read one; `protect` asks for write-protected pages; `wake` is the opposite of the ioctl's DONTWAKE; `mode`
# is one of `MODES`; `file` names a file, `size` is a length in pages; `prot` is "none", "r" or "rw".
# `hold_page` stands for somebody else's I/O: it locks a page of a file for a time, or of the file "swap" a
# page that is swapped out; these are counted from 1, in the order of the areas.
STEPS: dict[Action, dict[str, Any]] = {
    Action.READ: {"area": REQUIRED, "page": 0, "offset": 0},
    Action.WRITE: {"area": REQUIRED, "page": 0, "offset": 0, "byte": 7},
    Action.PAUSE: {"ticks": REQUIRED},
    Action.WAIT_MESSAGE: {"ticks": None},
    Action.WAIT_READABLE: {"ticks": None},
    Action.POLL: {"ticks": REQUIRED},
    Action.COPY: {
        "area": REQUIRED,
        "page": 0,
        "pages": 1,
        "byte": 5,
        "protect": False,
        "wake": True,
        "answer": False,
    },
    Action.ZEROPAGE: {"area": REQUIRED, "page": 0, "pages": 1, "wake": True, "answer": False},
    Action.WRITEPROTECT: {
        "area": REQUIRED,
        "page": 0,
        "pages": 1,
        "protect": True,
        "wake": True,
        "answer": False,
    },
    Action.CONTINUE: {"area": REQUIRED, "page": 0, "pages": 1, "wake": True, "answer": False},
    Action.WAKE: {"area": REQUIRED, "page": 0, "pages": 1, "answer": False},
    Action.REGISTER: {"area": REQUIRED, "page": 0, "pages": None, "mode": "missing"},
    Action.UNREGISTER: {"area": REQUIRED, "page": 0, "pages": None},
    Action.CLOSE: {},
    # A signal to a task's process, or to one thread of it; a mask of one's own; SIGALRM for one's process
    # after `ticks`, then every `interval`, until its handler has run `count` times (0: no end).
    Action.SIGNAL: {"task": REQUIRED, "signal": REQUIRED},
    Action.TKILL: {"task": REQUIRED, "signal": REQUIRED},
    Action.BLOCK: {"signal": REQUIRED},
    Action.UNBLOCK: {"signal": REQUIRED},
    Action.SETITIMER: {"ticks": REQUIRED, "interval": 0, "count": 0},
    Action.SAMPLE: {"task": REQUIRED, "label": "state"},
    Action.MARK: {"label": REQUIRED},
    Action.PAGEMAP: {"area": REQUIRED, "page": 0, "label": "page"},
    Action.POST: {"task": REQUIRED},
    Action.WAIT_POST: {"ticks": None},
    Action.MMAP_FIXED: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MUNMAP: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MADV_DONTNEED: {"area": REQUIRED, "page": 0, "pages": 1},
    # System calls that get pages by get_user_pages. `task` is whose memory is read (default: one's own);
    # `buffer` and `first` name areas of one's own: where the bytes go, and where the first futex word is.
    Action.PROCESS_VM_READV: {
        "area": REQUIRED,
        "page": 0,
        "pages": 1,
        "task": None,
        "buffer": REQUIRED,
        "buffer_offset": 0,
    },
    Action.FUTEX_WAKE_OP: {"area": REQUIRED, "page": 0, "first": REQUIRED},
    Action.GET_MEMPOLICY: {"area": REQUIRED, "page": 0},
    # vmsplice(2) into a pipe that tasks share by its name, or into a fresh one; write(2) with O_DIRECT.
    Action.VMSPLICE: {"area": REQUIRED, "page": 0, "pages": 1, "pipe": ""},
    Action.ODIRECT_WRITE: {"area": REQUIRED, "page": 0, "pages": 1},
    # A read of /proc/PID/mem; without a buffer the bytes go to memory that is left out.
    Action.PROCMEM_READ: {"area": REQUIRED, "page": 0, "pages": 1, "task": None, "buffer": None},
    Action.MLOCK: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.MUNLOCK: {"area": REQUIRED, "page": 0, "pages": 1},
    # A driver that calls one entry of get_user_pages, to write or to read, waiting or not.
    Action.PIN: {
        "area": REQUIRED,
        "page": 0,
        "pages": 1,
        "entry": "get_user_pages_unlocked",
        "write": True,
        "nowait": False,
        "interruptible": False,
    },
    # A CPU of a KVM guest whose memory the area is: it faults, and if the page has to be waited for, it waits
    # or, with a worker, posts to that and goes on. The worker's step: bring in a page of that task's memory.
    Action.VCPU_FAULT: {"area": REQUIRED, "page": 0, "write": True, "worker": None},
    Action.ASYNC_PF: {"area": REQUIRED, "page": 0, "task": REQUIRED},
    # System calls that touch the pages: read(2) of /dev/zero, pwrite(2) to a fresh memfd; read(2) and
    # write(2) of a pipe that tasks share by its name, or, without a name, of a fresh one (full for reading).
    Action.READ_ZERO: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.TMPFS_WRITE: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.PIPE_READ: {"area": REQUIRED, "page": 0, "pages": 1, "pipe": ""},
    Action.PIPE_WRITE: {"area": REQUIRED, "page": 0, "pages": 1, "pipe": ""},
    Action.MPROTECT: {"area": REQUIRED, "page": 0, "pages": 1, "prot": REQUIRED},
    Action.POPULATE: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.FORK: {"child": REQUIRED},
    Action.MSYNC: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.TRUNCATE: {"file": REQUIRED, "size": REQUIRED},
    Action.FADVISE_DONTNEED: {"file": REQUIRED},
    Action.DROP_CACHES: {},
    Action.HOLD_PAGE: {"file": REQUIRED, "page": 0, "ticks": REQUIRED},
    # On s390: ioctl(KVM_RUN) of a guest that accesses one byte of its memory, an area of the program.
    Action.GUEST_READ: {"area": REQUIRED, "page": 0, "offset": 0},
    Action.GUEST_WRITE: {"area": REQUIRED, "page": 0, "offset": 0, "byte": 7},
    # fallocate(2) with FALLOC_FL_PUNCH_HOLE: shared memory gives pages back, and keeps its length.
    Action.PUNCH_HOLE: {"file": REQUIRED, "page": 0, "pages": 1},
    # Pages that leave their place. `task` is whose memory is meant (default: one's own): kswapd and
    # khugepaged are tasks that work on another's. `ticks` is the time that the copy of a page takes.
    Action.MADV_PAGEOUT: {"area": REQUIRED, "page": 0, "pages": 1},
    Action.RECLAIM: {"area": REQUIRED, "page": 0, "pages": 1, "task": None},
    Action.MOVE_PAGES: {"area": REQUIRED, "page": 0, "pages": 1, "task": None, "ticks": REQUIRED},
    Action.KHUGEPAGED: {"area": REQUIRED, "page": 0, "pages": 1, "task": None},
}
ENTRIES = (
    *("get_user_pages", "get_user_pages_locked", "get_user_pages_unlocked", "get_user_pages_remote"),
    *("get_user_pages_fast", "fixup_user_fault", "populate"),
)
MEMORY = {
    Action.READ,
    Action.WRITE,
    Action.MMAP_FIXED,
    Action.MUNMAP,
    Action.MADV_DONTNEED,
    Action.PROCESS_VM_READV,
    Action.FUTEX_WAKE_OP,
    Action.GET_MEMPOLICY,
    Action.PIN,
    Action.VCPU_FAULT,
    Action.ASYNC_PF,
    Action.VMSPLICE,
    Action.ODIRECT_WRITE,
    Action.PROCMEM_READ,
    Action.MLOCK,
    Action.MUNLOCK,
    Action.READ_ZERO,
    Action.TMPFS_WRITE,
    Action.PIPE_READ,
    Action.PIPE_WRITE,
    Action.PAGEMAP,
    Action.MPROTECT,
    Action.POPULATE,
    Action.MSYNC,
    Action.GUEST_READ,
    Action.GUEST_WRITE,
    Action.MADV_PAGEOUT,
    Action.RECLAIM,
    Action.MOVE_PAGES,
    Action.KHUGEPAGED,
}  # of the task itself
SERVING = {
    *(
        Action.WAIT_MESSAGE,
        Action.WAIT_READABLE,
        Action.POLL,
        Action.COPY,
        Action.ZEROPAGE,
        Action.WRITEPROTECT,
        Action.CONTINUE,
        Action.WAKE,
    ),
    *(Action.REGISTER, Action.UNREGISTER, Action.CLOSE),
}  # of a userfaultfd
# What a userfaultfd is asked to serve: as a scenario writes it, and the bits of UFFDIO_REGISTER.
MODES = {
    "missing": UFFDIO_REGISTER_MODE_MISSING,
    "wp": UFFDIO_REGISTER_MODE_WP,
    "missing+wp": UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
    "minor": UFFDIO_REGISTER_MODE_MINOR,
    "missing+minor": UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR,
}
# Steps whose `pages` are of 4 KiB in an area of huge pages, too: bytes that are copied, pages that
# get_user_pages gets. Elsewhere they are pages of the area.
SMALL = {
    Action.PROCESS_VM_READV,
    Action.PIN,
    Action.VMSPLICE,
    Action.ODIRECT_WRITE,
    Action.PROCMEM_READ,
    Action.READ_ZERO,
    Action.TMPFS_WRITE,
    Action.PIPE_READ,
    Action.PIPE_WRITE,
}
# They may name a task whose memory they mean.
OF_ANOTHER = {
    Action.PROCESS_VM_READV,
    Action.PROCMEM_READ,
    Action.ASYNC_PF,
    Action.RECLAIM,
    Action.MOVE_PAGES,
    Action.KHUGEPAGED,
}
SWAPPING = {Action.MADV_PAGEOUT, Action.RECLAIM}  # pages go to the swap device
