"""``tlb_sets``: the sets and ways of a TLB with what they hold, and the set in which a page may lie."""

from __future__ import annotations

from course.figures.drawing import Drawing, Figure
from course.paging.computer import Computer
from pyemu.errors import FaultlabError
from pyemu.hw import check

__all__ = ["tlb_sets"]

LEFT, TOP = 130, 90  # of the first way
WIDE, HIGH = 190, 34  # of a way
PAGES = 4  # pages named before each set
MOST = 8  # sets


def tlb_sets(computer: Computer, page: int) -> Figure:
    """Draw the first level of a computer's TLB.

    Parameters
    ----------
    computer : Computer
        Whose TLB it is; its number of sets is a power of two, at most 8.
    page : int
        Number of a page: the set where it may lie is marked.

    Returns
    -------
    Figure
        A row for each set, a column for each way, the last used in front.

    Raises
    ------
    FaultlabError
        The TLB is too large to be drawn, or there is no such page.

    Examples
    --------
    >>> from pyemu.hw import TlbArray, TlbConfig
    >>> small = Computer(TlbConfig((TlbArray(4, 2),)))
    >>> seen = small.run([0, 1, 4, 0, 8, 4])
    >>> print(tlb_sets(small, 8))
    Figure: A TLB of 4 sets with 2 ways, and page 8
    - Page 8 is 10 00 in binary: its last bits name set 0, and only there it may lie.
    - Set 0, for pages 0, 4, 8, 12 and so on: page 4, page 8.
    - Set 1, for pages 1, 5, 9, 13 and so on: page 1.
    - Set 2, for pages 2, 6, 10, 14 and so on: empty.
    - Set 3, for pages 3, 7, 11, 15 and so on: empty.
    """
    array = computer.mmu.tlb_entries().l1[0]
    n_sets = len(array.sets)
    if n_sets > MOST:
        raise FaultlabError(f"a TLB of {n_sets} sets is too large for a picture: take one of at most {MOST}.")
    n_ways = computer.tlb_config.l1[0].ways
    check.integer("page", page, 0, 511)
    bits = n_sets.bit_length() - 1
    mine, binary = page % n_sets, f"{page:0{bits + 2}b}"
    split = f"{binary[:-bits]} {binary[-bits:]}"
    drawing = Drawing(LEFT + n_ways * WIDE + 10, TOP + n_sets * (HIGH + 8) + 6)
    drawing.words(10, 22, f"page {page} = {split}", "bold")
    drawing.words(10, 44, f"the last {bits} bits name the set: {mine}", "small")
    for way in range(n_ways):
        drawing.words(LEFT + way * WIDE + 8, TOP - 10, "last used" if way == 0 else "used before")
    says = [f"Page {page} is {split} in binary: its last bits name set {mine}, and only there it may lie."]
    for number, ways in enumerate(array.sets):
        y = TOP + number * (HIGH + 8)
        pages = ", ".join(str(number + n_sets * nth) for nth in range(PAGES))
        style = "strong" if number == mine else "line"
        drawing.words(10, y + 15, f"set {number}", "bold")
        drawing.words(10, y + 31, f"{pages}, ...", "small")
        for way in range(n_ways):
            held = ways[way] if way < len(ways) else None
            drawing.box(LEFT + way * WIDE, y, WIDE - 6, HIGH, style if held else "dashed")
            text = f"page {held.vpn}: frame {held.pfn:#x}" if held else "empty"
            drawing.words(LEFT + way * WIDE + 8, y + 22, text, "code" if held else "small")
        holds = ", ".join(f"page {one.vpn}" for one in ways) or "empty"
        says.append(f"Set {number}, for pages {pages} and so on: {holds}.")
    return drawing.figure(f"A TLB of {n_sets} sets with {n_ways} ways, and page {page}", says)
