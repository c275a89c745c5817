"""A TLB that makes one chosen mistake: what the wrong answers of exercise H2 come to."""

from __future__ import annotations

from typing import Any

from course.paging.address_spaces import KEEP, Machine, Walk

__all__ = ["SLIPS", "Model"]

SMALL = 4096
SLIPS = (
    "no-tag",
    "global-flushed",
    "noflush-flushes",
    "fifo",
    "caches-absent",
    "rewalk-on-hit",
    "power-of-2-mask",
    "one-size",
    "D-skip",
    "invlpg-all",
    "invlpg-4K-part",
    "upgrade-stale",
)
"""The wrong answers of the exercise; none of them: a right TLB."""
Entry = dict[str, Any]


class Model:
    """Sets of entries, each with the last used one in front.

    Parameters
    ----------
    machine : Machine
        Not looked at: walks come with each access.
    sets, ways : int
        Of the TLB.
    slip : str
        One of `SLIPS`, or empty.
    """

    def __init__(self, machine: Machine, sets: int, ways: int, slip: str = "") -> None:
        self.sets: list[list[Entry]] = [[] for _ in range(sets)]
        self.ways = ways
        self.slip = slip
        self.pcid = machine.cr3 & 0xFFF

    def load_cr3(self, value: int) -> None:
        """Load CR3."""
        self.pcid = value & 0xFFF
        if not value & KEEP or self.slip == "noflush-flushes":
            flushed = self.slip == "global-flushed"
            self._forget(lambda one: one["pcid"] == self.pcid and (flushed or not one["global"]))

    def invlpg(self, address: int) -> None:
        """Forget the page around an address."""
        if self.slip == "invlpg-all":
            self._forget(self._own)
        elif self.slip == "invlpg-4K-part":
            self._forget(lambda one: self._own(one) and one["page"] == address & -SMALL)
        else:
            self._forget(lambda one: self._own(one) and self._covers(one, address))

    def access(self, address: int, kind: str, walk: Walk) -> object:
        """Translate."""
        entry, ways = self._find(address)
        if entry is not None and not entry["size"]:
            return "fault"
        if entry is not None and kind == "write" and not entry["writable"]:
            if self.slip == "upgrade-stale":
                return "fault"
            ways.remove(entry)
            entry = None
        if entry is None:
            found = walk(address, kind)
            if found is not None or self.slip == "caches-absent":
                self._keep(found, address)
            return "fault" if found is None else ("miss", found["frame"] + address % found["size"])
        again = kind == "write" and not entry["dirty"] and self.slip != "D-skip"
        if again or self.slip == "rewalk-on-hit":
            found = walk(address, kind)
            ways.remove(entry)
            if found is None:
                return "fault"
            entry = self._keep(found, address)
        elif self.slip != "fifo":
            ways.remove(entry)
            ways.insert(0, entry)
        return "hit", entry["frame"] + address % entry["size"]

    def _find(self, address: int) -> tuple[Entry | None, list[Entry]]:
        for size in (SMALL, SMALL * 512):
            ways = self._set(address, size)
            for one in ways:
                if self._covers(one, address) and (self._own(one) or self.slip == "no-tag"):
                    return one, ways
        return None, []

    def _keep(self, found: Entry | None, address: int) -> Entry:
        absent = {"page": address & -SMALL, "size": 0, "global": False}
        entry = (absent if found is None else found) | {"pcid": self.pcid}
        if self.slip == "one-size":
            entry = entry | {"page": address & -SMALL}
        ways = self._set(address, entry["size"] or SMALL)
        ways.insert(0, entry)
        del ways[self.ways :]
        return entry

    def _set(self, address: int, size: int) -> list[Entry]:
        number = address // (SMALL if self.slip == "one-size" else size)
        n = len(self.sets)
        return self.sets[number & n - 1 if self.slip == "power-of-2-mask" else number % n]

    def _covers(self, one: Entry, address: int) -> bool:
        size = SMALL if self.slip == "one-size" else one["size"] or SMALL
        return bool(one["page"] == address & -size)

    def _own(self, one: Entry) -> bool:
        return bool(one["pcid"] == self.pcid or one["global"])

    def _forget(self, doomed: Any) -> None:
        for ways in self.sets:
            ways[:] = [one for one in ways if not doomed(one)]
