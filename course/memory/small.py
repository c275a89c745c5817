"""A small memory: three page tables, a few frames, a processor for each task; the kernel is the learner's.

The processors are those of `pyemu.hw`, with their TLBs. `operations` gives what a kernel may do here. What
never may happen is noted, and the memory goes on.
"""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from course.memory.steps import FIRST, N_PAGES
from pyemu.flags import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, Signal
from pyemu.hw import HitLevel, Mmu, Registers, make_mmu, x86

__all__ = ["MANY", "ZERO_FRAME", "SmallMemory"]

MANY = 100
"""Owners of the zero page: whoever has it, it is never theirs alone."""
ZERO_FRAME = 1
N_FRAMES = 16
TABLES = 4
"""Of each process: one a level, since its area is small."""
PROCESSES = ("parent", "child")
PAGES = range(FIRST, FIRST + N_PAGES * PAGE_SIZE, PAGE_SIZE)
_TASKS = {"T": "parent", "thread": "parent", "child": "child"}


class SmallMemory:
    """What the processors and the learner's kernel work on.

    Attributes
    ----------
    broken : list of tuple of (str, str)
        Rules that were broken, with a sentence each.
    counters : Counter
        What was counted, by name.
    signal : tuple of (str, int) or None
        The signal that was sent last, with its code.
    shared_writes : list of str
        Processes that wrote into a frame of several owners.
    copied : list of tuple of (int, int)
        Frames copied to, with those copied from.
    stale_after : str
        The step after which an old translation was used first; empty when none was.
    early_puts : list of int
        Frames that were freed while an entry named them that was changed later in the same step.
    step : str
        What the kernel is asked to do at present; the caller sets it.
    """

    def __init__(self) -> None:
        self.ram = bytearray((N_FRAMES + TABLES * len(PROCESSES)) * PAGE_SIZE)
        self.rights = {process: dict.fromkeys(PAGES, "rw") for process in PROCESSES}
        self.free = list(range(ZERO_FRAME + 1, N_FRAMES))
        self.n_owners: Counter[int] = Counter()
        self.counters: Counter[str] = Counter()
        self.broken: list[tuple[str, str]] = []
        self.signal: tuple[str, int] | None = None
        self.shared_writes: list[str] = []
        self.copied: list[tuple[int, int]] = []
        self.stale_after = ""
        self.early_puts: list[int] = []
        self.step = ""
        self._freed_mapped: list[int] = []  # in this step
        self._changed: dict[tuple[str, int], str] = {}  # the step that last changed an entry
        self._roots = {name: (N_FRAMES + n * TABLES) * PAGE_SIZE for n, name in enumerate(PROCESSES)}
        for root in self._roots.values():
            tables = iter(range(root + PAGE_SIZE, root + TABLES * PAGE_SIZE, PAGE_SIZE))
            x86.map_page(self.ram, root, FIRST, 0, 0, tables.__next__)
        self._mmus = {task: self._mmu(self._roots[process]) for task, process in _TASKS.items()}

    def _mmu(self, root: int) -> Mmu:
        mmu = make_mmu(self.ram, "ref")
        mmu.load(Registers(cr0=x86.CR0_WP, cr3=root, cr4=0, efer=x86.EFER_NXE, cpl=3))
        return mmu

    # -- the processors ------------------------------------------------------------------------

    def access(self, task: str, address: int, byte: int | None = None) -> int:
        """Read a byte, or write one, as a task does it; give the byte. Raises the processor's fault."""
        found = self._mmus[task].access(address, "read" if byte is None else "write")
        process, frame = _TASKS[task], found.pa >> PAGE_SHIFT
        entry = self.entry(process, address)
        if found.level != HitLevel.WALK and (
            entry is None or entry[0] != frame or (byte is not None and not entry[1])
        ):
            self.stale_after = self.stale_after or self._changed[process, address & PAGE_MASK]
            self._broke("stale translation", f"what a processor still knew of {address:#x} was used")
        elif byte is not None and frame == ZERO_FRAME:
            self._broke("zero page written", f"a write to {address:#x} went to the frame that all share")
        elif byte is not None and self.n_mapped(frame) > 1:
            self.shared_writes.append(process)
        if byte is not None:
            self.ram[found.pa] = byte
        return self.ram[found.pa]

    # -- what is not the learner's part --------------------------------------------------------

    def protect(self, process: str, address: int, rights: str) -> None:
        """Change what an area allows, as mprotect does: entries lose a right at once, and get none."""
        self.rights[process][address & PAGE_MASK] = rights
        entry = self.entry(process, address)
        if entry is not None and rights == "r":
            self.set_entry(process, address, entry[0], False)
            self.flush(process, address)

    def end(self, process: str) -> None:
        """Let a process end: its entries are emptied, and its frames given back."""
        for page in PAGES:
            entry = self.entry(process, page)
            if entry is not None:
                self.clear_entry(process, page)
                self.flush(process, page)
                self.put(entry[0])
        self.end_step()

    def end_step(self) -> None:
        """See what became of frames that were freed while an entry named them."""
        self.early_puts += [frame for frame in self._freed_mapped if not self.n_mapped(frame)]
        self._freed_mapped.clear()

    def n_mapped(self, frame: int) -> int:
        """Count the entries that name a frame."""
        entries = (self.entry(process, page) for process in PROCESSES for page in PAGES)
        return sum(entry is not None and entry[0] == frame for entry in entries)

    def lost(self) -> list[int]:
        """Give the frames that have an owner by count, and are named by no entry."""
        return [frame for frame, n in self.n_owners.items() if n > 0 and not self.n_mapped(frame)]

    # -- what a kernel may do ------------------------------------------------------------------

    def operations(self) -> SimpleNamespace:
        """Give the operations of a learner's kernel, by name."""
        names = "area pages entry set_entry clear_entry flush zero_frame alloc copy owners get put count"
        names += " force_sig_fault"
        return SimpleNamespace(**{name: getattr(self, name) for name in names.split()})

    def area(self, process: str, address: int) -> str:
        """Say what a process may do at an address: ``rw``, ``r``, or nothing, where there is no area."""
        return self.rights[_process(process)].get(_address(address) & PAGE_MASK, "")

    def pages(self, process: str) -> tuple[int, ...]:
        """Give the addresses of the pages of a process's areas."""
        return tuple(self.rights[_process(process)])

    def entry(self, process: str, address: int) -> tuple[int, bool] | None:
        """Give frame and right to write of an entry; None where there is none."""
        if _address(address) & PAGE_MASK not in PAGES:
            return None
        entry = x86.read_entry(self.ram, self._entry_address(process, address))
        return (entry >> PAGE_SHIFT, bool(entry & x86.RW)) if entry & x86.P else None

    def set_entry(self, process: str, address: int, frame: int, writable: bool) -> None:
        """Put an entry in place, instead of the one that was there."""
        rights = x86.P | x86.US | (x86.RW if writable else 0)
        self._write(process, address, _frame(frame) << PAGE_SHIFT | rights)

    def clear_entry(self, process: str, address: int) -> None:
        """Empty an entry."""
        self._write(process, address, 0)

    def flush(self, process: str, address: int) -> None:
        """Let every processor that runs the process forget what it knows of a page."""
        _process(process)
        for task, mmu in self._mmus.items():
            if _TASKS[task] == process:
                mmu.invlpg(_address(address))

    def zero_frame(self) -> int:
        """Give the frame of zeros that everybody shares."""
        return ZERO_FRAME

    def alloc(self) -> int:
        """Give a fresh frame, full of zeros, with one owner."""
        if not self.free:
            raise ValueError("no frame is free; give back those that nobody has, with put")
        frame = self.free.pop(0)
        self.ram[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE] = bytes(PAGE_SIZE)
        self.n_owners[frame] = 1
        return frame

    def copy(self, to: int, source: int) -> None:
        """Copy the contents of a frame to another."""
        start = _frame(source) * PAGE_SIZE
        self.ram[_frame(to) * PAGE_SIZE : (to + 1) * PAGE_SIZE] = self.ram[start : start + PAGE_SIZE]
        self.copied.append((to, source))

    def owners(self, frame: int) -> int:
        """Say how many owners a frame has."""
        return MANY if _frame(frame) == ZERO_FRAME else self.n_owners[frame]

    def get(self, frame: int) -> None:
        """Count one more owner of a frame."""
        if _frame(frame) != ZERO_FRAME:
            self.n_owners[frame] += 1

    def put(self, frame: int) -> None:
        """Count one owner less; without an owner the frame is free."""
        if _frame(frame) == ZERO_FRAME:
            return
        if self.n_owners[frame] == 0:
            self._broke("freed twice", f"frame {frame} has no owner, and one more gives it back")
            return
        self.n_owners[frame] -= 1
        if self.n_owners[frame] == 0:
            self.free.append(frame)
            if self.n_mapped(frame):
                self._freed_mapped.append(frame)
                self._broke("freed while mapped", f"frame {frame} is free, and an entry still names it")
            elif any(_knows(mmu, frame) for mmu in self._mmus.values()):
                self._broke("freed while known", f"frame {frame} is free, and a processor still knows it")

    def count(self, name: str) -> None:
        """Count a fault: ``min_flt`` or ``maj_flt``."""
        if name not in ("min_flt", "maj_flt"):
            raise ValueError(f"count({name!r}): the counters are 'min_flt' and 'maj_flt'")
        self.counters[name] += 1

    def force_sig_fault(self, signal: int, code: int) -> None:
        """Send a signal, with its code, to the task that made the access."""
        if signal not in list(Signal):
            raise ValueError(f"{signal!r} is no signal; SIGSEGV and SIGBUS are")
        self.signal = (Signal(signal).name, int(code))

    # -- inside --------------------------------------------------------------------------------

    def _entry_address(self, process: str, address: int) -> int:
        page = _address(address) & PAGE_MASK
        if page not in PAGES:
            sent = "; a signal was sent, so return after it" if self.signal else ""
            raise ValueError(
                f"{address:#x} is in no area; they go from {FIRST:#x} up to {PAGES.stop:#x}{sent}"
            )
        return self._roots[_process(process)] + (TABLES - 1) * PAGE_SIZE + 8 * (page >> PAGE_SHIFT & 511)

    def _write(self, process: str, address: int, entry: int) -> None:
        x86.write_entry(self.ram, self._entry_address(process, address), entry)
        self._changed[process, address & PAGE_MASK] = self.step

    def _broke(self, rule: str, text: str) -> None:
        self.broken.append((rule, text))


def _knows(mmu: Mmu, frame: int) -> bool:
    """Say whether a translation to a frame is cached; the first level's are in the second as well."""
    return any(entry.pfn == frame for array in mmu.tlb_entries().l2 for entry in array.entries)


def _process(process: object) -> str:
    if process not in PROCESSES:
        raise ValueError(f"{process!r} is no process; there are {' and '.join(map(repr, PROCESSES))}")
    return str(process)


def _address(address: object) -> int:
    if isinstance(address, bool) or not isinstance(address, int):
        raise ValueError(f"{address!r} is no address; it must be a whole number")
    return address


def _frame(frame: object) -> int:
    if isinstance(frame, bool) or not isinstance(frame, int) or not ZERO_FRAME <= frame < N_FRAMES:
        raise ValueError(f"{frame!r} is no frame; alloc, entry and zero_frame give frames")
    return frame
