"""How far apart the uses of a page are: what decides the misses of a TLB, and how much memory is in use.

For each access, look back to the last one to the same page. Two lengths tell all that is asked here:

- the **gap**: how many accesses ago that was. A page belongs to the working set of ``tau`` accesses at
  a time if it was accessed in the last ``tau`` (Denning);
- the **depth**: how many different pages were accessed since, that page included. A fully associative
  TLB of `n` entries with true LRU holds the `n` pages that were accessed last, so the access hits if
  the depth is at most `n`, for every `n` at once (Mattson, Gecsei, Slutz, Traiger).

A page that was not accessed before has neither: it misses in every TLB, and faults if it is mapped on
demand.

References
----------
R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger: Evaluation techniques for storage hierarchies. IBM
Systems Journal 9 (2), 1970. P. J. Denning: The working set model for program behavior. CACM 11 (5),
1968; P. J. Denning, S. C. Schwartz: Properties of the working-set model. CACM 15 (3), 1972.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reuse", "depths"]

Ints: TypeAlias = NDArray[np.int64]

_SHORT = 16
"""Gaps up to this are counted one by one; longer ones, which are few, by sorting. Changes speed only."""
_N_BITS = 64


class Reuse:
    """Gaps and depths of a stream of page numbers.

    Parameters
    ----------
    window : int
        Accesses in each of the windows whose pages are counted.

    Notes
    -----
    Takes about 0.2 us an access of `ls -l` and memory for each page, not for each access.

    Examples
    --------
    >>> reuse = Reuse(window=4)
    >>> reuse.add(np.array([7, 8, 7, 9, 8, 8]))
    >>> reuse.misses(4).tolist()  # in TLBs of 0, 1, 2, 3 and 4 entries
    [6, 5, 4, 3, 3]
    >>> reuse.working_sets(3).round(2).tolist()  # pages in the last 1, 2, 4 accesses, on the average
    [1.0, 1.67, 2.33]
    >>> reuse.windows.tolist(), reuse.first_pages.tolist(), reuse.first_times.tolist()
    ([3, 1], [7, 8, 9], [0, 1, 3])
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.n = 0
        """Accesses."""
        self._stack = np.empty(0, np.int64)  # pages, that of the last access last
        self._last = np.empty(0, np.int64)  # when each was accessed for the last time
        self._depths = np.zeros(1, np.int64)  # accesses of each depth
        self._gap_counts = np.zeros(_N_BITS, np.int64)  # of the gaps of so many bits
        self._gap_sums = np.zeros(_N_BITS, np.int64)
        self._windows = np.zeros(1, np.int64)
        self._first: list[tuple[Ints, Ints]] = []

    def add(self, pages: Ints) -> None:
        """Add accesses.

        Parameters
        ----------
        pages : array of int64, shape (n,)
            Page numbers in the order of time. A million at a time is fast.
        """
        if not len(pages):
            return
        # A run of accesses to one page is one element; what came before are elements of one access each.
        begins = np.concatenate(([0], np.flatnonzero(pages[1:] != pages[:-1]) + 1))
        ends = np.concatenate((begins[1:], [len(pages)])) - 1
        n_before = len(self._stack)
        page = np.concatenate((self._stack, pages[begins]))
        first = np.concatenate((self._last, begins + self.n))
        last = np.concatenate((self._last, ends + self.n))

        before = _previous(page)
        found = depths(before)
        of_page = np.arange(n_before, len(page))
        again = of_page[before[of_page] >= 0]
        new = of_page[before[of_page] < 0]
        n_again = len(pages) - len(begins)  # within runs: gap 1, depth 1
        self._depths = _add(self._depths, np.bincount(found[again]))
        self._depths = _add(self._depths, np.array([0, n_again]))

        gaps = first[again] - last[before[again]]
        bits = np.frexp(gaps.astype(np.float64))[1]
        self._gap_counts += np.bincount(bits, minlength=_N_BITS)
        self._gap_sums += np.bincount(bits, weights=gaps, minlength=_N_BITS).astype(np.int64)
        self._gap_counts[1] += n_again
        self._gap_sums[1] += n_again

        self._first.append((page[new], first[new]))
        self._count_windows(
            first[n_before:], last[n_before:], np.where(before >= 0, last[before], -1)[n_before:]
        )
        final = np.ones(len(page), bool)
        final[before[before >= 0]] = False
        self._stack, self._last = page[final], last[final]
        self.n += len(pages)

    def _count_windows(self, first: Ints, last: Ints, before: Ints) -> None:
        """Count a page once in each window that a run of it touches, unless it was there before."""
        one, end = first // self.window, last // self.window
        seen = np.where(before >= 0, before // self.window, -1)
        counts = np.bincount(one[seen < one], minlength=int(end[-1]) + 1)
        for begin, stop in zip(one[end > one].tolist(), end[end > one].tolist(), strict=True):
            counts[begin + 1 : stop + 1] += 1
        self._windows = _add(self._windows, counts)

    @property
    def n_pages(self) -> int:
        """Pages that were accessed, which is also the number of accesses that no TLB would hit."""
        return len(self._stack)

    def misses(self, n_entries: int) -> Ints:
        """Count the misses of fully associative TLBs with true LRU.

        Parameters
        ----------
        n_entries : int
            Of the largest TLB.

        Returns
        -------
        array of int64, shape (n_entries + 1,)
            Misses in TLBs of 0, 1, ... `n_entries` entries.
        """
        counts = np.zeros(n_entries + 1, np.int64)
        n = min(len(counts), len(self._depths))
        counts[:n] = self._depths[:n]
        return self.n - np.cumsum(counts)

    def working_sets(self, n: int) -> NDArray[np.float64]:
        """Average the sizes of working sets over all times.

        Parameters
        ----------
        n : int
            How many sizes are asked for.

        Returns
        -------
        array of float64, shape (n,)
            Pages accessed in the last 1, 2, 4, ... 2**(n-1) accesses; before the first access was none.
        """
        found = np.empty(n)
        rests = self.n - self._last  # how long the last use of each page counts
        for k in range(n):
            tau = 1 << k
            # A use keeps its page in the working set until the next use, tau accesses at most.
            used = self._gap_sums[: k + 1].sum() + tau * self._gap_counts[k + 1 :].sum()
            found[k] = (used + np.minimum(rests, tau).sum()) / max(self.n, 1)
        return found

    @property
    def windows(self) -> Ints:
        """Pages accessed in each `window` accesses, one window after the other: int64, shape (n_windows,)."""
        return self._windows

    @property
    def first_pages(self) -> Ints:
        """Pages in the order of their first access: int64, shape (n_pages,)."""
        return np.concatenate([np.empty(0, np.int64), *(pages for pages, _ in self._first)])

    @property
    def first_times(self) -> Ints:
        """The number of each such first access, counted from 0: int64, shape (n_pages,)."""
        return np.concatenate([np.empty(0, np.int64), *(times for _, times in self._first)])


def depths(before: Ints) -> Ints:
    """Count the different elements since the last use of the same one.

    Parameters
    ----------
    before : array of int64, shape (n,)
        Where each element was used last; -1 if it was not.

    Returns
    -------
    array of int64, shape (n,)
        How many different ones were used since, itself included; 0 if it was not used.

    Notes
    -----
    Take each use and its last one as the ends of an interval. Between them lie ``gap - 1`` uses; each is
    of another element unless an interval that lies within ends there. So the depth is the gap less the
    intervals within. Short intervals, which are most, look at each use between. A long one counts the
    short ones within by subtraction (one that begins before it ends before it), and the long ones by
    `n_larger_before`. The cost is that of the sort: n log n.
    """
    n = len(before)
    at = np.arange(n)
    gaps = at - before
    used = before >= 0
    depth = np.where(used, gaps, 0)

    waiting = np.flatnonzero(used & (gaps > 2) & (gaps <= _SHORT))
    for back in range(1, _SHORT):
        waiting = waiting[gaps[waiting] > back]
        depth[waiting] -= before[waiting - back] > before[waiting]

    short = used & (gaps <= _SHORT)
    n_ended = np.cumsum(short)
    begins = np.zeros(n, np.int64)
    begins[before[short]] = 1
    n_begun = np.cumsum(begins)
    long = np.flatnonzero(used & (gaps > _SHORT))
    depth[long] -= n_ended[long] - n_begun[before[long]]
    depth[long] -= n_larger_before(before[long])
    return depth


def n_larger_before(values: Ints) -> Ints:
    """Count, for each of `n` different values, those that stand before it and are larger.

    Sorts by one binary digit after the other, the highest first, and counts in each group of equal
    higher digits the ones that a zero has before it.
    """
    n = len(values)
    order = np.argsort(values)
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)  # the same order, and every number is there: a group's place is known
    owner = np.arange(n)
    larger = np.zeros(n, np.int64)
    for bit in reversed(range(max(n - 1, 1).bit_length())):
        one = rank >> bit & 1
        n_ones = np.cumsum(one) - one  # before each place
        start = rank >> bit + 1 << bit + 1  # of the group
        ones = n_ones - n_ones[start]
        zero = one == 0
        larger[owner[zero]] += ones[zero]
        place = np.where(zero, np.arange(n) - ones, start + (1 << bit) + ones)
        moved = np.empty((2, n), np.int64)
        moved[0, place], moved[1, place] = rank, owner
        rank, owner = moved
    return larger


def _previous(values: Ints) -> Ints:
    """Tell where each value stood before; -1 if it did not."""
    order = np.argsort(values, kind="stable")
    again = np.flatnonzero(values[order[1:]] == values[order[:-1]])
    before = np.full(len(values), -1)
    before[order[again + 1]] = order[again]
    return before


def _add(counts: Ints, more: Ints) -> Ints:
    """Add two histograms of different lengths."""
    if len(counts) < len(more):
        counts, more = more, counts
    counts[: len(more)] += more
    return counts
