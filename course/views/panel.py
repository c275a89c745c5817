"""One picture of one or two runs at one event: what happened, and what is true now."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from course.views.lanes import lock_words
from course.views.moments import Moment, TaskScene
from course.views.table import Column, Line, Table
from course.views.words import flag_words
from pyemu.flags import FaultFlag, VmFault

__all__ = ["Panel", "Side", "facts"]

NOT_YET = "-"


@dataclass(frozen=True, slots=True)
class Side:
    """One run at the cursor.

    Attributes
    ----------
    label : str
        What the run is called.
    moment : Moment or None
        The last event up to the cursor; None before the first.
    moved : bool
        Whether that event is the cursor's own, not an earlier one.
    """

    label: str
    moment: Moment | None
    moved: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """What a stepper shows at one place of its cursor. Text and HTML say the same.

    Attributes
    ----------
    head : str
        Where the cursor is.
    names : tuple of str
        Which facts are shown; the same at each place, so that nothing jumps.
    sides : tuple of Side
        One run, or two.
    """

    head: str
    names: tuple[str, ...]
    sides: tuple[Side, ...]

    @property
    def sentence(self) -> str:
        """What happened here."""
        said = [(side.label, side.moment.sentence) for side in self.sides if side.moved and side.moment]
        if len(self.sides) == 1:
            return said[0][1]
        if len(said) == 2 and said[0][1] == said[1][1]:
            return f"Both: {said[0][1]}"
        return " ".join(f"{label}: {text}" for label, text in said)

    @property
    def table(self) -> Table:
        """What is true now, a column for each run."""
        found = [facts(side.moment) for side in self.sides]
        lines = tuple(Line((name, *(one.get(name, NOT_YET) for one in found))) for name in self.names)
        columns = (Column("", 24), *(Column(side.label, 48) for side in self.sides))
        return Table("", columns, lines, fixed=True)

    def text(self) -> str:
        """Give the panel as text."""
        return f"{self.head}\n{self.sentence}\n\n{self.table.text()}"

    def html(self) -> str:
        """Give the panel as HTML; a screen reader reads the sentence out when it changes."""
        return (
            f'<div style="line-height:1.5">{escape(self.head)}</div>'
            '<div role="status" aria-live="polite" style="min-height:3em;line-height:1.5;font-weight:600">'
            f"{escape(self.sentence)}</div>{self.table.html()}"
        )


def facts(moment: Moment | None) -> dict[str, str]:
    """Name what is true at an event.

    Parameters
    ----------
    moment : Moment or None
        The event; None before the first.

    Returns
    -------
    dict of str to str
        What a fact is called and what it is, in the order of a panel; empty for None.
    """
    if moment is None:
        return {}
    found = {"time": f"{moment.t} us", "goal": moment.goal or NOT_YET}
    for task in moment.scene.tasks:
        found |= _task(task)
    found["mmap_sem"] = lock_words(moment.scene)
    found |= {f"page {va:#x}": state for va, state in moment.scene.pages}
    return found | {"unread messages": str(len(moment.scene.unread))}


def _task(task: TaskScene) -> dict[str, str]:
    found = {task.name: task.doing}
    if task.attempt:
        gave = (
            ""
            if task.bits is None
            else ", done"
            if not task.bits
            else f", gave {flag_words(task.bits, VmFault)}"
        )
        found[f"{task.name}: attempt"] = f"{task.attempt}{gave}"
        found[f"{task.name}: flags"] = flag_words(task.flags, FaultFlag)
    return found
