"""What a kernel has to remember: the translations that a processor may hold in spite of the tables."""

from __future__ import annotations

from collections.abc import Callable, Collection

GLOBAL = -1
"""The address space of global translations, which all spaces use."""


class Stale:
    """Stale translations, each by its address space (PCID) and page, with the size of the large page around.

    What invalidates one piece of a large page, invalidates them all.
    """

    def __init__(self) -> None:
        self._bytes: dict[tuple[int, int], int] = {}

    def add(self, space: int, va: int, page_bytes: int) -> None:
        """Note that the page at `va` has changed; what was noted first holds."""
        self._bytes.setdefault((space, va), page_bytes)

    def has(self, space: int, va: int) -> bool:
        """Tell whether an access in `space` could use a stale translation."""
        return (space, va) in self._bytes or (GLOBAL, va) in self._bytes

    def addresses(self) -> list[int]:
        """All addresses noted."""
        return [va for _, va in self._bytes]

    def forget_page(self, spaces: Collection[int], va: int) -> int:
        """The page around `va` was invalidated in these spaces; returns how many addresses are good again."""
        sizes = {space: self._bytes[space, va] for space in spaces if (space, va) in self._bytes}
        return self._forget(
            lambda space, other, size: sizes.get(space) == size and other // size == va // size
        )

    def forget_spaces(self, which: Callable[[int], bool]) -> None:
        """All translations of some spaces were invalidated."""
        self._forget(lambda space, *_: which(space))

    def _forget(self, which: Callable[[int, int, int], bool]) -> int:
        good = [key for key, size in self._bytes.items() if which(*key, size)]
        for key in good:
            del self._bytes[key]
        return len(good)
