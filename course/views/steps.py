"""``stepper``: walk through one run, or through two with one cursor, event by event.

The text form is made here from events, and so are the rows on which the cursor walks. What is drawn and
clicked is computed by `course.views.stepping`, and only where a stepper is shown.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.views.compare import Mark, Row, compare
from course.views.moments import Moment, moments
from course.views.pair import labels
from course.views.panel import Panel, Side, facts
from course.views.stepping.rows import Side as Events
from course.views.stepping.rows import by_time, lines
from course.views.why import why
from pyemu.errors import FaultlabError
from pyemu.machine import Result

if TYPE_CHECKING:
    from course.views.stepping.wire import Wire

__all__ = ["Stepper", "stepper"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
HINT = "In JupyterLab, buttons, a slider and the keyboard walk through all {} events."
LAST = "unread messages"
_MARKS = {
    Mark.SAME: "",
    Mark.OTHER: f" {Mark.OTHER} other values",
    Mark.PARTED: f" {Mark.PARTED} here the runs part",
    Mark.ALONE: f" {Mark.ALONE} each run on its own",
}


class Stepper:
    """A cursor over the events of one run, or over the rows of a comparison of two.

    Parameters
    ----------
    *results : Result
        One or two.
    called : tuple of str, optional
        What each run is called; by its tree, or its title, when left out.

    Attributes
    ----------
    results : tuple of Result
        What it walks through.
    labels : tuple of str
        What each run is called.
    rows : tuple of Row
        Where the cursor may stand: events of one run, or of two as `compare` pairs them; after the parting,
        in the order of virtual time.
    start : int
        Where the cursor stands at first: where two runs part, else at the first event.
    fact_names : tuple of str
        Names of the facts of a panel.
    title : str
        Scenario and trees.
    notes : tuple of str
        What differs between two runs, and why.
    """

    def __init__(self, *results: Result, called: tuple[str, ...] = ()) -> None:
        self.results = results
        self.labels = called or labels(*results)
        titles = [result.trace.title for result in results]
        scenario = "" if self.labels[0] == titles[0] else f"{results[0].scenario.name}: "
        self.title = titles[0] if len(titles) == 1 else scenario + " and ".join(self.labels)
        self.notes: tuple[str, ...] = ()
        if len(results) == 2:
            comparison = compare(results[0].trace, results[1].trace)
            self.rows = by_time(comparison)
            self.start = comparison.parted or 0
            self.notes = why(comparison, results[0].tree, results[1].tree)
        else:
            self.rows = tuple(Row(one, None, Mark.SAME) for one in moments(results[0].trace))
            self.start = 0
        if not self.rows:
            raise FaultlabError(
                f"{results[0].trace.title}: its trace has no event to show; run it to the end."
            )
        self._latest = self._walk()
        # The last scene of a run knows every task, page and attempt: its names are those of all panels.
        names = dict.fromkeys(name for one in self._latest[-1] for name in facts(one))
        self.fact_names = tuple(sorted(names, key=LAST.__eq__))
        self._retries = [i for i, row in enumerate(self.rows) if _retries(row.left) or _retries(row.right)]

    def __len__(self) -> int:
        return len(self.rows)

    def panel(self, index: int) -> Panel:
        """Give the picture at an event.

        Parameters
        ----------
        index : int
            0 to ``len(self) - 1``; negative numbers count from the end.

        Returns
        -------
        Panel
            The same for the same runs.

        Raises
        ------
        FaultlabError
            When there is no such event.
        """
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise FaultlabError(
                f"event {index} does not exist: this stepper has events 0 to {len(self) - 1}."
            )
        row = self.rows[place]
        sides = tuple(
            Side(label, moment, own is not None)
            for label, moment, own in zip(
                self.labels, self._latest[place], (row.left, row.right), strict=False
            )
        )
        return Panel(f"Event {place + 1} of {len(self)}{_MARKS[row.mark]}", self.fact_names, sides)

    def text(self, index: int) -> str:
        """Give the picture at an event as text; see `panel`."""
        return self.panel(index).text()

    def next_retry(self, index: int) -> int:
        """Give the next event after this one at which a second or later attempt starts; itself if none."""
        later = self._retries[bisect_right(self._retries, index) :]
        return later[0] if later else index

    def __repr__(self) -> str:
        return f"{self.text(self.start)}\n\n{HINT.format(len(self))}"

    @cached_property
    def wire(self) -> Wire:
        """What the browser gets: all events of the runs, and the states after them."""
        from course.views.stepping.histories import history_of
        from course.views.stepping.wire import Run, pack

        sides = [Events.of(result.trace) for result in self.results]
        runs = [
            Run(label, result.trace, side, history_of(result))
            for label, result, side in zip(self.labels, self.results, sides, strict=True)
        ]
        return pack(self.title, runs, tuple(lines(sides, self.rows)), self.fact_names, self.notes)

    def html(self) -> str:
        """Give the picture at the start, for where no script runs: lanes as an image, facts as a table."""
        from course.views.stepping.picture import picture

        return picture(self)

    def page(self) -> str:
        """Give a page of its own that needs neither a kernel nor a network: HTML, to be saved as a file."""
        from course.views.stepping.page import page

        return page(self.wire, self.start, self.html())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the picture at the start, and in a notebook that runs, the widget."""
        from course.views.stepping.widget import view

        return {"text/plain": repr(self), "text/html": self.html(), WIDGET_VIEW: view(self.wire, self.start)}

    def _walk(self) -> list[tuple[Moment | None, ...]]:
        """Give the last event of each run up to each row."""
        found: list[tuple[Moment | None, ...]] = []
        left: Moment | None = None
        right: Moment | None = None
        for row in self.rows:
            left, right = row.left or left, row.right or right
            found.append((left, right))
        return found


def stepper(*results: Result | str | Path) -> Stepper:
    """Make a stepper.

    Parameters
    ----------
    *results : Result, str or Path
        One run, or two that are compared. Or one file that a failed check has kept: its run opens
        beside the kernel's own.

    Returns
    -------
    Stepper
        Shown in a notebook with buttons; ``stepper(...).text(i)`` is its text at event i.

    Raises
    ------
    FaultlabError
        When there are none or more than two runs, they have no events, or a file can't be read.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> print(stepper(run("S13", Tree.before)).panel(8).sentence)
    T sleeps (state S).
    """
    if len(results) == 1 and isinstance(results[0], str | Path):
        from course.checks.failed_run import LABELS, load_run

        kept = load_run(Path(results[0])).results()
        return Stepper(*kept, called=LABELS[: len(kept)])
    runs = [one for one in results if isinstance(one, Result)]
    if len(runs) not in (1, 2) or len(runs) < len(results):
        raise FaultlabError(
            f"stepper() got {len(results)} runs; give it one, or two to compare them, or one file that a "
            "failed check has kept."
        )
    return Stepper(*runs)


def _retries(moment: Moment | None) -> bool:
    return moment is not None and moment.event.kind == "attempt" and int(moment.event.b) > 1
