"""Entries of page tables, followed through the writes to emulated RAM.

Which entries a write may change is known from the last walk to each page: it depends on the lines of RAM that
the walk read. So a write costs the walks to a few pages, not to all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pyemu.effects.swapops import is_migration_entry, is_swap_entry, swp_offset
from pyemu.flags import PAGE_UFFD_WP
from pyemu.hw import x86
from pyemu.travel.snapshot import LINE_SHIFT

__all__ = ["Tables", "entry_words", "right_words"]

Page = tuple[int, int]
"""An address space and the address of a page in it."""

LEVELS = (4, 3, 2, 1)
_BITS = (
    (x86.P, "P"),
    (x86.RW, "RW"),
    (x86.US, "US"),
    (x86.A, "A"),
    (x86.D, "D"),
    (x86.G, "G"),
    (PAGE_UFFD_WP, "UFFD_WP"),
    (x86.NX, "NX"),
)


def right_words(bits: int) -> str:
    """Name the bits of an entry of a page table, or of a TLB; see the processor manuals."""
    return " ".join(name for bit, name in _BITS if bits & bit)


def entry_words(entry: int) -> str:
    """Say what a last-level entry holds.

    Parameters
    ----------
    entry : int
        64 bits; 0 for none.

    Returns
    -------
    str
        Frame and bits.

    Examples
    --------
    >>> entry_words(0x8067), entry_words(0x1200), entry_words(0)
    ('frame 8: P RW US A D', 'slot 1 of the swap device', 'nothing')
    """
    if is_swap_entry(entry):
        return f"slot {swp_offset(entry)} of the swap device" + ": UFFD_WP" * bool(entry & PAGE_UFFD_WP)
    if is_migration_entry(entry):
        return f"frame {swp_offset(entry)}, which is being moved"
    if not entry & x86.P:
        return f"{entry:#x}: not present" if entry else "nothing"
    return f"frame {(entry & x86.ADDRESS) >> x86.PAGE_SHIFT}: {right_words(entry)}"


class Tables:
    """The last-level entries of some pages.

    Parameters
    ----------
    ram_size : int
        Bytes of RAM.
    pages : iterable of (int, int)
        Address space and address of the pages that are followed.
    """

    def __init__(self, ram_size: int, pages: Iterable[Page]) -> None:
        self._ram = bytearray(ram_size)
        self._roots: dict[int, int] = {}
        self._pages: dict[int, list[Page]] = defaultdict(list)
        for page in pages:
            self._pages[page[0]].append(page)
        self._readers: dict[int, set[Page]] = defaultdict(set)  # line of RAM -> pages whose walk read it
        self._stale: set[Page] = set()

    def set_root(self, mm: int, root: int) -> None:
        """Learn where the table of an address space begins."""
        self._roots[mm] = root
        self._stale.update(self._pages[mm])

    def write(self, line: int, data: bytes) -> None:
        """Write a line of RAM."""
        start = line << LINE_SHIFT
        self._ram[start : start + len(data)] = data
        self._stale |= self._readers.pop(line, set())

    def changed(self) -> Iterator[tuple[Page, int]]:
        """Give the entries that may have changed since this was last called, in order of addresses."""
        stale, self._stale = sorted(self._stale), set()
        for page in stale:
            yield page, self._walk(page)

    def _walk(self, page: Page) -> int:
        table = self._roots[page[0]]
        entry = 0
        for level in LEVELS:
            place = x86.entry_address(table, page[1], level)
            self._readers[place >> LINE_SHIFT].add(page)
            entry = x86.read_entry(self._ram, place)
            if not entry & x86.P:
                return entry if level == 1 else 0
            table = entry & x86.ADDRESS
        return entry
