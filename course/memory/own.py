"""What a learner expects of page faults, compared with what the emulator does: on paper, as a function."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from course.asking import asked
from course.memory.steps import FIRST, N_PAGES
from course.memory.touch import Access, Fault, Touched, touch
from pyemu.errors import FaultlabError
from pyemu.flags import PAGE_MASK, PAGE_SIZE, PageFaultError

__all__ = ["SEVEN", "decision", "own_faults", "try_fault"]

WIDTH = 96
END = FIRST + N_PAGES * PAGE_SIZE


class Sequence(NamedTuple):
    """Steps, and the memory on which they are done."""

    steps: tuple[str, ...]
    file: str = ""


SEVEN = {
    "A": Sequence(("write 0x5010", "write 0x5020")),
    "B": Sequence(("read 0x6010", "write 0x6010")),
    "C": Sequence(("write 0x5010", "drop 0x5000", "read 0x5010")),
    "D": Sequence(("write 0x5010", "protect 0x5000 r", "write 0x5ff8")),
    "E": Sequence(("read 0x9010",)),
    "F": Sequence(("read 0x5010", "read 0x6010"), "cold"),
    "G": Sequence(("write 0x5010", "fork", "child read 0x5010", "write 0x5010", "child write 0x5018")),
}
Decide = Callable[[str, bool, bool, int], str]
"""``my_fault(area, write, present, owners)`` gives a word of `_WORDS`."""
_WORDS = {
    "maps the zero page": "zero page",
    "maps a fresh page": "fresh frame",
    "copies the page": "fresh frame",
    "maps a fresh page instead": "fresh frame",
    "reuses the page: last owner": "same frame",
}


def own_faults(**expected: list[str]) -> None:
    """Compare the page faults that a learner expects with those of some of the seven sequences.

    Parameters
    ----------
    **expected : list of str
        By the letter of a sequence: for each access ``no``, or error code, CR2 and what it is counted as,
        such as ``0x6 0x5010 minor``. A text with a question mark is not yet filled in.

    Raises
    ------
    FaultlabError
        There is no such sequence, or it has another number of accesses.
    """
    n_right = n_all = 0
    for letter, own in expected.items():
        if letter not in SEVEN:
            raise FaultlabError(f"there is no sequence {letter!r}; there are {', '.join(SEVEN)}.")
        steps, file = SEVEN[letter]
        accesses = [one for one in touch(*steps, file=file).accesses if one.step.accesses]
        if len(own) != len(accesses):
            raise FaultlabError(
                f"{letter} is {own!r}; it needs {len(accesses)} texts, one for each access: "
                f"{', '.join(one.step.text for one in accesses)}."
            )
        for text, access in zip(own, accesses, strict=True):
            wrong = _wrong(str(text).split(), access)
            n_all += 1
            n_right += not wrong
            if wrong:
                _say(f"{letter}, {access.step.text}: {wrong}")
    print(
        f"{n_right} of {n_all} accesses are right." if n_right < n_all else f"All {n_all} accesses are right."
    )


def _wrong(own: list[str], access: Access) -> str:
    """Say what is not right about an expectation, without saying what is; empty if it is right."""
    if not own or any("?" in word for word in own):
        return "not yet"
    if own == ["no"]:
        return "it does fault. Is there an entry that allows it, at this moment?" if access.faults else ""
    if len(own) != 3:
        return f"{' '.join(own)!r} must be 'no', or three words such as '0x6 0x5010 minor'."
    try:
        code, cr2 = int(own[0], 16), int(own[1], 16)
    except ValueError:
        return f"{' '.join(own)!r}: error code and CR2 are numbers such as 0x6 and 0x5010."
    if not access.faults:
        return "no fault. The page is mapped already, with the right that this access needs."
    fault = access.faults[0]
    if code != fault.error_code:
        return _wrong_code(code ^ fault.error_code, code)
    if cr2 != fault.cr2:
        page = cr2 == fault.cr2 & PAGE_MASK
        return "CR2 is the whole address, not where its page begins" if page else "CR2 is another address"
    return "" if own[2] == fault.counted else _wrong_count(own[2], fault)


def _wrong_code(differs: int, code: int) -> str:
    if differs & ~7:
        return f"{code:#x} has bits that can't be set here: the three of interest are 0x1, 0x2 and 0x4."
    if differs & PageFaultError.PROT:
        return "look at bit 0x1 of the error code: is there a page, and only the right is missing?"
    if differs & PageFaultError.WRITE:
        return "look at bit 0x2 of the error code: does this access write?"
    return "look at bit 0x4 of the error code: who makes this access, the program or the kernel?"


def _wrong_count(own: str, fault: Fault) -> str:
    if own not in ("minor", "major", "neither"):
        return f"{own!r} must be minor, major or neither."
    if fault.counted == "neither":
        return "this fault ends in an error, and those are not counted as served."
    return "major means that the fault had to wait, here for the disk."


def try_fault(function: Decide) -> None:
    """Let a learner's function decide every fault of many sequences, and compare with what the kernel did.

    Parameters
    ----------
    function : callable
        ``my_fault(area, write, present, owners)``: the rights of the area (empty: there is none), whether the
        access writes, whether the page is present, and how many processes have its frame (100: the zero
        page, which is nobody's own). It gives
        ``SIGSEGV 1``, ``SIGSEGV 2``, ``zero page``, ``fresh frame`` or ``same frame``.
    """
    n_faults = n_sequences = 0
    for steps in _sequences():
        touched = touch(*steps)
        n_sequences += 1
        for said, right, call in _decisions(touched, function):
            if said != right:
                return _say(
                    f"Faults that agree: {n_faults}, then this. In {'; '.join(steps)}: my_fault({call}) gave "
                    f"{said!r}, and the kernel does otherwise. {_hint(said, right)}"
                )
            n_faults += 1
    return _say(f"Your function and the kernel agree on all {n_faults} faults of {n_sequences} sequences.")


def _sequences() -> list[tuple[str, ...]]:
    """Every sequence of a first access, what happens then, and two more accesses."""
    firsts = ("read 0x5010", "write 0x5010", "read 0x9010")
    between = ((), ("fork",), ("fork", "child exit"), ("drop 0x5000",), ("protect 0x5000 r",))
    found = []
    for first, middle, second, third in product(firsts, between, ("read", "write"), ("read", "write")):
        who = "child " if middle == ("fork",) else ""
        found.append((first, *middle, f"{who}{second} 0x5010", f"{third} 0x5010"))
    return found


def _decisions(touched: Touched, function: Decide) -> list[tuple[object, str, str]]:
    """Give what a function says, what the kernel did, and the call, for each fault."""
    found: list[tuple[object, str, str]] = []
    rights = "rw"
    for access in touched.accesses:
        if access.step.do == "protect":
            rights = access.step.more
        for fault in access.faults:
            area = rights if fault.cr2 < END else ""
            code = fault.error_code
            given = (
                area,
                bool(code & PageFaultError.WRITE),
                bool(code & PageFaultError.PROT),
                fault.n_owners,
            )
            said, failed = asked(function, *given)
            found.append((failed or said, decision(fault, access), ", ".join(map(repr, given))))
    return found


def decision(fault: Fault, access: Access) -> str:
    """Say in a word or two what the kernel gave a fault: what ``my_fault`` is to say of it.

    Parameters
    ----------
    fault : Fault
        Of memory without a file.
    access : Access
        The access that faulted.

    Returns
    -------
    str
        ``zero page``, ``fresh frame``, ``same frame``, or a signal with its code, such as ``SIGSEGV 1``.
    """
    if fault.did == "sends SIGSEGV":
        return f"SIGSEGV {access.outcome.partition('code=')[2].rstrip(')')}"
    return _WORDS[fault.did]


def _hint(said: object, right: str) -> str:
    if said is None or said == "?":
        return "A gap is still open."
    if said not in {*_WORDS.values(), "SIGSEGV 1", "SIGSEGV 2"}:
        return "It must give one of the five words."
    if right == "zero page":
        return "A read of a missing page needs no frame of its own: all such pages share one."
    if right == "same frame":
        return "Who else has this frame? If nobody has, there is nothing to keep apart."
    if said == "same frame":
        return "Another process has this frame as well, and would see the write."
    return "The program is about to write here: it needs a frame of its own."


def _say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))
