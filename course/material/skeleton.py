"""The skeleton of another exercise: small, and working as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pyemu.errors import MaterialError

__all__ = ["write_exercise"]

FILE = Path(__file__).with_name("skeleton.toml")
ID = re.compile(r"[a-z]\d\d_[a-z0-9_]+")


def write_exercise(root: Path, name: str, lesson: str, title: str) -> list[Path]:
    """Write the files of a new exercise.

    Parameters
    ----------
    root : Path
        A checkout of the project.
    name : str
        The exercise's id, such as ``e13_stack``.
    lesson : str
        The lesson that it belongs to, by number.
    title : str
        What learners read at its top.

    Returns
    -------
    list of Path
        The files. They are to be changed, and the notebook is to be built.

    Raises
    ------
    MaterialError
        ``root`` is no checkout, the id or the lesson is none, or there is such an exercise.
    """
    from course.curriculum import LESSONS

    if not (root / "exercises").is_dir() or not (root / "course" / "checks").is_dir():
        raise MaterialError(f"{root} is no checkout of faultlab; exercises are written in one.")
    if not ID.fullmatch(name):
        raise MaterialError(
            f"the id {name!r} is none: it is a letter, two digits and words in lower case, as in 'e13_stack'."
        )
    if lesson not in LESSONS:
        raise MaterialError(f"there is no lesson {lesson!r}; there are: {', '.join(LESSONS)}.")
    if '"' in title or "\\" in title or not title.isprintable():
        raise MaterialError(f"the title {title!r} holds a quotation mark, a backslash or a line end.")
    filled = {"@id@": name, "@lesson@": lesson, "@title@": title, "@prefix@": name.split("_")[0].upper()}
    files = {
        root / _fill(path, filled): _fill(text, filled)
        for path, text in tomllib.loads(FILE.read_text(encoding="utf-8")).items()
    }
    if there := [path for path in files if path.exists()]:
        raise MaterialError(f"{there[0]} is there already; choose another id.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _fill(text: str, filled: dict[str, str]) -> str:
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text
