"""What there is: lessons with their minutes, and which patch has its lesson, its scenario and its exercise.

All of it is read from the course's own files: the notebooks say how long they take, which facts they cite and
which scenarios they run; ``course/matrix.toml`` says what the course owes. ``faultlab lessons`` prints both.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course.curriculum import CORE, LESSONS, lesson_number
from course.shelf import material
from pyemu.errors import MaterialError

__all__ = ["MATRIX", "Lesson", "Row", "exercises", "lessons", "markdown", "matrix"]

MATRIX = Path(__file__).with_name("matrix.toml")

_FACT = re.compile(r": `([a-z0-9-]+)`$", re.MULTILINE)
_QUOTED = re.compile(r"""["']([\w'-]+)["']""")
_SELF_TEST = re.compile(r"self_test\([^)]*\)")
_KEYS = {"what", "lessons", "tells", "exercises"}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson or bridge, as its notebook says.

    Attributes
    ----------
    number, title : str
        Such as ``07a`` and its words.
    file : str
        Name of the notebook.
    minutes : int
        How long it takes.
    text : str
        Its prose.
    facts : frozenset of str
        Ids of the facts that it cites.
    scenarios : tuple of str
        Scenarios of the library that its code names.
    """

    number: str
    title: str
    file: str
    minutes: int
    text: str
    facts: frozenset[str]
    scenarios: tuple[str, ...]

    @property
    def core(self) -> bool:
        """Whether it belongs to the core track."""
        return self.number in CORE

    def tells(self, marks: tuple[str, ...]) -> bool:
        """Say whether it tells of something: cites such a fact, or has such words."""
        return any(
            any(fact.startswith(mark.removeprefix("fact:")) for fact in self.facts)
            if mark.startswith("fact:")
            else re.search(rf"\b{re.escape(mark)}\b", self.text, re.IGNORECASE)
            for mark in marks
        )


@dataclass(frozen=True, slots=True)
class Row:
    """What the course owes about one patch, claim, report or reference.

    Attributes
    ----------
    what : str
        Its name.
    lessons, scenarios, exercises : tuple of str
        Numbers and names.
    tells : tuple of str
        By what a lesson is known to tell of it.
    unseen : str
        Why no scenario can show it; empty when one does.
    """

    what: str
    lessons: tuple[str, ...]
    scenarios: tuple[str, ...]
    exercises: tuple[str, ...]
    tells: tuple[str, ...]
    unseen: str

    def missing(self, there: Mapping[str, Lesson], proven: frozenset[str]) -> list[str]:
        """Say what is not there yet.

        Parameters
        ----------
        there : mapping of str to Lesson
            The lessons that there are.
        proven : frozenset of str
            The exercises that there are.

        Returns
        -------
        list of str
            ``lesson 12a``, ``scenario X1 in a lesson``, ``exercise E10``; empty when all is there.
        """
        telling = [there[one] for one in self.lessons if one in there and there[one].tells(self.tells)]
        found = [f"lesson {one}" for one in self.lessons if one not in {lesson.number for lesson in telling}]
        run = {name for lesson in there.values() for name in lesson.scenarios}
        found += [f"scenario {name} in a lesson" for name in self.scenarios if name not in run]
        return found + [f"exercise {one}" for one in self.exercises if one not in proven]


@cache
def lessons() -> Mapping[str, Lesson]:
    """Read all lessons.

    Returns
    -------
    mapping of str to Lesson
        By number, in the order of the curriculum.
    """
    from pyemu.scenario import Scenario

    library = frozenset(Scenario.library())
    found = {lesson_number(path): _lesson(path, library) for path in material("lessons").glob("*.ipynb")}
    return {number: found[number] for number in LESSONS if number in found}


def exercises() -> frozenset[str]:
    """Give the exercises that there are, such as ``E4`` for the folder ``e04_loop``."""
    folders = (path.parent.name for path in material("exercises").glob("*/exercise.toml"))
    read = (re.match(r"([a-z])0*(\d+)", name) for name in folders)
    return frozenset(f"{one[1].upper()}{one[2]}" for one in read if one)


def matrix(path: Path = MATRIX) -> list[Row]:
    """Read what the course owes.

    Raises
    ------
    MaterialError
        The file breaks a rule that its first lines state.
    """
    rows = []
    for number, table in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["row"], 1):
        where = f"{path.name}, row {number}"
        if set(table) - {"scenarios", "unseen"} != _KEYS:
            raise MaterialError(f"{where}: a row has {', '.join(sorted(_KEYS))} and scenarios or unseen.")
        if ("scenarios" in table) == ("unseen" in table):
            raise MaterialError(f"{where}: a row has scenarios, or says under unseen why there is none.")
        if strange := [one for one in table["lessons"] if one not in LESSONS]:
            raise MaterialError(f"{where}: the curriculum has no lesson {strange[0]!r}.")
        lists = {key: tuple(table.get(key, ())) for key in ("lessons", "scenarios", "exercises", "tells")}
        rows.append(Row(table["what"], unseen=table.get("unseen", ""), **lists))
    return rows


def markdown() -> str:
    """Write lessons and matrix as a page."""
    there, proven = lessons(), exercises()
    lines = [
        "# Lessons",
        "",
        "In the order in which they are read; the core track is marked with a star, and a bridge (B) may be",
        "skipped by who passes its self-test. `faultlab lessons --markdown` writes this page.",
        "",
        "| Lesson | Title | Minutes | Scenarios |",
        "|---|---|---:|---|",
    ]
    for number in LESSONS:
        star = "*" if number in CORE else ""
        if number in there:
            one = there[number]
            row = f"[{one.title}]({one.file}) | {one.minutes} | {', '.join(one.scenarios) or '-'}"
        else:
            row = "not written yet | |"
        lines.append(f"| {number}{star} | {row} |")
    minutes = [sum(one.minutes for one in there.values() if one.core or every) for every in (False, True)]
    n_core = sum(one.core for one in there.values())
    sums = (
        f"Core track: {minutes[0]} minutes in {n_core} lessons; all: {minutes[1]} minutes in {len(there)} "
        f"lessons of {len(LESSONS)}."
    )
    lines += [
        "",
        sums,
        "",
        "## What each patch has",
        "",
        "| What | Lessons | Scenarios | Exercises | Missing |",
        "|---|---|---|---|---|",
    ]
    for owed in matrix():
        cells = (
            owed.what,
            ", ".join(owed.lessons),
            ", ".join(owed.scenarios) or f"none: {owed.unseen[:1].lower()}{owed.unseen[1:].rstrip('.')}",
            ", ".join(owed.exercises),
            ", ".join(owed.missing(there, proven)) or "nothing",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _lesson(path: Path, library: frozenset[str]) -> Lesson:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    front = notebook["metadata"]["faultlab"]
    prose, code = (
        "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind)
        for kind in ("markdown", "code")
    )
    # A bridge's number may be a scenario's name as well.
    named = dict.fromkeys(name for name in _QUOTED.findall(_SELF_TEST.sub("", code)) if name in library)
    return Lesson(
        lesson_number(path),
        front["title"],
        path.name,
        front["minutes"],
        prose,
        frozenset(_FACT.findall(prose)),
        tuple(named),
    )
