"""The folder of one exercise: what it asks, what it gives points for, which answers it must tell apart.

::

    exercises/<id>/exercise.toml    this module's subject
    exercises/<id>/master.py        percent-format source with solution regions
    exercises/<id>/<id>.ipynb       the learner's notebook, generated
    exercises/<id>/right/*.py       right answers written differently: full points
    exercises/<id>/wrong/*.py       named wrong answers: each gets its own message

``exercise.toml``::

    version = 1
    id = "e04_loop"                 # the folder's name
    lesson = "10"
    title = "As long as it takes"
    objective = "You write the loop ..."
    needs = ["08"]
    out_of_scope = ["kernel mode"]
    minutes = 40                    # estimated working time
    hints = ["...", "...", "..."]   # from a nudge to nearly the answer

    [[behaviour]]                   # one check cell each, with this id
    id = "s13"
    title = "A wake without a page is asked again"
    points = 2
    parent = "plain"                # skipped, with the reason, when this one failed

    [[right]]
    file = "right/recursive.py"

    [[wrong]]
    name = "still-clears"
    file = "wrong/still_clears.py"
    message = "S13: SIGBUS on attempt 2."   # the first sentence of what the learner reads
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.material.findings import Finding
from course.material.front import FrontMatter, read_front_matter
from course.material.source import Cell, read_source
from pyemu.errors import MaterialError

__all__ = ["Behaviour", "Exercise", "RightAnswer", "WrongAnswer", "load_exercise", "stray_files"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing that an answer does or doesn't do, with its points.

    Parameters
    ----------
    id : str
        Its name in results, and the id of its check cell.
    title : str
        A sentence about the right behaviour.
    points : int
        Whole points, at least 1.
    parent : str or None
        A behaviour without which this one says nothing; it stands earlier in the list.
    """

    id: str
    title: str
    points: int
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class RightAnswer:
    """An answer that gets full points: the source of the answer cell in a file."""

    file: Path


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that shows one misconception, and the first sentence its author must read."""

    name: str
    file: Path
    message: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise, as its ``exercise.toml`` declares it.

    Parameters
    ----------
    folder : pathlib.Path
        Where it stands.
    id : str
        The folder's name.
    lesson : str
        The lesson that it belongs to, by number.
    front : FrontMatter
        Title, objective, needs, out of scope, minutes.
    hints : tuple of str
        Up to three, from a nudge to nearly the answer.
    behaviours : tuple of Behaviour
        What gives points.
    right : tuple of RightAnswer
        Right answers besides the master's own.
    wrong : tuple of WrongAnswer
        Wrong answers, one for each misconception.
    """

    folder: Path
    id: str
    lesson: str
    front: FrontMatter
    hints: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]
    right: tuple[RightAnswer, ...]
    wrong: tuple[WrongAnswer, ...]

    @property
    def points(self) -> int:
        """The sum of all behaviours' points."""
        return sum(behaviour.points for behaviour in self.behaviours)

    @property
    def learner(self) -> Path:
        """Where the generated learner's notebook stands."""
        return self.folder / f"{self.id}.ipynb"

    def master(self) -> list[Cell]:
        """Return the cells of the master source, with their solution marks."""
        return read_source(self.folder / "master.py").cells


def load_exercise(folder: Path) -> Exercise:
    """Read and check ``exercise.toml``.

    Parameters
    ----------
    folder : pathlib.Path
        The exercise's folder.

    Returns
    -------
    Exercise
        The exercise; the files it names exist.

    Raises
    ------
    MaterialError
        The file is missing or not TOML, a key is unknown, missing or of the wrong type, an id is used
        twice, a parent does not stand earlier, or a file that it names does not exist.
    """
    path = folder / "exercise.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MaterialError(
            f"{path} can't be read ({error.strerror}); an exercise's folder has one."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MaterialError(f"{path} is not TOML: {error}") from error
    where = str(path)
    front = {"title", "objective", "needs", "out_of_scope", "minutes"}
    _keys(values, where, {"version", "id", "lesson", "behaviour"} | front, {"hints", "right", "wrong"})
    if values["version"] != _VERSION:
        raise MaterialError(f"{where}: 'version' is {values['version']!r}; this program reads {_VERSION}.")
    if values["id"] != folder.name:
        raise MaterialError(
            f"{where}: 'id' is {values['id']!r}; it must be the folder's name, {folder.name!r}."
        )
    hints = values.get("hints", [])
    if not isinstance(hints, list) or len(hints) > 3 or not all(isinstance(hint, str) for hint in hints):
        raise MaterialError(f"{where}: 'hints' is {hints!r}; it must be a list of at most three texts.")
    exercise = Exercise(
        folder=folder,
        id=values["id"],
        lesson=_text(values, "lesson", where),
        front=read_front_matter(values, where),
        hints=tuple(hints),
        behaviours=_behaviours(_tables(values, "behaviour", where), where),
        right=tuple(_right(table, where, folder) for table in _tables(values, "right", where)),
        wrong=tuple(_wrong(table, where, folder) for table in _tables(values, "wrong", where)),
    )
    _no_twins([wrong.name for wrong in exercise.wrong], "wrong answers", where)
    return exercise


def stray_files(exercise: Exercise) -> list[Finding]:
    """Find files in an exercise's folder that ``exercise.toml`` does not declare."""
    declared = {answer.file for answer in exercise.right} | {answer.file for answer in exercise.wrong}
    declared |= {exercise.folder / "exercise.toml", exercise.folder / "master.py", exercise.learner}
    return [
        Finding("stray-file", f"{path} is not declared in exercise.toml; declare it or remove it.")
        for path in sorted(exercise.folder.rglob("*"))
        if path.is_file() and path not in declared and "__pycache__" not in path.parts
    ]


def _behaviours(tables: list[Mapping[str, Any]], where: str) -> tuple[Behaviour, ...]:
    behaviours: list[Behaviour] = []
    for table in tables:
        _keys(table, f"{where}, a [[behaviour]]", {"id", "title", "points"}, {"parent"})
        behaviour = Behaviour(**table)
        if type(behaviour.points) is not int or behaviour.points < 1:
            raise MaterialError(
                f"{where}, behaviour {behaviour.id!r}: 'points' is {behaviour.points!r}; "
                "it must be a whole number, at least 1."
            )
        if behaviour.parent is not None and behaviour.parent not in [known.id for known in behaviours]:
            raise MaterialError(
                f"{where}, behaviour {behaviour.id!r}: the parent {behaviour.parent!r} does not stand "
                "before it; name an earlier behaviour."
            )
        behaviours.append(behaviour)
    _no_twins([behaviour.id for behaviour in behaviours], "behaviours", where)
    return tuple(behaviours)


def _right(table: Mapping[str, Any], where: str, folder: Path) -> RightAnswer:
    _keys(table, f"{where}, a [[right]]", {"file"}, set())
    return RightAnswer(_file(table, where, folder))


def _wrong(table: Mapping[str, Any], where: str, folder: Path) -> WrongAnswer:
    _keys(table, f"{where}, a [[wrong]]", {"name", "file", "message"}, set())
    name, message = _text(table, "name", where), _text(table, "message", where)
    return WrongAnswer(name, _file(table, where, folder), message)


def _file(table: Mapping[str, Any], where: str, folder: Path) -> Path:
    path = folder / _text(table, "file", where)
    if not path.is_file():
        raise MaterialError(
            f"{where} names {table['file']!r}, which does not exist; write it or remove the entry."
        )
    return path


def _keys(table: Mapping[str, Any], where: str, required: set[str], optional: set[str]) -> None:
    if unknown := sorted(table.keys() - required - optional):
        allowed = ", ".join(sorted(required | optional))
        raise MaterialError(f"{where}: the key {unknown[0]!r} is unknown; allowed are {allowed}.")
    if missing := sorted(required - table.keys()):
        raise MaterialError(f"{where}: the key {missing[0]!r} is missing.")


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise MaterialError(f"{where}: {key!r} is {value!r}; it must be a text.")
    return value


def _tables(values: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    tables = values.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise MaterialError(f"{where}: {key!r} is {tables!r}; write it as [[{key}]] tables.")
    return tables


def _no_twins(names: list[str], what: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise MaterialError(f"{where}: two {what} are called {name!r}; rename one of them.")
