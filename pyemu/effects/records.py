"""Records: immutable results and arguments that are more than a number."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pyemu.effects.swapops import SWAP


@dataclass(frozen=True, slots=True)
class Regs:
    """The registers at an exception, as far as the fault path looks at them.

    Attributes
    ----------
    user : bool
        The exception came from user mode.
    ip : int
        Address of the instruction that faulted.
    ax : int
        What a system call gives its caller, an error as a negative number; 0 after an exception.
    """

    user: bool
    ip: int = 0
    ax: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What a monitor reads from a userfaultfd (``struct uffd_msg``).

    Attributes
    ----------
    address : int
        Address of the page, in bytes.
    flags : int
        ``UFFD_PAGEFAULT_FLAG_*``.
    """

    address: int
    flags: int


@dataclass(frozen=True, slots=True)
class AccessResult:
    """What the hardware did with one access.

    Attributes
    ----------
    value : int or None
        The byte read or written, or the number of bytes copied; None when the access faulted.
    error_code : int
        ``X86_PF_*`` bits of the page fault; 0 when there was none.
    """

    value: int | None
    error_code: int = 0


@dataclass(frozen=True, slots=True)
class Siginfo:
    """A signal as it is taken from the queue (``struct kernel_siginfo``).

    Attributes
    ----------
    signal : int
        Its number.
    code : int
        ``si_code``: what caused it (0: kill).
    address : int
        Address of the fault, or 0.
    """

    signal: int
    code: int = 0
    address: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of a page frame, in one look (``struct page``).

    Attributes
    ----------
    mapping : int or None
        Number of the file in whose cache it is, of the swap device for the swap cache; None for anonymous
        memory, and for a page that was truncated.
    index : int
        Which page of the file, or which slot of the swap device.
    mapcount : int
        Page-table entries that name it.
    refcount : int
        Who holds it: entries, the cache, and those who took a reference.
    uptodate, dirty, locked, writeback : bool
        It holds what the file says; it was changed since; somebody has its lock; the disk is writing it.
    """

    mapping: int | None
    index: int
    mapcount: int
    refcount: int
    uptodate: bool
    dirty: bool
    locked: bool
    writeback: bool = False

    @property
    def anonymous(self) -> bool:
        """It belongs to no file."""
        return self.mapping is None or self.swapcache

    @property
    def swapcache(self) -> bool:
        """It is in the swap cache."""
        return self.mapping == SWAP.id


@dataclass(frozen=True, slots=True)
class GupResult:
    """What get_user_pages gives back.

    Attributes
    ----------
    n : int
        How many pages; a negative errno only if there is not one.
    locked : int or None
        What C writes through ``int *locked``: 1 while mmap_sem is held as it was on entry; 0 when it was
        dropped, even if it was taken again and released since; None when the caller passed no pointer.
    pages : tuple of int
        Their frames, each with a reference, if the caller asked for them.
    """

    n: int
    locked: int | None = None
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HugetlbWalk:
    """What follow_hugetlb_page gives back.

    Attributes
    ----------
    n : int
        How many pages get_user_pages has by now; -EFAULT only if there is not one.
    left : int
        How many are still wanted: 0 after RETRY and after an error, so that the caller's loop ends.
    position : int
        Where the next one is.
    locked : int or None
        As in `GupResult`.
    pages : tuple of int
        The frames that this walk got, each with a reference.
    """

    n: int
    left: int
    position: int
    locked: int | None
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultinResult:
    """What faultin_page gives back.

    Attributes
    ----------
    error : int
        0: look again; -EBUSY: the fault said RETRY; -EAGAIN: it is served, and mmap_sem was dropped;
        -ENOENT: skip the page; or another error.
    locked : int or None
        As in `GupResult`.
    flags : int
        ``FOLL_*`` to go on with.
    """

    error: int
    locked: int | None
    flags: int


@dataclass(frozen=True, slots=True)
class PfnResult:
    """What hva_to_pfn gives back.

    Attributes
    ----------
    pfn : int
        The page's frame, with a reference; a negative errno without one: -EINTR for a signal
        (``KVM_PFN_ERR_SIGPENDING``), -EFAULT for anything else (``KVM_PFN_ERR_FAULT``).
    wait : bool
        What C writes through ``bool *async``: the page may be had by waiting, which the caller didn't want.
    """

    pfn: int
    wait: bool = False


@dataclass(frozen=True, slots=True)
class FixupResult:
    """What fixup_user_fault gives back.

    Attributes
    ----------
    error : int
        0 or a negative errno.
    unlocked : bool or None
        mmap_sem was dropped in between; None when the caller passed no pointer, and so did not allow it.
    """

    error: int
    unlocked: bool | None = None


@dataclass(frozen=True, slots=True)
class PipeBuffer:
    """A buffer of a pipe (``struct pipe_buffer``).

    Attributes
    ----------
    pfn, offset, length : int
        The frame that holds it, its first byte there, and its number of bytes.
    """

    pfn: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a fault function of a file gives (``vm_fault_t``, and ``vmf->page``).

    Attributes
    ----------
    bits : int
        ``VM_FAULT_*``; with LOCKED, the page is there, locked, and a reference to it is yours.
    page : int
        Frame number; 0 without a page.
    """

    bits: int
    page: int = 0


@dataclass(frozen=True, slots=True)
class PageLock:
    """What became of the wait for a page of a file.

    Attributes
    ----------
    locked : bool
        Its lock is yours.
    pinned : bool
        mmap_sem was dropped meanwhile, and the file pinned instead.
    """

    locked: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Which pages of a file are read ahead (``struct file_ra_state``).

    Attributes
    ----------
    start, size : int
        First page, and how many.
    async_size : int
        How many pages before the end stands the one that, when it is met, asks for the next window.
    """

    start: int = 0
    size: int = 0
    async_size: int = 0


KINDS = (
    Regs,
    Message,
    AccessResult,
    Siginfo,
    Page,
    GupResult,
    HugetlbWalk,
    FaultinResult,
    FixupResult,
    PfnResult,
    Found,
    PageLock,
    PipeBuffer,
    Window,
)
RECORDS: dict[str, type[Any]] = {kind.__name__: kind for kind in KINDS}


def record_values(record: Any) -> tuple[Any, ...]:
    """Give the field values of a record, in order."""
    return tuple(getattr(record, field.name) for field in fields(record))


def user_mode(regs: Regs) -> bool:
    """Say whether the exception interrupted user mode.

    This looks at the interrupted context, not at FAULT_FLAG_USER, and is no effect: `regs` is a value.

    References
    ----------
    Linux v5.7, arch/x86/include/asm/ptrace.h, user_mode.
    """
    return regs.user
