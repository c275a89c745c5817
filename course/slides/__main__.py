"""``python -m course.slides [NN ...]``: write the slides of lessons; of all, when none is named."""

from __future__ import annotations

import sys
from pathlib import Path

from course.curriculum import lesson_number, lesson_place
from course.npm import unpacked
from course.shelf import material
from course.slides.pages import PACKAGE, write
from pyemu.errors import FaultlabError, MaterialError

ROOT = Path(__file__).resolve().parents[2]


def main(numbers: list[str]) -> None:
    """Write the slides, and say where they are."""
    lessons = sorted(material("lessons").glob("*.ipynb"), key=lesson_place)
    known = [lesson_number(path) for path in lessons]
    try:
        if unknown := set(numbers) - set(known):
            raise MaterialError(f"there is no lesson {min(unknown)!r}; there are: {', '.join(known)}.")
        package = unpacked(PACKAGE, ROOT / "build" / "npm")
        chosen = [path for path in lessons if not numbers or lesson_number(path) in numbers]
        pages = write(ROOT / "build" / "slides", chosen, package)
    except FaultlabError as error:
        sys.exit(f"faultlab: {error}")
    print(f"{len(pages)} lessons in {pages[0].parent}: open {pages[0].name} in a browser; S shows the notes.")


if __name__ == "__main__":
    main(sys.argv[1:])
