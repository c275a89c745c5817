"""``sleeps``: the states of a task, and what ends each sleep."""

from __future__ import annotations

from course.figures.drawing import Drawing, Figure

__all__ = ["sleeps"]

# Letter of /proc, name, and who ends it [fact:task-states] [fact:task-state-letters] [fact:signal-state].
SLEEPS = (
    ("S", "interruptible", "a wake, any signal"),
    ("D", "killable", "a wake, SIGKILL"),
    ("D", "uninterruptible", "a wake"),
    ("T", "stopped", "SIGCONT, SIGKILL"),
)
LEFT, WIDE, HIGH, GAP = 20, 150, 56, 24
RIGHT = 520


def sleeps() -> Figure:
    """Draw the states R, S, D and T.

    Returns
    -------
    Figure
        R on the left; for each sleep an arrow there, and one back with what ends it.

    Examples
    --------
    >>> print(sleeps())
    Figure: The states of a task, and what ends each sleep
    - R runs, or could run.
    - S, interruptible: ended by a wake, any signal.
    - D, killable: ended by a wake, SIGKILL.
    - D, uninterruptible: ended by a wake.
    - T, stopped: ended by SIGCONT, SIGKILL.
    """
    high = len(SLEEPS) * (HIGH + GAP)
    drawing = Drawing(RIGHT + WIDE + 40, high + 20)
    drawing.box(LEFT, 16, WIDE, high - GAP, "strong")
    drawing.words(LEFT + WIDE // 2, high // 2, "R", "bold", "middle")
    drawing.words(LEFT + WIDE // 2, high // 2 + 18, "runs, or could", "small", "middle")
    for nth, (letter, name, ends) in enumerate(SLEEPS):
        y = 16 + nth * (HIGH + GAP)
        drawing.box(RIGHT, y, WIDE, HIGH, "dashed" if letter == "T" else "line")
        drawing.words(RIGHT + WIDE // 2, y + 25, letter, "bold", "middle")
        drawing.words(RIGHT + WIDE // 2, y + 42, name, "small", "middle")
        drawing.path((LEFT + WIDE, y + 18), (RIGHT, y + 18))
        drawing.path((RIGHT, y + 38), (LEFT + WIDE, y + 38))
        middle = (LEFT + WIDE + RIGHT) // 2
        goes = "SIGSTOP" if letter == "T" else "goes to sleep"
        drawing.words(middle, y + 13, goes, "small", "middle")
        drawing.words(middle, y + 54, f"ended by {ends}", "bold", "middle")
    return drawing.figure(
        "The states of a task, and what ends each sleep",
        ["R runs, or could run.", *(f"{one}, {name}: ended by {ends}." for one, name, ends in SLEEPS)],
    )
