"""A small memory: three page tables, a few frames, a processor for each task; the kernel is the learner's.

The processors are those of `pyemu.hw`, with their TLBs. `operations` gives what a kernel may do here. What
never may happen is noted, and the memory goes on.

While the kernel works, one more processor of the parent looks at everything it can: before each step at all
pages, and at a page whenever its entry has changed or was flushed. So it knows what a processor may know, and
an order of calls that goes wrong only now and then on a real machine goes wrong here each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from course.memory.steps import FIRST, N_PAGES
from pyemu.flags import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, Signal
from pyemu.hw import Mmu, Registers, make_mmu, x86

__all__ = ["MANY", "ZERO_FRAME", "Entry", "SmallMemory"]

MANY = 100
"""Owners of the zero page: whoever has it, it is never theirs alone."""
ZERO_FRAME = 1
N_FRAMES = 24
TABLES = 4
"""Of each process: one a level, since its area is small."""
PROCESSES = ("parent", "child")
PAGES = range(FIRST, FIRST + N_PAGES * PAGE_SIZE, PAGE_SIZE)
SEEN = "parent"
"""The process one more processor of which looks at everything."""
Entry = tuple[int, bool]
"""A frame, and whether it may be written."""
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
        The signal that was sent in this step, with its code.
    shared_writes : list of str
        Processes that wrote into a frame of several owners.
    copied : list of tuple of (int, int)
        Frames copied to, with those copied from.
    allocated : set of int
        Frames that were allocated in this step.
    stale_after : str
        The step after which a processor first knew what an entry no longer says; empty when none did.
    slips : set of str
        What tells apart ways to count owners wrongly. ``early put``: a frame was put while an entry named it
        that was changed later in the same step. ``fresh put``: a frame was put in the step that allocated it,
        and an entry named it. ``put too often``: in a step a frame was put oftener than entries lost it, and
        owners were counted. ``owner too many``: after a step that counted an owner of it, a frame had more
        owners than entries.
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
        self.slips: set[str] = set()
        self._seen: dict[int, Entry] = {}  # what the processor knows that looks at everything
        # In this step:
        self._changed: set[tuple[str, int]] = set()  # entries
        self._flushed: set[tuple[str, int]] = set()
        self.allocated: set[int] = set()
        self._counted: Counter[int] = Counter()  # owners that frames got
        self._put: Counter[int] = Counter()  # and that went
        self._put_early: list[int] = []  # frames that were put while more entries named them
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
        frame = found.pa >> PAGE_SHIFT
        if byte is not None and frame == ZERO_FRAME:
            self._broke("zero page written", f"a write to {address:#x} went to the frame that all share")
        elif byte is not None and self.n_mapped(frame) > 1:
            self.shared_writes.append(_TASKS[task])
        if byte is not None:
            self.ram[found.pa] = byte
        return self.ram[found.pa]

    def known(self, process: str) -> Iterator[tuple[int, Entry]]:
        """Give the translations that processors of a process know: a page, with its frame and right."""
        for task, mmu in self._mmus.items():
            if _TASKS[task] == process:
                for array in mmu.tlb_entries().l2:  # those of the first level are in the second as well
                    for one in array.entries:
                        yield one.vpn << PAGE_SHIFT, (one.pfn, bool(one.flags & x86.RW))
        if process == SEEN:
            yield from self._seen.items()

    def _look(self, process: str, address: int) -> None:
        """Let the processor that looks at everything look a page up, unless it knows it."""
        page = address & PAGE_MASK
        entry = self.entry(process, page)
        if process == SEEN and entry is not None:
            self._seen.setdefault(page, entry)

    # -- a step --------------------------------------------------------------------------------

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Do a step: see afterwards who knows what is no longer so, and who was counted wrongly."""
        self.signal = None
        for mine in (self._changed, self._flushed, self.allocated, self._counted, self._put, self._put_early):
            mine.clear()
        before = self.entries()
        for page in PAGES:
            self._look(SEEN, page)
        yield
        for process, page in sorted(self._changed):
            entry = self.entry(process, page)
            if any(where == page and not _says(entry, one) for where, one in self.known(process)):
                self.stale_after = self.stale_after or name
                if (process, page) in self._flushed:
                    text = f"another processor looked {page:#x} up after the flush, before its entry changed"
                    self._broke("flushed too early", text)
                else:
                    text = f"a processor still knows what the entry of {page:#x} no longer says"
                    self._broke("stale translation", text)
        if any(self.n_mapped(frame) <= self.n_owners[frame] for frame in self._put_early):
            self.slips.add("early put")
        after = self.entries()
        lost = Counter(entry[0] for place, entry in before.items() if after.get(place, ())[:1] != entry[:1])
        if any(n > lost[frame] + self._counted[frame] for frame, n in self._put.items()):
            self.slips.add("put too often")
        if any(self.n_mapped(frame) < self.n_owners[frame] for frame in self._counted):
            self.slips.add("owner too many")
        self._seen.clear()

    # -- what is not the learner's part --------------------------------------------------------

    def protect(self, process: str, address: int, rights: str) -> None:
        """Change what an area allows, as mprotect does: entries lose a right at once, and get none."""
        self.rights[process][address & PAGE_MASK] = rights
        entry = self.entry(process, address)
        if entry is not None and rights == "r":
            with self.step("mprotect"):
                self.set_entry(process, address, entry[0], False)
                self.flush(process, address)

    def end(self, process: str) -> None:
        """Let a process end: its entries are emptied, and its frames given back."""
        with self.step("exit"):
            for page in PAGES:
                entry = self.entry(process, page)
                if entry is not None:
                    self.clear_entry(process, page)
                    self.flush(process, page)
                    self.put(entry[0])

    def entries(self) -> dict[tuple[str, int], Entry]:
        """Give all entries, by process and page."""
        places = ((process, page) for process in PROCESSES for page in PAGES)
        return {place: entry for place in places if (entry := self.entry(*place)) is not None}

    def n_mapped(self, frame: int) -> int:
        """Count the entries that name a frame."""
        return sum(entry[0] == frame for entry in self.entries().values())

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

    def entry(self, process: str, address: int) -> Entry | None:
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
        for task, mmu in self._mmus.items():
            if _TASKS[task] == _process(process):
                mmu.invlpg(_address(address))
        page = _address(address) & PAGE_MASK
        self._flushed.add((process, page))
        if process == SEEN:
            self._seen.pop(page, None)
        self._look(process, page)

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
        self.allocated.add(frame)
        self._counted[frame] += 1
        return frame

    def copy(self, to: int, source: int) -> None:
        """Copy the contents of a frame to another."""
        start = _frame(source) * PAGE_SIZE
        if self.n_mapped(_frame(to)):
            self._broke("seen half done", f"frame {to} is copied to while an entry names it")
        self.ram[to * PAGE_SIZE : (to + 1) * PAGE_SIZE] = self.ram[start : start + PAGE_SIZE]
        self.copied.append((to, source))

    def owners(self, frame: int) -> int:
        """Say how many owners a frame has."""
        return MANY if _frame(frame) == ZERO_FRAME else self.n_owners[frame]

    def get(self, frame: int) -> None:
        """Count one more owner of a frame."""
        if _frame(frame) != ZERO_FRAME:
            self.n_owners[frame] += 1
            self._counted[frame] += 1

    def put(self, frame: int) -> None:
        """Count one owner less; without an owner the frame is free."""
        if _frame(frame) == ZERO_FRAME:
            return
        self._put[frame] += 1
        if self.n_owners[frame] == 0:
            self._broke("freed twice", f"frame {frame} has no owner, and one more gives it back")
            return
        self.n_owners[frame] -= 1
        n = self.n_owners[frame]
        left = "is free" if n == 0 else f"has {n} owner{'s' * (n > 1)} by count"
        rule = "freed" if n == 0 else "put"
        naming = {process for (process, _), entry in self.entries().items() if entry[0] == frame}
        knowing = {one for one in PROCESSES if any(entry[0] == frame for _, entry in self.known(one))}
        if n == 0:
            self.free.append(frame)
        if len(naming) > n:
            self._put_early.append(frame)
            if frame in self.allocated:
                self.slips.add("fresh put")
            self._broke(f"{rule} while mapped", f"frame {frame} {left}, and an entry still names it")
        elif len(naming | knowing) > n:
            self._broke(f"{rule} while known", f"frame {frame} {left}, and a processor still knows it")

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
        self._changed.add((process, address & PAGE_MASK))
        self._look(process, address)

    def _broke(self, rule: str, text: str) -> None:
        self.broken.append((rule, text))


def _says(entry: Entry | None, known: Entry) -> bool:
    """Say whether an entry still says what a processor knows of it: the frame, and no right more."""
    return entry is not None and entry[0] == known[0] and entry[1] >= known[1]


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
