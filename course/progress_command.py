"""``faultlab progress``: what is done, what is open, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import MaterialError

if TYPE_CHECKING:
    from course.progress import Entry
    from course.scores import Score

__all__ = ["go_on", "progress"]

MOST = 3
"""So many ways to go on are named."""


def progress(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="your copy")] = Path(),
    forgotten: Annotated[
        bool, typer.Option("--forget", help="remove all that is kept of you; your notebooks stay")
    ] = False,
) -> None:
    """Say what is done, with points and predictions, and where to go on; all of it is kept in DIR alone."""
    from course.checks.facts import plural
    from course.checks.library import exercise_of
    from course.progress import forget, kept
    from course.scores import scores
    from course.syllabus import lessons
    from course.workfiles import FOLDER, home_of

    home = home_of(directory)
    if home is None:
        raise MaterialError(
            f"{directory.resolve()} is no working copy, and progress is kept nowhere else. Name the folder "
            "that you gave to `faultlab start`, or make one with `faultlab start DIR`."
        )
    if forgotten:
        gone = forget(home)
        print("\n".join(f"Removed {path}." for path in gone) or "Nothing was kept.")
        return
    entries, found = kept(home), scores(home)
    begun = {number: one for number, one in found.items() if one.begun}
    if begun:
        print("Lessons                                            predictions      answers right")
        for number, one in begun.items():
            title = f"{number:<4}{lessons()[number].title if number in lessons() else ''}"
            right = f"{one.n_right} of {one.n_questions}"
            print(f"{title[:48]:<50} {_of(one.n_true, one.n_run, one.n_asked)} {right}")
        n_true, n_run = (sum(getattr(one, name) for one in begun.values()) for name in ("n_true", "n_run"))
        true = f"{n_true} of {plural(n_run, 'prediction')}"
        print(f"{true} came true at the first choice. They cost no points.")
        print()
    if entries:
        print("Exercises                                          points           open")
        for name, all_of_it in entries.items():
            last, best = all_of_it[-1], max(one.points for one in all_of_it)
            told = ", ".join(last.open) or f"nothing, since {_first_full(all_of_it)}"
            more = f" (once {best})" if best > last.points else ""
            title = f"{name}  {exercise_of(name).front.title}" if _known(name) else name
            print(f"{title[:48]:<50} {f'{last.points} of {last.of}{more}':<16} {told}")
        last_ones = [one[-1] for one in entries.values()]
        n_points, n_most = sum(one.points for one in last_ones), sum(one.of for one in last_ones)
        print(f"{n_points} of {plural(n_most, 'point')}, of what was checked.")
        print()
    if not begun and not entries:
        print("Nothing is kept yet: predict something in a lesson, or check an exercise.")
        print()
    print("Go on with")
    print("\n".join(f"  {one}" for one in go_on(entries, found)) or "  nothing: all is done.")
    print()
    print(f"Kept in {home / FOLDER}, and sent nowhere.")


def go_on(entries: Mapping[str, list[Entry]], found: Mapping[str, Score]) -> list[str]:
    """Say where to go on: what is begun first, then what its lessons allow, then the next lesson.

    Parameters
    ----------
    entries : mapping of str to list of Entry
        What is known of exercises.
    found : mapping of str to Score
        What is known of lessons, in the order of the curriculum.

    Returns
    -------
    list of str
        At most three lines; empty when all is done.
    """
    from course.checks.library import declared, exercise_ids

    done = {number for number, one in found.items() if one.done}
    full = {name for name, all_of_it in entries.items() if not all_of_it[-1].open}
    ways = [
        f"{name}: {all_of_it[-1].open[0]} is open" for name, all_of_it in entries.items() if name not in full
    ]
    for name in exercise_ids():
        exercise = declared(name)
        if name not in entries and {exercise.lesson, *exercise.front.needs} <= done:
            ways.append(f"{name}: {exercise.front.title} (you know what it needs)")
    begun = [number for number, one in found.items() if one.begun]
    numbers = list(found)
    after = numbers[numbers.index(begun[-1]) + 1 :] if begun else []
    for number in (*begun, *after, *numbers):
        if number not in done:
            ways.append(f"lesson {number}: {_left(found[number])}")
            break
    return ways[:MOST]


def _left(score: Score) -> str:
    from course.checks.facts import plural

    n_answers = score.n_questions - score.n_answered
    return f"{plural(score.n_open, 'prediction')} and {plural(n_answers, 'answer')} are open"


def _of(n_true: int, n_run: int, n_asked: int) -> str:
    more = f" (of {n_asked})" if n_run < n_asked else ""
    return f"{f'{n_true} of {n_run}{more}':<16}"


def _first_full(entries: list[Entry]) -> str:
    return next(one.date for one in entries if not one.open)


def _known(name: str) -> bool:
    from course.checks.library import exercise_ids

    return name in exercise_ids()
