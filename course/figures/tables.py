"""``walk``: four tables side by side, the field of the address above each, and the way through them."""

from __future__ import annotations

from course.figures.drawing import Drawing, Figure
from course.paging.shown import Walked, error_text
from course.walk.walk import TABLES, Step
from pyemu.hw import x86

__all__ = ["walk"]

LEFT, WIDE, GAP = 10, 150, 36  # of a column, in pixels
FIELDS, TOP, HIGH = 44, 130, 150  # top of the fields, top and height of the tables
ROW = 22
_LINUX = {4: "PGD", 3: "PUD", 2: "PMD", 1: "PTE"}


def walk(walked: Walked) -> Figure:
    """Draw a walk of four levels.

    Parameters
    ----------
    walked : Walked
        What ``walk`` of a machine of `course.paging` gave.

    Returns
    -------
    Figure
        Fields of the address above, the tables below, an arrow for each step.

    Examples
    --------
    >>> from course.paging import frozen
    >>> print(walk(frozen().walk(0x5E3018, "write")))
    Figure: The walk to 0x5e3018: a write
    - CR3 leads to the PML4 at address 0x55dc000. Bits 47 to 39 of the address are 0: entry 0 leads
      to 0x5590000.
    - Bits 38 to 30 are 0: in the PDPT at address 0x5590000, entry 0 leads to 0x5587000.
    - Bits 29 to 21 are 2: in the PD at address 0x5587000, entry 2 leads to 0x558b000.
    - Bits 20 to 12 are 483: in the PT at address 0x558b000, entry 483 leads to 0x29e7000.
    - The access faults: error code 0x7.
    """
    found, drawing = walked.found, Drawing(LEFT * 2 + 5 * WIDE + 4 * GAP, 330)
    drawing.words(LEFT, 22, f"{found.kind.name.lower()} of {found.va:#x}", "bold")
    says, before = [], f"CR3 leads to the {TABLES[4]} at address {walked.root:#x}. "
    for nth, level in enumerate(range(4, 0, -1)):
        low = x86.level_shift(level)
        index = found.va >> low & x86.N_ENTRIES - 1
        _field(drawing, nth, f"bits {low + 8} to {low}", f"{index:09b} = {index}")
        step = found.steps[nth] if nth < len(found.steps) else None
        _table(drawing, nth, level, index, step)
        if step is not None:
            middle = _x(nth) + WIDE // 2
            drawing.path((middle, FIELDS + 40), (middle, FIELDS + 58))
        if step is None:
            continue
        present = bool(step.entry & x86.P)
        leads = f"leads to {step.entry & x86.ADDRESS:#x}" if present else "is not present"
        bits = f"Bits {low + 8} to {low}{' of the address' if before else ''} are {index}: "
        place = "" if before else f"in the {TABLES[level]} at address {step.pa - 8 * index:#x}, "
        says.append(f"{before}{bits}{place}entry {index} {leads}.")
        before = ""
        _arrow(drawing, nth, _row(index), found=walked.pa is not None, present=present)
    offset = found.va & x86.PAGE_SIZE - 1
    _field(drawing, 4, "bits 11 to 0", f"offset {offset:#x}")
    says.append(_end(drawing, walked, offset))
    return drawing.figure(f"The walk to {found.va:#x}: a {found.kind.name.lower()}", says)


def _x(nth: int) -> int:
    return LEFT + nth * (WIDE + GAP)


def _row(index: int) -> int:
    """Give the middle of an entry's row: the larger the index, the lower."""
    return TOP + 30 + (HIGH - 30 - ROW) * index // x86.N_ENTRIES + ROW // 2


def _field(drawing: Drawing, nth: int, bits: str, value: str) -> None:
    drawing.box(_x(nth), FIELDS, WIDE, 40)
    drawing.words(_x(nth) + WIDE // 2, FIELDS + 16, bits, "small", "middle")
    drawing.words(_x(nth) + WIDE // 2, FIELDS + 33, value, "code", "middle")


def _table(drawing: Drawing, nth: int, level: int, index: int, step: Step | None) -> None:
    x = _x(nth)
    drawing.words(x, TOP - 8, f"level {level}: {TABLES[level]} ({_LINUX[level]})", "bold")
    drawing.box(x, TOP, WIDE, HIGH, "line" if step else "dashed")
    if step is None:
        drawing.words(x + WIDE // 2, TOP + HIGH // 2, "not read", "small", "middle")
        return
    drawing.words(x + 6, TOP + 17, f"at {step.pa - 8 * index:#x}", "code")
    drawing.box(x, _row(index) - ROW // 2, WIDE, ROW, "strong")
    leads = f"{step.entry & x86.ADDRESS:#x}" if step.entry & x86.P else "not present"
    drawing.words(x + 6, _row(index) + 5, f"{index}: {leads}", "code")
    drawing.words(x, TOP + HIGH + 18, " ".join(step.names) or "P clear", "code")


def _arrow(drawing: Drawing, nth: int, row: int, *, found: bool, present: bool) -> None:
    """Lead from an entry to the top of the next table, or to the page."""
    if present and (nth < 3 or found):
        right = _x(nth) + WIDE
        drawing.path(
            (right, row), (right + GAP // 2, row), (right + GAP // 2, TOP + 12), (right + GAP, TOP + 12)
        )


def _end(drawing: Drawing, walked: Walked, offset: int) -> str:
    """Draw the page, or why there is none, and say it."""
    x, fault = _x(4), walked.found.fault
    if walked.pa is not None:
        drawing.words(x, TOP - 8, "the page's frame", "bold")
        drawing.box(x, TOP, WIDE, HIGH)
        drawing.words(x + 6, TOP + 17, f"at {walked.pa - offset:#x}", "code")
        place = TOP + 30 + (HIGH - 30 - ROW) * offset // x86.PAGE_SIZE
        drawing.box(x, place, WIDE, ROW, "strong")
        drawing.words(x + 6, place + 16, f"{walked.pa:#x}", "code")
        return f"The offset {offset:#x} is added: physical address {walked.pa:#x}."
    drawing.words(x, TOP - 8, "no access", "bold")
    drawing.box(x, TOP, WIDE, HIGH, "dashed")
    drawing.words(x + 6, TOP + 17, walked.outcome)
    if isinstance(fault, x86.PageFault):
        for nth, bit in enumerate(error_text(fault).partition(f"{fault.error_code:#x}: ")[2].split(", ")):
            drawing.words(x + 6, TOP + 40 + 18 * nth, bit, "small")
    return f"The access faults: {walked.outcome}."
