"""State: everything that kernel functions share, at named locations.

The state is a table from *locations* to immutable values. A location is a tuple: ``("mmap_sem", mm)``,
``("vma", id)``, ``("signal", task)``. Every change goes through `State.set`, so one place sees what an
operation touches (a test compares that with the footprint that the operation declares). Page tables and page
contents live in emulated RAM; their location is ``("pte", mm, page number)``, or ``("pmd", mm, number)`` for
the entry of a huge page; who uses a frame is at ``("frame", number)``. RAM is changed in three places:
`State.store`, `State.set_entry`, and the MMU in `State.access`. `pyemu.travel` listens there and at
`State.set`. Huge pages lie behind RAM (`pyemu.hugepages`); what one holds is at ``("bytes", its frame)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyemu.effects.records import PipeBuffer
from pyemu.effects.swapops import SWAP
from pyemu.errors import ScenarioError
from pyemu.flags import HPAGE_MASK, HPAGE_SHIFT, HPAGE_SIZE, PAGE_SHIFT, PAGE_SIZE, VmFlag
from pyemu.hugepages import FRAMES, POOL, POOL_PFN, POOL_START, HugeBytes, HugePool, head
from pyemu.hw import Access, Mmu, TableRef, make_mmu, x86

Location = tuple[Any, ...]
ZERO_PFN = 1  # the frame of the shared zero page
# Bits of an entry that names a table. A is set from the start, as Linux does it: so no walk changes a table.
TABLE = x86.P | x86.RW | x86.US | x86.A
FIRST_FREE_PFN = 2  # frame 0 stays empty, so that a null pointer into RAM shows


@dataclass(frozen=True, slots=True)
class RwSem:
    """mmap_sem (``struct rw_semaphore``): strict first come, first served.

    Attributes
    ----------
    readers : tuple of int
        Tasks that hold it for reading; a task that took it twice stands twice.
    writer : int or None
        The task that holds it for writing.
    waiters : tuple of (int, bool)
        Task, and whether it wants to write, in order of arrival.
    """

    readers: tuple[int, ...] = ()
    writer: int | None = None
    waiters: tuple[tuple[int, bool], ...] = ()

    @property
    def free_for_reading(self) -> bool:
        """Nobody writes, and nobody waits to."""
        return self.writer is None and not self.waiters

    @property
    def free(self) -> bool:
        """Nobody holds it, nobody waits."""
        return self.writer is None and not self.readers and not self.waiters


@dataclass(frozen=True, slots=True)
class VmaLock:
    """The lock of a single area (``vm_lock`` of ``struct vm_area_struct``).

    Attributes
    ----------
    readers : tuple of int
        Tasks whose fault holds it.
    writer : int or None
        The task that waits for them to leave. Who has it for writing stands at ``("vmas_written", mm)``.
    """

    readers: tuple[int, ...] = ()
    writer: int | None = None


@dataclass(frozen=True, slots=True)
class VmaState:
    """A memory area.

    Attributes
    ----------
    mm : int
        Its address space.
    start, end : int
        First byte and first byte after it.
    flags : VmFlag
        What it allows.
    context : int or None
        The userfaultfd it is registered with.
    alive : bool
        False once it was freed: a handle to it is then a dangling pointer.
    file : int or None
        The file that it shows; None for anonymous memory.
    pgoff : int
        Which page of the file is its first.
    reserves : bool
        It made the reservations of its private mapping of huge pages (``HPAGE_RESV_OWNER``): a child's copy
        did not.
    """

    mm: int
    start: int
    end: int
    flags: VmFlag
    context: int | None = None
    alive: bool = True
    file: int | None = None
    pgoff: int = 0
    reserves: bool = False


@dataclass(frozen=True, slots=True)
class FileState:
    """A file; which of its pages are cached is at ``("cache", file, page)``.

    Attributes
    ----------
    name : str
        Its name in the scenario.
    kind : str
        ``file``: on a disk. ``shmem``: it has no other place than the cache. ``hugetlb``: the same, with huge
        pages. ``faulty``: a driver that is wrong on purpose; ``oom``, ``sigsegv``: one that fails.
    pages : int
        Its length, in pages of its own kind.
    byte : int
        What fills it on the disk.
    filled : int
        How many of its first pages that goes for: what a file gains later is zeros.
    io_ticks : int
        How long the disk needs for one request.
    read_ahead : int
        How many pages around a missing one are read with it; 0 for none.
    throttle : int
        How long a task that makes a page dirty has to wait (``balance_dirty_pages``).
    named : bool
        It has a name, or somebody has it open: it stays when nothing maps it any more.
    alive : bool
        False once it was freed, with its locks.
    """

    name: str
    kind: str
    pages: int
    byte: int = 0
    filled: int = 0
    io_ticks: int = 0
    read_ahead: int = 0
    throttle: int = 0
    named: bool = True
    alive: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What the disk is asked for (``struct bio``): neighbouring pages of a file, to be read or written."""

    file: int
    first: int
    pages: int
    write: bool


@dataclass(frozen=True, slots=True)
class FrameState:
    """A page frame that is in use (``struct page``); frames of page tables have none.

    Attributes
    ----------
    mapping : int or None
        The file whose page it holds, while it is in that file's cache, or the swap device; None for other
        anonymous memory.
    index : int
        Which page of the file, counted from 0, or which slot of the swap device.
    mapcount : int
        Page-table entries that name it.
    refcount : int
        Who holds it: each entry, the cache, and whoever took a reference. At 0 the frame is free.
    uptodate : bool
        It holds what the file says; False until it was read.
    dirty : bool
        It was changed, and the file on disk was not.
    locked_by : int or None
        The task that holds the page lock; that of a page under I/O belongs to the disk.
    waiters : tuple of (int, bool)
        Task, and whether it wants the lock for itself, in order of arrival.
    ahead : bool
        It was read ahead, and meeting it asks for the next window (``PG_readahead``).
    writeback : bool
        The disk is writing it.
    writeback_waiters : tuple of int
        Tasks that wait for the end of that.
    """

    mapping: int | None = None
    index: int = 0
    mapcount: int = 0
    refcount: int = 1
    uptodate: bool = False
    dirty: bool = False
    locked_by: int | None = None
    waiters: tuple[tuple[int, bool], ...] = ()
    ahead: bool = False
    writeback: bool = False
    writeback_waiters: tuple[int, ...] = ()

    @property
    def anonymous(self) -> bool:
        """It belongs to no file: the swap device is none."""
        return self.mapping is None or self.mapping == SWAP.id


@dataclass(frozen=True, slots=True)
class Hole:
    """A hole that is being punched into a file (``struct shmem_falloc``).

    Attributes
    ----------
    first, end : int
        Its first page, and the first one behind it.
    waiters : tuple of int
        Tasks whose fault waits for its end.
    """

    first: int
    end: int
    waiters: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PipeState:
    """A pipe.

    Attributes
    ----------
    buffers : tuple of PipeBuffer
        What it holds, the oldest first.
    slots : int
        How many buffers fit.
    owner : int or None
        The task that holds its lock.
    lockers, reading, writing : tuple of int
        Tasks that wait for the lock, for data, for room, in order of arrival.
    """

    buffers: tuple[PipeBuffer, ...] = ()
    slots: int = 16
    owner: int | None = None
    lockers: tuple[int, ...] = ()
    reading: tuple[int, ...] = ()
    writing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextState:
    """A userfaultfd.

    Attributes
    ----------
    mm : int
        The address space it serves.
    user_mode_only : bool
        Made with UFFD_USER_MODE_ONLY: faults from kernel mode are refused.
    features : int
        What it was asked to do differently: bits of `UffdFeature`.
    released : bool
        It was closed.
    pending, read : tuple of int
        Waits whose message nobody has read yet, and those whose message was read.
    """

    mm: int
    user_mode_only: bool = False
    released: bool = False
    pending: tuple[int, ...] = ()
    read: tuple[int, ...] = ()
    features: int = 0


@dataclass(frozen=True, slots=True)
class WaitState:
    """A task's entry in the queue of a userfaultfd."""

    task: int
    context: int
    address: int
    flags: int
    waken: bool = False


@dataclass(frozen=True, slots=True)
class Itimer:
    """The interval timer of a process.

    Attributes
    ----------
    task : int
        The device.
    expires : int or None
        When it rings, or rang last; None while it is off.
    interval : int
        Time from one ring to the next; 0 for one ring alone.
    count : int
        After how many runs of the handler that switches it off; 0 for never.
    """

    task: int
    expires: int | None = None
    interval: int = 0
    count: int = 0


@dataclass(slots=True)
class State:
    """The shared state of a machine.

    Parameters
    ----------
    ram_pages : int
        Size of emulated RAM in pages of 4096 bytes.
    n_cpus : int
        Each CPU has an MMU and TLBs of its own.
    twin : str
        Which twin of the hardware: ``auto``, ``ref`` or ``fast``.
    """

    ram_pages: int = 256
    n_cpus: int = 2
    twin: str = "auto"
    data: dict[Location, Any] = field(default_factory=dict)
    ram: bytearray = field(init=False)
    mmus: list[Mmu] = field(init=False)
    loaded: list[int] = field(init=False)  # the page-table root in CR3 of each CPU; 0 before the first load
    roots: dict[int, int] = field(default_factory=dict)
    # Whose frames are taken and given back: each task may have an arena of its own, so that what two of them
    # allocate doesn't depend on who was first.
    arena: int = 0
    # Called as touched("read" | "write", location, old, new) when set: for tests of footprints.
    touched: Callable[[str, Location, Any, Any], None] | None = None

    def __post_init__(self) -> None:
        self.ram = bytearray(self.ram_pages * PAGE_SIZE)
        self.mmus = [make_mmu(self.ram, twin=self.twin) for _ in range(self.n_cpus)]
        self.loaded = [0] * self.n_cpus
        self.set(("arena", 0), (FIRST_FREE_PFN, self.ram_pages))
        self.set(("free_frames", 0), ())

    def get(self, location: Location, default: Any = None) -> Any:
        """Read a location."""
        value = self.data.get(location, default)
        if self.touched is not None:
            self.touched("read", location, value, value)
        return value

    def set(self, location: Location, value: Any) -> None:
        """Write a location."""
        if self.touched is not None:
            self.touched("write", location, self.data.get(location), value)
        self.data[location] = value

    def load(self, pa: int, n: int) -> bytes:
        """Read bytes of RAM or of a huge page, at a physical address."""
        if pa < POOL_START:
            return bytes(self.ram[pa : pa + n])
        content: HugeBytes = self.get(("bytes", head(pa >> PAGE_SHIFT)))
        return content.read(pa % HPAGE_SIZE, n)

    def store(self, pa: int, data: bytes) -> None:
        """Write bytes of RAM or of a huge page, at a physical address."""
        if pa < POOL_START:
            self.ram[pa : pa + len(data)] = data
            return
        place = ("bytes", head(pa >> PAGE_SHIFT))
        self.set(place, self.get(place).written(pa % HPAGE_SIZE, data))

    def access(self, cpu: int, address: int, kind: str, references: list[TableRef]) -> Access:
        """Let the MMU of a CPU translate an address; it may set A and D in the entries that it reads."""
        return self.mmus[cpu].access(address, kind, references)

    # -------------------------------------------------------------------------------- pages and tables

    def take_frame(self, byte: int = 0) -> int:
        """Take a free frame and fill it: the one that was freed last, else the next that was never used.

        Parameters
        ----------
        byte : int
            0 to 255.

        Returns
        -------
        int
            Frame number.

        Raises
        ------
        ScenarioError
            When emulated RAM is full.
        """
        freed: tuple[int, ...] = self.get(("free_frames", self.arena))
        if freed:
            pfn = freed[-1]
            self.set(("free_frames", self.arena), freed[:-1])
        else:
            pfn, end = self.get(("arena", self.arena))
            if pfn >= end:
                raise ScenarioError(
                    f"emulated RAM is full: all {self.ram_pages} pages are in use. Give the scenario more: "
                    f"[machine] ram_pages = {self.ram_pages * 2}."
                )
            self.set(("arena", self.arena), (pfn + 1, end))
        self.store(pfn << PAGE_SHIFT, bytes([byte]) * PAGE_SIZE)
        return pfn

    def divide(self, n_arenas: int) -> None:
        """Share out the frames that were never used: each arena from 1 to `n_arenas` gets a part."""
        first, end = self.data["arena", 0]
        part = (end - first) // n_arenas
        self.set(("arena", 0), (first, first))
        for arena in range(1, n_arenas + 1):
            start = first + (arena - 1) * part
            self.set(("arena", arena), (start, start + part))
            self.set(("free_frames", arena), ())

    def alloc_page(self, byte: int = 0) -> int:
        """Take a free frame for a page: who asked holds the one reference to it."""
        pfn = self.take_frame(byte)
        self.set(("frame", pfn), FrameState())
        return pfn

    def fill_pool(self, n_pages: int) -> None:
        """Make the pool of huge pages."""
        pages = range(POOL_PFN, POOL_PFN + n_pages * FRAMES, FRAMES)
        self.set(POOL, HugePool(tuple(reversed(pages))))

    def alloc_huge_page(self, byte: int = 0, reserved: int = 0) -> int:
        """Take a huge page from the pool, and fill it; `reserved` is 1 if it was promised to who asks."""
        pool: HugePool = self.get(POOL)
        pfn = pool.free[-1]
        self.set(POOL, HugePool(pool.free[:-1], pool.reserved - reserved))
        self.set(("bytes", pfn), HugeBytes(byte))
        self.set(("frame", pfn), FrameState())
        return pfn

    def new_mm(self, mm: int) -> None:
        """Make an address space with an empty page table."""
        self.roots[mm] = self.take_frame() << PAGE_SHIFT
        self.set(("mmap_sem", mm), RwSem())
        self.set(("vmas", mm), ())

    def get_pte(self, mm: int, address: int) -> int:
        """Read the last-level entry of an address; 0 when a table on the way is missing."""
        place = x86.leaf_address(self.ram, self.roots[mm], address)
        entry = x86.read_entry(self.ram, place) if place is not None else 0
        if self.touched is not None:
            self.touched("read", ("pte", mm, address >> PAGE_SHIFT), entry, entry)
        return entry

    def set_pte(self, mm: int, address: int, entry: int) -> None:
        """Write the last-level entry of an address, making the tables on the way."""
        va = address & ~(PAGE_SIZE - 1)
        if self.touched is not None:
            self.touched("write", ("pte", mm, va >> PAGE_SHIFT), None, entry)
        self.set_entry(mm, va, entry, 1)

    def get_huge_pte(self, mm: int, address: int) -> int:
        """Read the entry of a page directory for an address; 0 when a table on the way is missing."""
        place = x86.leaf_address(self.ram, self.roots[mm], address, level=2)
        entry = x86.read_entry(self.ram, place) if place is not None else 0
        if self.touched is not None:
            self.touched("read", ("pmd", mm, address >> HPAGE_SHIFT), entry, entry)
        return entry

    def set_huge_pte(self, mm: int, address: int, entry: int) -> None:
        """Write the entry of a page directory for an address, making the tables on the way."""
        if self.touched is not None:
            self.touched("write", ("pmd", mm, address >> HPAGE_SHIFT), None, entry)
        self.set_entry(mm, address & HPAGE_MASK, entry, 2)

    def set_entry(self, mm: int, va: int, entry: int, level: int) -> None:
        """Write an entry of a table (level 1) or of a page directory (level 2)."""
        root = self.roots[mm]
        place = x86.leaf_address(self.ram, root, va, level=level)
        if place is None:
            place = x86.map_page(
                self.ram,
                root,
                va,
                0,
                0,
                lambda: self.take_frame() << PAGE_SHIFT,
                level=level,
                table_flags=TABLE,
            )
        x86.write_entry(self.ram, place, entry)

    def flush(self, address: int) -> int:
        """Drop the translations of a page on every CPU; give the number of CPUs."""
        for cpu, mmu in enumerate(self.mmus):
            if self.touched is not None:
                self.touched("write", ("tlb", cpu), None, None)
            mmu.invlpg(address)
        return len(self.mmus)

    # -------------------------------------------------------------------------------- areas

    def find_vma(self, mm: int, address: int) -> int | None:
        """Give the first area that ends above an address."""
        for vma in self.get(("vmas", mm)):
            if address < self.get(("vma", vma)).end:
                return int(vma)
        return None

    def add_vma(self, vma: int, area: VmaState) -> None:
        """Put an area into its address space, in order of addresses."""
        self.set(("vma", vma), area)
        others = (*self.get(("vmas", area.mm)), vma)
        self.set(("vmas", area.mm), tuple(sorted(others, key=lambda one: int(self.get(("vma", one)).start))))
