"""A learner's own walk, compared with that of the machine: on paper, and as a function."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from course.asking import asked
from course.paging.machine import Frozen
from pyemu.hw import x86

__all__ = ["own_walk", "try_walk"]

WIDTH = 96

Walker = Callable[[Callable[[int], int], int, int], tuple[int, int] | None]
"""``my_walk(entry, root, va)`` gives the physical address, and RW and US where the program has them."""


def own_walk(
    machine: Frozen,
    va: int,
    indices: Sequence[int | None],
    pa: int | None = None,
    may_write: bool | None = None,
) -> None:
    """Compare a walk on paper with that of the machine, and say where they part.

    Parameters
    ----------
    machine : Frozen
        The machine.
    va : int
        The address that was walked.
    indices : sequence of int or None
        Of level 4 to 1; None: not yet known.
    pa : int, optional
        The physical address.
    may_write : bool, optional
        Whether the program may write there.
    """
    right = machine.walk(va)
    n_right = 0
    for step, own in zip(right.found.steps, [*indices, None, None, None, None], strict=False):
        n_right += _line(f"level {step.level}, index", own, step.index, _why_index(va, step.level, own))
    n_right += _line("physical address", pa, right.pa, _why_address(pa, right.pa), address=True)
    write = machine.walk(va, "write").pa is not None
    n_right += _line("may the program write?", may_write, write, "look for RW in each of the four entries")
    n = len(right.found.steps) + 2
    print(f"{n_right} of {n} agree." if n_right < n else "Your own walk is the walk of the processor.")


def try_walk(machine: Frozen, function: Walker) -> None:
    """Let a learner's function walk to each page of the machine, and say where it goes wrong.

    Parameters
    ----------
    machine : Frozen
        The machine.
    function : callable
        Takes a function that reads the entry at a physical address, the address of the top table, and a
        virtual address. Gives the physical address, and RW and US as far as the program has them.
    """
    n_agree = n_pages = 0
    for nth, page in enumerate(machine.pages()):
        va = page + nth * 40 % x86.PAGE_SIZE + 1
        found = machine.walk(va).found
        rights = x86.RW | x86.US
        for step in found.steps:
            rights &= step.entry
        pa = found.page.pa if found.page else 0
        own, failed = asked(function, machine.entry, machine.root, va)
        if failed:
            return _say(f"my_walk(machine.entry, {machine.root:#x}, {va:#x}) failed. {failed}")
        n_pages += 1
        n_agree += own == (pa, rights)
        if own != (pa, rights):
            return _say(f"Pages that agree: {n_agree}, then this. {_difference(own, va, pa, rights)}")
    return _say(f"Your walk and the processor's agree on all {n_pages} pages that the shell may use.")


def _line(what: str, own: int | None, right: int | None, why: str, address: bool = False) -> bool:
    """Print one comparison; tell whether it came out right. What is right is not said."""
    shown = f"{own:#x}" if address and isinstance(own, int) else str(own)
    if own is None:
        print(f"{what}: not yet")
    else:
        print(f"{what}: {shown}, {'right' if own == right else f'not what the processor has: {why}'}")
    return own == right and own is not None


def _why_index(va: int, level: int, own: int | None) -> str:
    """Name the likely cause of a wrong index."""
    others = [one for one in range(1, 5) if one != level and own == va >> x86.level_shift(one) & 511]
    if others:
        return f"this is the index of level {others[0]}"
    if own is not None and own == va >> x86.level_shift(level):
        return "keep its lowest nine bits only (& 511)"
    return f"shift the address to the right by {x86.level_shift(level)} bits, and keep nine (& 511)"


def _why_address(own: int | None, right: int | None) -> str:
    """Name the likely cause of a wrong address."""
    if own is not None and right is not None and own == right & -x86.PAGE_SIZE:
        return "this is where the page begins; add the offset"
    if own is not None and right is not None and (own ^ right) & x86.ADDRESS == 0:
        return "the frame is right, the rest is not: keep entry & x86.ADDRESS, and add the offset"
    return "read the entry of level 1, keep its address, add the offset"


def _difference(own: object, va: int, pa: int, rights: int) -> str:
    """Say what a function gave, what the processor has, and the likely cause."""
    call = f"my_walk for {va:#x} gave"
    if own is None or own == (None, None):
        return f"{call} None. Fill the gaps: each None is one."
    if not (isinstance(own, tuple) and len(own) == 2):
        return f"{call} {own!r}. It must give two values: the address, and the rights."
    own_pa, own_rights = own
    if own_pa is None:
        return f"{call} no address: the second gap is still open."
    if own_pa != pa:
        shown = f"{own_pa:#x}" if isinstance(own_pa, int) else repr(own_pa)
        why = _why_address(own_pa if isinstance(own_pa, int) else None, pa)
        return f"{call} the address {shown}, the processor comes to {pa:#x}. Likely: {why}."
    why = _why_rights(own_rights, rights)
    return f"{call} the rights {_rights(own_rights)}, the processor has {_rights(rights)}. {why}"


def _why_rights(own: object, rights: int) -> str:
    if own is None:
        return "The gap for the rights is still open."
    if isinstance(own, int) and own & ~(x86.RW | x86.US):
        return "Bits of the entry that are no rights came along; keep RW and US."
    if isinstance(own, int) and own & ~rights:
        return "A right counts only if every level grants it."
    return "Begin with all rights, and take away what a level does not grant."


def _rights(value: object) -> str:
    if not isinstance(value, int) or value & ~(x86.RW | x86.US):
        return f"{value:#x}" if isinstance(value, int) else repr(value)
    return " ".join(name for name in ("RW", "US") if value & getattr(x86, name)) or "none"


def _say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))
