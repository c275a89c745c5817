"""The pages: a lesson's deck as HTML, and reveal.js beside it. They work from a server and from a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from course.curriculum import lesson_number
from course.slides.deck import deck

__all__ = ["ASSETS", "PACKAGE", "page", "write"]

TEMPLATE = Path(__file__).with_name("template")
ASSETS = "reveal"
"""The folder beside the pages, with what they load."""

PACKAGE = "reveal.js@6.0.2"
"""npm's name and version of it."""

# From npm's package, and ours.
REVEAL = {
    "reveal.css": "dist/reveal.css",
    "theme.css": "dist/theme/white.css",
    "reveal.js": "dist/reveal.js",
    "notes.js": "dist/plugin/notes.js",
    "LICENSE": "LICENSE",
}
OURS = ("deck.css", "deck.js")


def page(lesson: Path) -> str:
    """Give the page of a lesson.

    Parameters
    ----------
    lesson : Path
        Its notebook.

    Returns
    -------
    str
        HTML that loads the files of `ASSETS` beside it, and nothing else.
    """
    import nbformat
    from nbconvert import SlidesExporter

    notebook = deck(json.loads(lesson.read_text(encoding="utf-8")))
    exporter = SlidesExporter(  # type: ignore[no-untyped-call]  # nbconvert has none
        extra_template_basedirs=[str(TEMPLATE.parent)], template_name=TEMPLATE.name, reveal_url_prefix=ASSETS
    )
    node = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]  # nbformat has none
    return str(exporter.from_notebook_node(node)[0])


def write(target: Path, lessons: Iterable[Path], package: Path) -> list[Path]:
    """Write the pages of lessons.

    Parameters
    ----------
    target : Path
        Their folder.
    lessons : iterable of Path
        Notebooks.
    package : Path
        npm's ``reveal.js``, unpacked.

    Returns
    -------
    list of Path
        The pages, ``NN.html``.
    """
    assets = target / ASSETS
    assets.mkdir(parents=True, exist_ok=True)
    for name, source in REVEAL.items():
        shutil.copy(package / source, assets / name)
    for name in OURS:
        shutil.copy(TEMPLATE / name, assets / name)
    written = []
    for lesson in lessons:
        file = target / f"{lesson_number(lesson)}.html"
        file.write_text(page(lesson), encoding="utf-8")
        written.append(file)
    return written
