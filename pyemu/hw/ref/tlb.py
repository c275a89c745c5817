"""Everything that one CPU caches of its page tables, and the ways to forget it."""

from __future__ import annotations

from collections.abc import Callable

from pyemu.hw.ref.caches import Level, WalkCaches
from pyemu.hw.tlb import TlbConfig, TlbEntry, TlbSnapshot


class Tlb:
    """Two levels of arrays and the walk caches. Addresses come without their unused high bits."""

    def __init__(self, config: TlbConfig) -> None:
        n1, n2 = len(config.l1), len(config.l1) + len(config.l2)
        seeds = [config.seed + i + 1 for i in range(n2 + len(config.walk_caches))]
        self.l1 = Level(config.l1, seeds[:n1])
        self.l2 = Level(config.l2, seeds[n1:n2])
        self.walk_caches = WalkCaches(config.walk_caches, seeds[n2:])

    def drop(self, doomed: Callable[[TlbEntry], bool]) -> None:
        """Forget all translations that are `doomed`; walk caches keep what they hold."""
        for level in (self.l1, self.l2):
            level.discard(doomed)

    def drop_page(self, va: int, asid: int) -> None:
        """Forget what an address space would use for the page around `va`, global entries too."""
        self.drop(lambda entry: maps(entry, va) and (entry.is_global or entry.asid == asid))

    def drop_own_page(self, va: int, asid: int) -> None:
        """Forget the page around `va` of one address space, but nothing global."""
        self.drop(lambda entry: maps(entry, va) and belongs(entry, asid))

    def drop_page_everywhere(self, va: int) -> None:
        """Forget the page around `va` of every address space."""
        self.drop(lambda entry: maps(entry, va))

    def drop_walks(self, asid: int) -> None:
        """Forget what walk caches hold for one address space."""
        self.walk_caches.discard(lambda entry: entry.asid == asid)

    def drop_space(self, asid: int) -> None:
        """Forget all of one address space, but nothing global."""
        self.drop(lambda entry: belongs(entry, asid))
        self.drop_walks(asid)

    def drop_all_but_global(self) -> None:
        """Forget all address spaces, but nothing global. Walk caches hold nothing global."""
        self.drop(lambda entry: not entry.is_global)
        self.walk_caches.discard(lambda _: True)

    def drop_all(self) -> None:
        """Forget everything but what the policies remember."""
        self.drop(lambda _: True)
        self.walk_caches.discard(lambda _: True)

    def clear(self) -> None:
        """Forget everything, what the policies remember too."""
        for arrays in (self.l1, self.l2, self.walk_caches):
            arrays.clear()

    def snapshot(self) -> TlbSnapshot:
        """Return all that is cached."""
        return TlbSnapshot(self.l1.snapshot(), self.l2.snapshot(), self.walk_caches.snapshot())


def belongs(entry: TlbEntry, asid: int) -> bool:
    """Tell whether an entry belongs to one address space alone."""
    return entry.asid == asid and not entry.is_global


def maps(entry: TlbEntry, va: int) -> bool:
    """Tell whether the page that an entry is (a piece of) contains `va`."""
    return ((entry.vpn << 12) ^ va) & -entry.page_size == 0
