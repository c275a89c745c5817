"""``lock_holders``: who holds mmap_sem, who waits for it and who sleeps, over time."""

from __future__ import annotations

from dataclasses import dataclass

from course.figures.drawing import Drawing, Figure
from pyemu.errors import FaultlabError
from pyemu.machine import Result

__all__ = ["lock_holders"]

LEFT, WIDE, HIGH = 90, 780, 40  # of a task's lane
BAR = 18
LEAST = 4  # pixels of what takes no time
STYLES = {"reading": "kernel", "writing": "run", "waits": "dots", "sleeps": "stripes"}
LEGEND = (
    ("kernel", "R: holds it for reading"),
    ("run", "W: holds it for writing"),
    ("dots", "?: waits for it"),
    ("stripes", "z: sleeps"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a task holds the lock, waits for it, or sleeps: a key of `STYLES`."""

    what: str
    start: int
    end: int


def spans(result: Result, task: str) -> list[Span]:
    """Give what a task had of mmap_sem, and when it slept; in us of virtual time."""
    found, since = [], dict[str, int]()
    for event in result.trace.select(task=task):
        mode, kind = str(event.b), event.kind
        if kind in ("lock_granted", "lock_wait_killed"):
            found.append(Span("waits", since.pop("waits", event.t), event.t))
        if kind in ("lock_taken", "lock_granted"):
            since[mode] = event.t
        elif kind == "lock_queued":
            since["waits"] = event.t
        elif kind == "lock_dropped":
            found.append(Span(mode, since.pop(mode, event.t), event.t))
        elif kind == "sleep":
            since["sleeps"] = event.t
        elif kind == "wake" and "sleeps" in since:
            found.append(Span("sleeps", since.pop("sleeps"), event.t))
    return found + [Span(what, start, result.ticks) for what, start in since.items()]


def lock_holders(*results: Result, tasks: str = "T W") -> Figure:
    """Draw the holders of mmap_sem over time.

    Parameters
    ----------
    *results : Result
        One run or several, drawn below each other on one scale.
    tasks : str
        Names of the tasks, with blanks between them.

    Returns
    -------
    Figure
        Two bars a task: what it has of the lock, and below it when it sleeps.

    Raises
    ------
    FaultlabError
        There is no run, or one has no such task.

    Examples
    --------
    >>> from course.waiting import slow_page
    >>> from pyemu import Tree, run
    >>> print(lock_holders(run(slow_page("csky"), Tree.before)))
    Figure: Who holds mmap_sem: slow-page-csky on tree before
    - slow-page-csky on tree before, T: holds it for reading from 0 to 10001 us; sleeps from 1 to
      10001 us.
    - slow-page-csky on tree before, W: waits for it from 1000 to 10001 us; holds it for writing at
      10001 us; sleeps from 0 to 1000 us; sleeps from 1000 to 10001 us.
    """
    if not results:
        raise FaultlabError("lock_holders() got no run; give it one or more, as in lock_holders(before).")
    names = tasks.split()
    for result in results:
        if unknown := [name for name in names if name not in result.tasks]:
            known = ", ".join(result.tasks)
            raise FaultlabError(f"{result.trace.title} has no task {unknown[0]!r}; its tasks are {known}.")
    last = max(1, *(result.ticks for result in results))
    lane = HIGH + 12
    drawing = Drawing(LEFT + WIDE + 20, 30 + len(results) * (26 + lane * len(names)) + 60)
    says, y = [], 10
    for result in results:
        drawing.words(10, y + 14, result.trace.title, "bold")
        y += 26
        for name in names:
            drawing.words(10, y + 24, name, "bold")
            drawing.path((LEFT, y + HIGH), (LEFT + WIDE, y + HIGH), arrow=False)
            found = spans(result, name)
            for span in found:
                _bar(drawing, span, y, last)
            said = "; ".join(map(_words, _in_order(found))) or "has nothing to do with it"
            says.append(f"{result.trace.title}, {name}: {said}.")
            y += lane
    _scale(drawing, y, last)
    _legend(drawing, y + 44)
    return drawing.figure(f"Who holds mmap_sem: {' and '.join(one.trace.title for one in results)}", says)


def _in_order(found: list[Span]) -> list[Span]:
    """Put what is said of the lock before the sleeps, each in the order of time."""
    return sorted(found, key=lambda one: (one.what == "sleeps", one.start, one.end))


def _words(span: Span) -> str:
    doing = {"waits": "waits for it", "sleeps": "sleeps"}.get(span.what, f"holds it for {span.what}")
    when = f"at {span.start} us" if span.start == span.end else f"from {span.start} to {span.end} us"
    return f"{doing} {when}"


def _place(t: int, last: int) -> int:
    return LEFT + WIDE * t // last


def _bar(drawing: Drawing, span: Span, y: int, last: int) -> None:
    left = min(_place(span.start, last), LEFT + WIDE - LEAST)
    width = max(LEAST, _place(span.end, last) - left)
    top = y + BAR + 2 if span.what == "sleeps" else y
    drawing.box(left, top, width, BAR, STYLES[span.what])
    letter = {"reading": "R", "writing": "W", "waits": "?", "sleeps": "z"}[span.what]
    if width > 30:
        drawing.words(left + width // 2, top + 14, letter, "bold", "middle", back=True)


def _scale(drawing: Drawing, y: int, last: int) -> None:
    step = 10 ** (len(str(last)) - 1)
    step = step if last >= 4 * step else step // 4 or 1
    for t in range(0, last + 1, step):
        x = _place(t, last)
        drawing.path((x, y - 6), (x, y), arrow=False)
        drawing.words(x, y + 14, f"{t} us" if t == 0 else str(t), "small", "middle")


def _legend(drawing: Drawing, y: int) -> None:
    for nth, (style, words) in enumerate(LEGEND):
        x = LEFT + nth * 195
        drawing.box(x, y - 12, 24, 14, style)
        drawing.words(x + 30, y, words, "small")
