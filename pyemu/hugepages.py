"""Huge pages of 2 MiB: where they lie, and what they hold.

The pool of huge pages lies behind emulated RAM, at physical addresses that RAM never reaches. The hardware
walks as always: an entry of a page directory, in RAM, says by its bit PS that it names a huge page, and the
MMU gives an address inside that. Only the bytes are kept in another way, since no state may carry megabytes
of them: a huge page holds one byte, repeated, and lines of 64 bytes that differ.

Who uses a huge page is counted for its first frame alone, its *head*, as Linux does for a compound page.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyemu.flags import HPAGE_SHIFT, HPAGE_SIZE, PAGE_SHIFT

POOL_START = 1 << 36  # bytes: 64 GiB
POOL_PFN = POOL_START >> PAGE_SHIFT
FRAMES = 1 << (HPAGE_SHIFT - PAGE_SHIFT)  # frames of a huge page
POOL: tuple[str] = ("huge_pool",)  # the location of the pool
LINE_SHIFT = 6
LINE = 1 << LINE_SHIFT


def head(pfn: int) -> int:
    """Give the frame for which use is counted: the first of a huge page, or the frame itself."""
    return pfn & ~(FRAMES - 1) if pfn >= POOL_PFN else pfn


@dataclass(frozen=True, slots=True)
class HugePool:
    """The huge pages that nobody uses (``struct hstate``).

    Attributes
    ----------
    free : tuple of int
        Their heads; the last one is taken first.
    reserved : int
        How many of them were promised to mappings (``resv_huge_pages``).
    """

    free: tuple[int, ...] = ()
    reserved: int = 0

    @property
    def available(self) -> int:
        """How many are promised to nobody."""
        return len(self.free) - self.reserved


@dataclass(frozen=True, slots=True)
class HugeBytes:
    r"""What a huge page holds.

    Attributes
    ----------
    fill : int
        The byte that is repeated, 0 to 255.
    lines : tuple of (int, bytes)
        Number and 64 bytes of each line that differs from that, in order.

    Examples
    --------
    >>> HugeBytes().written(70, b"ab").read(69, 4)
    b'\x00ab\x00'
    """

    fill: int = 0
    lines: tuple[tuple[int, bytes], ...] = ()

    def read(self, offset: int, n: int) -> bytes:
        """Give `n` bytes from an offset on, up to the end of the page."""
        n = min(n, HPAGE_SIZE - offset)
        found = bytearray([self.fill]) * n
        for number, line in self.lines:
            start = (number << LINE_SHIFT) - offset
            low, high = max(start, 0), min(start + LINE, n)
            if low < high:
                found[low:high] = line[low - start : high - start]
        return bytes(found)

    def written(self, offset: int, data: bytes) -> HugeBytes:
        """Give what the page holds after a write of bytes that don't go beyond its end."""
        plain, lines = bytes([self.fill]) * LINE, dict(self.lines)
        end = offset + len(data)
        for number in range(offset >> LINE_SHIFT, ((end - 1) >> LINE_SHIFT) + 1):
            start = number << LINE_SHIFT
            low, high = max(start, offset), min(start + LINE, end)
            line = bytearray(lines.pop(number, plain))
            line[low - start : high - start] = data[low - offset : high - offset]
            if line != plain:
                lines[number] = bytes(line)
        return HugeBytes(self.fill, tuple(sorted(lines.items())))
