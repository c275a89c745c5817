"""What a learner expects of a TLB, compared with the TLB of the hardware model."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence

from course.asking import asked
from course.paging.computer import Computer
from pyemu.hw import TlbConfig, x86

__all__ = ["own_hits", "rounds", "try_order", "try_tlb"]

WIDTH = 96
N_LONG = 400
"""Accesses on which a learner's TLB is tried."""

MyTlb = Callable[[list[list[int]], int], object]
"""``my_tlb(sets, page)`` brings the sets up to date after an access; what it returns is not looked at."""


def own_hits(tlb: TlbConfig, pages: Sequence[int], mine: str) -> None:
    """Compare hits and misses that a learner expects with those of the TLB, up to the first that differs.

    Parameters
    ----------
    tlb : TlbConfig
        With one array.
    pages : sequence of int
        Page numbers, in the order of the accesses; the TLB is empty before.
    mine : str
        A letter for each: H, M, or ? for not yet.
    """
    letters = mine.upper().replace(" ", "")
    if len(letters) != len(pages) or set(letters) - set("HM?"):
        return _say(f"Write one letter for each of the {len(pages)} pages: H, M, or ? for not yet.")
    computer, sets = Computer(tlb), tlb.l1[0].sets
    for nth, (page, own) in enumerate(zip(pages, letters, strict=True), 1):
        held = [one.vpn for one in computer.mmu.tlb_entries().l1[0].sets[page % sets]]
        hit = computer.run([page]).hits == "H"
        if own == "?":
            return _say(f"{nth - 1} of {len(pages)} are right so far. Go on with access {nth}, page {page}.")
        if (own == "H") != hit:
            return _say(
                f"{nth - 1} of {len(pages)} are right. Access {nth}, page {page}: the TLB says "
                f"{'hit' if hit else 'miss'}. Before it, set {page % sets} holds "
                f"{' and '.join(f'page {one}' for one in held) or 'nothing'}, the last used first."
            )
    return _say(f"All {len(pages)} are right. You see what the TLB sees.")


def try_order(order: str) -> None:
    """Take a page away from an editor in a learner's order; it reads before, and after each step.

    Parameters
    ----------
    order : str
        Such as ``CFG``: C clears the entry, F flushes, G gives the frame to a mailer.
    """
    steps = order.upper()
    if sorted(steps) != ["C", "F", "G"]:
        return _say('Put each of the letters C, F and G in once, as in try_order("GCF").')
    computer = Computer()
    computer.map(0x5000, 0x20000)
    computer.store(0x20000, "the draft")
    print(f"before:  the editor reads {_read(computer)}")
    leaked = False
    for step in steps:
        if step == "C":
            computer.change(0x5000, clear=x86.P)
        elif step == "F":
            computer.flush(0x5000)
        else:
            computer.store(0x20000, "the password")
        read = _read(computer)
        leaked = leaked or "password" in read
        print(f"after {step}: the editor reads {read}")
    if leaked:
        return _say(
            "The editor has seen the password. Look at the first line that shows it: what did the TLB hold?"
        )
    return _say("The editor never sees the password, whenever it reads.")


def try_tlb(tlb: TlbConfig, function: MyTlb) -> None:
    """Let a learner's TLB run beside that of the hardware model, up to the first access that differs.

    Parameters
    ----------
    tlb : TlbConfig
        With one array.
    function : callable
        Takes a list of sets, each a list of page numbers with the last used one in front, and the page
        that is accessed. Brings the sets up to date.
    """
    computer, array = Computer(tlb), tlb.l1[0]
    sets: list[list[int]] = [[] for _ in range(array.sets)]
    for nth, page in enumerate(_pages()):
        computer.run([page])
        _, failed = asked(function, sets, page)
        if failed:
            return _say(f"Access {nth + 1}, page {page}: my_tlb failed. {failed}")
        held = [[one.vpn for one in ways] for ways in computer.mmu.tlb_entries().l1[0].sets]
        if sets != held:
            return _say(f"After {nth} accesses that agree, page {page}. {_difference(page, sets, held)}")
    return _say(f"Your TLB and the processor's agree after each of {N_LONG} accesses.")


def rounds(tlb: TlbConfig, pages: Sequence[int]) -> None:
    """Go through pages three times, and count the misses of each round.

    Parameters
    ----------
    tlb : TlbConfig
        The TLB, empty before.
    pages : sequence of int
        Page numbers.
    """
    computer = Computer(tlb)
    for nth in range(1, 4):
        hits = computer.run(pages).hits
        print(f"round {nth}: {hits.count('M')} misses, {hits.count('H')} hits  {hits}")
    if not pages or "H" in hits:
        return
    _say(f"With {len(set(pages))} different pages, every access misses, in every round.")


def _read(computer: Computer) -> str:
    return computer.read(0x5000).outcome


def _pages() -> Iterator[int]:
    """Give page numbers that look random and are always the same: a generator of Lehmer."""
    state = 1
    for _ in range(N_LONG):
        state = state * 48271 % 0x7FFF_FFFF
        yield state % 12


def _difference(page: int, sets: list[list[int]], held: list[list[int]]) -> str:
    """Say what differs, and the likely cause."""
    here = page % len(held)
    wrong = [nth for nth, ways in enumerate(sets) if any(one % len(held) != nth for one in ways)]
    if wrong:
        return f"It lies in your set {wrong[0]}. Its set is {page} % {len(held)}, which is {here}."
    if len(sets[here]) > len(held[here]):
        return f"Your set {here} holds {sets[here]}, which are too many. Who makes room?"
    return (
        f"Your set {here} holds {sets[here]}, the processor's {held[here]}. "
        "The last used page stands in front, and the one that was not used for the longest time leaves."
    )


def _say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))
