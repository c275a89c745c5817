"""The files of a learner's bundle: notebooks, and a page that says how to open, check and hand in.

::

    README.md
    e04_loop.ipynb
    lessons/10-as-long-as-it-takes.ipynb     only where lessons are asked for

The same exercises, points and words give the same bytes, on every machine and day: an archive has no times of
its own and nothing in it is compressed.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from course.checks.facts import plural
from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.material.source import write_notebook
from course.shelf import material
from course.syllabus import Lesson, lessons
from pyemu.errors import MaterialError

__all__ = ["README", "bundle", "write_bundle", "zipped"]

README = "README.md"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that an archive can say


def bundle(
    exercises: Sequence[str], numbers: Sequence[str] = (), *, name: str = "", due: str = ""
) -> dict[str, bytes]:
    """Make the files of a bundle.

    Parameters
    ----------
    exercises : sequence of str
        Ids, in the order in which the page lists them; at least one.
    numbers : sequence of str
        Numbers of lessons that come along, such as ``10``.
    name, due : str
        What the assignment is called, and when it is due; empty: not said.

    Returns
    -------
    dict of str to bytes
        Content by name. Points are those that count at present (`course.checks.points`).

    Raises
    ------
    MaterialError
        There is no such exercise or lesson, or none was named, or one twice.
    """
    if not exercises:
        raise MaterialError("no exercise was named; name one or more, for example e04_loop.")
    for one in (*exercises, *numbers):
        if (*exercises, *numbers).count(one) > 1:
            raise MaterialError(f"{one} is named twice; name each exercise and each lesson once.")
    chosen = [_lesson(number) for number in numbers]
    files = {f"{one}.ipynb": write_notebook(pristine(one)).encode() for one in exercises}
    files |= {f"lessons/{one.file}": (material("lessons") / one.file).read_bytes() for one in chosen}
    return {README: _readme(exercises, chosen, name, due).encode()} | files


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Pack files into an archive with one folder; the same files give the same bytes.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by name.
    folder : str
        Name of the folder in the archive.

    Returns
    -------
    bytes
        A zip archive.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(f"{folder}/{name}", _EPOCH)
            member.create_system = 3  # as on Unix, wherever it is made
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return stream.getvalue()


def write_bundle(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a bundle into a folder that holds nothing else.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by name.
    folder : Path
        Made if it isn't there.

    Raises
    ------
    MaterialError
        The folder holds other files: they would be handed out as well.
    """
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if strange := sorted(there - set(files)):
        raise MaterialError(
            f"{folder} holds {strange[0]!r}, which is no part of this bundle and would be handed out "
            "with it; name a new folder with --out, or empty this one."
        )
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _lesson(number: str) -> Lesson:
    there = lessons()
    if number not in there:
        raise MaterialError(f"there is no lesson {number!r}; there are: {', '.join(there)}.")
    return there[number]


def _readme(exercises: Sequence[str], chosen: Sequence[Lesson], name: str, due: str) -> str:
    found = [exercise_of(one) for one in exercises]
    n_points, n_minutes = sum(one.points for one in found), sum(one.front.minutes for one in found)
    first = f"{exercises[0]}.ipynb"
    lines = [
        f"# {name or 'Exercises of faultlab'}",
        "",
        *([f"Due: {due}", ""] if due else []),
        f"{plural(len(found), 'exercise')}, {plural(n_points, 'point')}, about {n_minutes} minutes.",
        "",
        "| Notebook | Exercise | Points | Minutes | Lesson before it |",
        "|---|---|---:|---:|---|",
        *(
            f"| `{one.id}.ipynb` | {one.front.title} | {one.points} | {one.front.minutes} | {one.lesson} |"
            for one in found
        ),
    ]
    if chosen:
        lines += ["", "Lessons in `lessons/`:", ""]
        lines += [f"- {one.number}, {one.title}, {one.minutes} minutes: `{one.file}`" for one in chosen]
    lines += [
        "",
        "## Open",
        "",
        "You need faultlab in your Python; `faultlab doctor` says whether all is there. In this folder:",
        "",
        f"    jupyter lab {first}",
        "",
        "## Work and check",
        "",
        "Write in the cells that hold a stub, and run the notebook from top to bottom. Each check cell runs",
        "your answer in a process of its own and says what happened, as often as you like. What is shown",
        "below a check before you run it is the verdict on a right answer, not on yours.",
        f'`hint("{exercises[0]}", 1)` gives a nudge; 2 and 3 say more. All checks at once, in a terminal:',
        "",
        f"    faultlab check {first}",
        "",
        "Your course may grade with other numbers (pages, times, how many wakes) than the notebook shows. To",
        "try some, add `--seed ANYTHING`.",
        "",
        "## Hand in",
        "",
        "Save the notebook and hand in the `.ipynb` file itself, under its name. Only your answer cells are",
        "read; a changed check cell is put back. What you print costs no points.",
    ]
    return "\n".join(lines) + "\n"
