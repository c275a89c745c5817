"""Write every generated notebook, or say which one differs from its source.

::

    lessons/NN-slug.py          -> lessons/NN-slug.ipynb           executed, outputs stored
    exercises/<id>/master.py    -> exercises/<id>/<id>.ipynb       the learner's, with a stub

``python -m course.material build`` (``make notebooks``) writes; with ``--check`` it compares and writes
nothing. A rebuild without a change gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from course.curriculum import lesson_place
from course.material.citations import cite
from course.material.execute import renumber, run
from course.material.exercise import load_exercise, stray_files
from course.material.findings import Finding
from course.material.front import read_front_matter
from course.material.hover import with_hovers
from course.material.learner import learner_notebook, master_notebook
from course.material.numbers import fill, harvest
from course.material.solution import find_leaks
from course.material.source import Notebook, Source, markdown_cell, new_notebook, read_source, write_notebook
from course.material.template import check_lesson
from pyemu.errors import MaterialError

__all__ = ["Target", "build", "differing", "lesson_notebook", "material_findings", "targets"]


@dataclass(frozen=True, slots=True)
class Target:
    """One generated file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    make : callable
        Returns the text that belongs in it; executes a notebook, which takes seconds.
    """

    path: Path
    make: Callable[[], str]


def lesson_notebook(source: Source) -> Notebook:
    """Build a lesson.

    Parameters
    ----------
    source : Source
        The lesson's percent-format file, read.

    Returns
    -------
    dict
        The executed notebook: front matter as its first cell, numbers filled, publishing cells removed,
        terms explained on hovering, citations numbered.

    Raises
    ------
    MaterialError
        The front matter is incomplete, a cell raised, a ``{{name}}`` is not filled, or a citation names no
        fact, or a term is not in the glossary.
    """
    where = str(source.path)
    front = read_front_matter(source.header, where)
    executed = run(new_notebook(source.cells), where)
    cells, values = harvest(executed["cells"], where)
    cells = [
        markdown_cell("front-matter", front.text()),
        *cite(with_hovers(fill(cells, values, where), where), where),
    ]
    facts = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(front).items()}
    notebook = new_notebook(cells, title=front.title, faultlab=facts)
    renumber(notebook)
    return notebook


def targets(root: Path) -> list[Target]:
    """List what is generated below a folder that holds ``lessons/`` and ``exercises/``.

    Parameters
    ----------
    root : pathlib.Path
        Usually the checkout.

    Returns
    -------
    list of Target
        Lessons in the order of the curriculum, then exercises.

    Raises
    ------
    MaterialError
        The folder has neither ``lessons/`` nor ``exercises/``.
    """
    lessons, exercises = root / "lessons", root / "exercises"
    if not lessons.is_dir() and not exercises.is_dir():
        raise MaterialError(f"{root} has neither lessons/ nor exercises/; name the folder that holds them.")
    found = [Target(path.with_suffix(".ipynb"), partial(_lesson, path)) for path in _lesson_sources(root)]
    found += [
        Target(path / f"{path.name}.ipynb", partial(_learner, path)) for path in _exercise_folders(root)
    ]
    return found


def build(root: Path, chosen: Sequence[str] = ()) -> list[Path]:
    """Write generated notebooks whose text changed.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds ``lessons/`` and ``exercises/``.
    chosen : sequence of str
        Parts of paths, such as ``00-one-fault``; none means all.

    Returns
    -------
    list of pathlib.Path
        The files that were written; those that already had the right text are left alone.

    Raises
    ------
    MaterialError
        A source is malformed or a cell raised.
    """
    written = []
    for target in _chosen(root, chosen):
        text = target.make().encode()
        if not target.path.is_file() or target.path.read_bytes() != text:
            target.path.write_bytes(text)
            written.append(target.path)
    return written


def differing(root: Path, chosen: Sequence[str] = ()) -> list[Finding]:
    """Name each generated file that is missing, differs from its source, or has no source.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds ``lessons/`` and ``exercises/``.
    chosen : sequence of str
        Parts of paths; none means all.

    Returns
    -------
    list of Finding
        Empty when a rebuild would change nothing.

    Raises
    ------
    MaterialError
        A source is malformed or a cell raised.
    """
    findings = []
    for target in _chosen(root, chosen):
        if not target.path.is_file():
            findings.append(Finding("not-built", f"{target.path} is missing; run 'make notebooks'."))
        elif target.path.read_bytes() != target.make().encode():
            findings.append(
                Finding("differs", f"{target.path} is not what its source builds; run 'make notebooks'.")
            )
    if not chosen:
        made = {target.path for target in targets(root)}
        stray = [path for path in sorted(root.glob("lessons/*.ipynb")) if path not in made]
        findings += [Finding("no-source", f"{path} has no source; remove it.") for path in stray]
    return findings


def material_findings(root: Path) -> list[Finding]:
    """Return what the template, the leak check and the check for stray files find; nothing is executed.

    The leak check reads the learner notebooks as they are stored.
    """
    findings = [finding for path in _lesson_sources(root) for finding in check_lesson(read_source(path))]
    for folder in _exercise_folders(root):
        exercise = load_exercise(folder)
        findings += stray_files(exercise)
        if exercise.learner.is_file():
            findings += find_leaks(exercise.master(), exercise.learner.read_text(encoding="utf-8"))
    return findings


def _lesson_sources(root: Path) -> list[Path]:
    found = (path for path in root.glob("lessons/*.py") if path.name != "__init__.py")
    return sorted(found, key=lesson_place)


def _exercise_folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob("exercises/*/exercise.toml"))


def _chosen(root: Path, chosen: Sequence[str]) -> list[Target]:
    parts = list(chosen)
    every = {target: str(target.path.relative_to(root)) for target in targets(root)}  # not where root lies
    for part in parts:
        if not any(part in path for path in every.values()):
            names = ", ".join(target.path.stem for target in every) or "none"
            raise MaterialError(f"No generated notebook is called {part!r}; there are: {names}.")
    return [t for t, path in every.items() if not parts or any(part in path for part in parts)]


def _lesson(path: Path) -> str:
    return write_notebook(lesson_notebook(read_source(path)))


def _learner(folder: Path) -> str:
    exercise = load_exercise(folder)
    return write_notebook(learner_notebook(exercise, master_notebook(exercise)))
