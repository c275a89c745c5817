"""The longest common subsequence of two lists, for lists that are much alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

MOST_EDITS = 500  # what has to go or to come; the search takes its square in time and in memory

Match = tuple[int, int]


def common(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Match]:
    """Give a longest common subsequence.

    Parameters
    ----------
    left, right : sequence
        Of anything that can be compared.

    Returns
    -------
    list of (int, int)
        Places of equal items, in order. After `MOST_EDITS` differences between the common beginning and the
        common end, the search stops: what lies behind is not paired, though some of it may be equal.

    Examples
    --------
    >>> common("abcd", "axcd")
    [(0, 0), (2, 2), (3, 3)]

    References
    ----------
    E. W. Myers, An O(ND) difference algorithm and its variations, Algorithmica 1 (1986).
    """
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    n_end = 0
    while n_end < min(len(left), len(right)) - start and left[-1 - n_end] == right[-1 - n_end]:
        n_end += 1
    middle = _middle(left[start : len(left) - n_end], right[start : len(right) - n_end])
    return [
        *((i, i) for i in range(start)),
        *((start + i, start + j) for i, j in middle),
        *((len(left) - n, len(right) - n) for n in range(n_end, 0, -1)),
    ]


def _middle(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Match]:
    """Give a longest common subsequence; only the beginning of one, after too many differences."""
    furthest = {1: 0}  # diagonal -> how far the left run got on it
    trail: list[dict[int, int]] = []
    for n_edits in range(min(len(left) + len(right), MOST_EDITS) + 1):
        trail.append(dict(furthest))
        for k in range(-n_edits, n_edits + 1, 2):
            down = k == -n_edits or (k != n_edits and furthest[k - 1] < furthest[k + 1])
            i = furthest[k + 1] if down else furthest[k - 1] + 1
            while i < len(left) and 0 <= i - k < len(right) and left[i] == right[i - k]:
                i += 1
            furthest[k] = i
            if i >= len(left) and i - k >= len(right):
                return _walked_back(trail, i, k)
    inside = {k: i for k, i in furthest.items() if i <= len(left) and 0 <= i - k <= len(right)}
    best = max((k for k in inside if (k - n_edits) % 2 == 0), key=lambda k: 2 * inside[k] - k)
    return _walked_back(trail, inside[best], best)


def _walked_back(trail: list[dict[int, int]], i: int, k: int) -> list[Match]:
    """Give the matches on the way to a place of the left run, on a diagonal."""
    found: list[Match] = []
    for n_edits in range(len(trail) - 1, -1, -1):
        before = trail[n_edits]
        down = k == -n_edits or (k != n_edits and before[k - 1] < before[k + 1])
        start = before[k + 1] if down else before[k - 1] + 1
        while i > start:
            i -= 1
            found.append((i, i - k))
        k = k + 1 if down else k - 1
        i = before[k]
    return found[::-1]
