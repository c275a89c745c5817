"""May a fault be left for a signal? Twelve cells: filled in by a learner, or decided by their function.

What the kernel decides is asked of its own `fault_signal_pending`: the coroutine runs alone, without a
machine, and what it asks for is answered from the cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from course.decide.words import say
from pyemu.effects.core import Effect
from pyemu.effects.records import Regs
from pyemu.errors import FaultlabError, HandlerError
from pyemu.flags import VM_FAULT_MAJOR, VM_FAULT_RETRY
from pyemu.handler import Done, LocalSource
from pyemu.machine import kernel_functions
from pyemu.tree import Tree

__all__ = ["CELLS", "Cell", "decided", "own_cells", "try_rule"]

NAME = "fault_signal_pending"
LETTERS = {"y": True, "n": False}


@dataclass(frozen=True, slots=True)
class Cell:
    """One case of the decision.

    Attributes
    ----------
    retry : bool
        The attempt gave RETRY.
    user : bool
        The fault came from user mode.
    pending : str
        ``nothing``, ``SIGUSR1`` or ``SIGKILL``.
    """

    retry: bool
    user: bool
    pending: str

    def __str__(self) -> str:
        retry, mode = "set" if self.retry else "clear", "user mode" if self.user else "kernel mode"
        return f"RETRY {retry}, {mode}, {self.pending} pending"

    def answer(self, effect: Effect[Any], tree: Tree) -> Any:
        """Answer what a function asks for."""
        if effect.op == "policies":
            return tree.policies
        # A learner's function may ask for no more than these two (`pyemu.calls.ALLOWED`).
        return self.pending == "SIGKILL" if effect.op == "fatal_signal_pending" else self.pending != "nothing"


CELLS = tuple(
    Cell(retry, user, pending)
    for retry, user, pending in product((False, True), (True, False), ("nothing", "SIGUSR1", "SIGKILL"))
)
BEFORE, AFTER = Tree.upto(8), Tree.upto(9)


def decided(function: Callable[..., Any], cell: Cell) -> bool:
    """Run a learner's function to its end on one case.

    Parameters
    ----------
    function : callable
        ``async def fault_signal_pending(fault, regs)``.
    cell : Cell
        The case.

    Returns
    -------
    bool
        Whether the fault is left.

    Raises
    ------
    HandlerError
        It is no such function, can't go on, or asks for something else.
    """
    frame = LocalSource(NAME, function).start(NAME, _arguments(cell))
    answer = frame.resume(None)
    while not isinstance(answer, Done):
        answer = frame.resume(cell.answer(answer, AFTER))
    return bool(answer.value)


@cache
def kernel_decides(tree: Tree) -> tuple[bool, ...]:
    """Give what the kernel of a tree decides in each cell."""
    return tuple(_kernel_decides(cell, tree) for cell in CELLS)


def _kernel_decides(cell: Cell, tree: Tree) -> bool:
    coroutine, answer = kernel_functions()[NAME](*_arguments(cell)), None
    while True:
        try:
            answer = cell.answer(coroutine.send(answer), tree)
        except StopIteration as stop:
            return bool(stop.value)


def own_cells(upto8: str, from9: str) -> None:
    """Compare twelve cells for each of two trees with what the kernel decides, and say where they part.

    Parameters
    ----------
    upto8 : str
        Twelve letters: ``y``, leave the fault; ``n``, don't; ``?``, not yet known. By the rule of patches 3
        to 8.
    from9 : str
        The same by the rule of patch 9.

    Raises
    ------
    FaultlabError
        A text is not of twelve such letters.
    """
    columns = [_letters(text) for text in (upto8, from9)]
    print("     RETRY  fault from  pending  up to patch 8  from patch 9")
    for number, cell in enumerate(CELLS, 1):
        retry, mode = "set" if cell.retry else "clear", "user" if cell.user else "kernel"
        own = "".join(f"{column[number - 1]:<15}" for column in columns)
        print(f"{number:>3}  {retry:<6} {mode:<11} {cell.pending:<8} {own}".rstrip())
    print()
    n_right = n_open = 0
    for tree, column, name in zip((BEFORE, AFTER), columns, ("up to patch 8", "from patch 9"), strict=True):
        for number, (cell, letter, right) in enumerate(
            zip(CELLS, column, kernel_decides(tree), strict=True), 1
        ):
            n_open += letter == "?"
            n_right += LETTERS.get(letter) is right
            if letter != "?" and LETTERS[letter] is not right:
                say(f"Cell {number}, {name}: {letter} is not what the kernel does. {_why(cell, tree)}")
    if n_right == 2 * len(CELLS):
        print("All 24 are what the kernel does.")
    else:
        print(f"{n_right} of 24 are what the kernel does" + (f", {n_open} are open." if n_open else "."))


def try_rule(function: Callable[..., Any]) -> None:
    """Let a learner's ``fault_signal_pending`` decide each cell, and say where it parts from patch 9.

    Parameters
    ----------
    function : callable
        ``async def fault_signal_pending(fault, regs)``.
    """
    try:
        own = [decided(function, cell) for cell in CELLS]
    except HandlerError as error:
        say(str(error))
        return
    right = kernel_decides(AFTER)
    wrong = [number for number in range(len(CELLS)) if own[number] is not right[number]]
    n_alike = len(CELLS) - len(wrong)
    if not wrong:
        say("Your rule and that of patch 9 decide alike in all 12 cells.")
    elif tuple(own) == kernel_decides(BEFORE):
        say(f"{n_alike} of 12 cells are alike. Yours is the rule before patch 9: add what is new.")
    else:
        first, does = CELLS[wrong[0]], "leaves the fault" if own[wrong[0]] else "stays"
        say(f"{n_alike} of 12 cells are alike. {first}: your rule {does}. {_why(first, AFTER)}")


def _arguments(cell: Cell) -> tuple[int, Regs]:
    """Give the arguments of the function: a fault that waited, or one that is over."""
    return int(VM_FAULT_RETRY | VM_FAULT_MAJOR if cell.retry else VM_FAULT_MAJOR), Regs(cell.user)


def _letters(text: str) -> str:
    letters = "".join(text.split()).lower()
    if len(letters) != len(CELLS) or set(letters) - {*LETTERS, "?"}:
        raise FaultlabError(
            f"{text!r} has {len(letters)} letters; a column is {len(CELLS)} of them, one for each cell: y "
            "(leave the fault), n (don't), ? (not yet known)."
        )
    return letters


def _why(cell: Cell, tree: Tree) -> str:
    """Name what a wrong answer to a cell overlooks."""
    if not cell.retry:
        return "The fault is over, and mmap_sem is still held: who would release it?"
    if cell.pending == "nothing":
        return "Nothing is pending: for what would the kernel leave?"
    if cell.pending == "SIGKILL":
        return "This task will never use the page: there is nothing to go on for, in either mode."
    if not cell.user:
        return "Kernel code has no user mode to go back to from here: a harmless signal would be an error."
    if tree is BEFORE:
        return "That is what patch 9 will change. Patch 3 only moved code."
    return "It is safe to go back to user mode: the handler runs, and the access is made again."
