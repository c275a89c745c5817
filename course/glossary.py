"""The glossary: words of the kernel and of this course, each with its meaning, its evidence and its lesson.

The words stand in ``course/glossary.toml``, whose first lines explain its keys. What can be read elsewhere is
not written there twice: values come from `pyemu.flags`, what a rule means from `pyemu.rules`, versions from
the facts, and the kernel's functions from `course.functions`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from course.curriculum import LESSONS
from course.linuxfacts import Fact, find, load
from pyemu.errors import MaterialError

__all__ = ["FILE", "KINDS", "Term", "explain", "terms"]

FILE = Path(__file__).with_name("glossary.toml")
KINDS = ("flag", "fault bit", "error code", "task state", "rule", "function", "word")

_KEYS = {"name", "kind", "means", "facts", "lesson", "also"}
_VALUED = ("flag", "fault bit", "error code", "task state")


@dataclass(frozen=True, slots=True)
class Term:
    """One word.

    Attributes
    ----------
    name : str
        As the kernel or the course writes it.
    kind : str
        One of `KINDS`.
    means : str
        What it means, in sentences.
    facts : tuple of Fact
        What that rests on; empty for a rule or a word of ours.
    lessons : tuple of str
        Numbers of the lessons that teach it.
    value : int or None
        Of a flag: its bits.
    also : tuple of str
        Other spellings.
    place : str
        Of a function: where Linux has it, and where ours stands.
    """

    name: str
    kind: str
    means: str
    facts: tuple[Fact, ...] = ()
    lessons: tuple[str, ...] = ()
    value: int | None = None
    also: tuple[str, ...] = ()
    place: str = ""

    @property
    def title(self) -> str:
        """Name, value and kind."""
        return f"{self.name}{'' if self.value is None else f' = {self.value:#x}'} ({self.kind})"

    @property
    def hover(self) -> str:
        """What is said in one paragraph beside the word."""
        value = "" if self.value is None else f"{self.value:#x}. "
        versions = ", ".join(dict.fromkeys(f"Linux {one.version}" for one in self.facts))
        return f"{value}{self.means}{f' ({versions})' if versions else ''}"


def explain(name: str) -> Term:
    """Give what a word means.

    Parameters
    ----------
    name : str
        In any case; a flag also without its prefix, a function as Linux or as we call it.

    Returns
    -------
    Term
        The word.

    Raises
    ------
    MaterialError
        There is no such word; the text names the nearest ones.
    """
    asked = " ".join(name.split()).casefold()
    known = terms()
    for one in known.values():
        if asked in {one.name.casefold(), *map(str.casefold, one.also)}:
            return one
    functions = _functions()
    for one in functions.values():
        if asked in {one.name.casefold(), *map(str.casefold, one.also)}:
            return one
    short = [one for one in known.values() if one.name.casefold().endswith(f"_{asked}")]
    if len(short) == 1:
        return short[0]
    spellings = {
        spelling.casefold(): one.name
        for one in (*functions.values(), *known.values())
        for spelling in (one.name, *one.also)
    }
    near = [spellings[one] for one in get_close_matches(asked, spellings, n=3, cutoff=0.6)]
    meant = list(dict.fromkeys([one.name for one in short] or near))
    hint = f"Did you mean {_listed(meant)}?" if meant else "'faultlab explain' lists all words."
    raise MaterialError(f"The glossary has no {name!r}. {hint}")


@cache
def terms() -> Mapping[str, Term]:
    """Read and check the glossary; functions are not in it.

    Returns
    -------
    mapping of str to Term
        By name, in the order of the file.

    Raises
    ------
    MaterialError
        The file breaks a rule that its first lines state.
    """
    return read(FILE)


def read(path: Path) -> dict[str, Term]:
    """Read one glossary; see `terms`."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("term", [])
    except (OSError, ValueError) as error:
        raise MaterialError(f"{path}: can't be read as TOML ({error}).") from error
    facts = load()
    found: dict[str, Term] = {}
    for number, table in enumerate(tables, 1):
        one = _term(table, facts, f"{path.name}, term {number}")
        taken = {spelling for other in found.values() for spelling in (other.name, *other.also)}
        if again := taken & {one.name, *one.also}:
            raise MaterialError(f"{path.name}, term {number}: {min(again)!r} stands there already.")
        found[one.name] = one
    return found


def _term(table: Any, facts: Mapping[str, Fact], where: str) -> Term:
    from pyemu import flags
    from pyemu.rules import RULES

    if not isinstance(table, dict) or not {"name", "kind", "facts", "lesson"} <= set(table) <= _KEYS:
        raise MaterialError(f"{where}: a term has name, kind, means, facts and lesson, and may have also.")
    name, kind = table["name"], table["kind"]
    where += f" ({name!r})"
    if kind not in KINDS or kind == "function":
        raise MaterialError(f"{where}: kind is {kind!r}; it must be one of {', '.join(KINDS)}, no function.")
    if table["lesson"] not in LESSONS:
        raise MaterialError(f"{where}: lesson is {table['lesson']!r}, which the curriculum does not have.")
    if (kind == "rule") == ("means" in table):
        raise MaterialError(f"{where}: every term says what it means, but a rule: pyemu/rules.py does that.")
    if kind == "rule" and name not in RULES:
        raise MaterialError(f"{where}: pyemu/rules.py has no such rule.")
    if kind in _VALUED and not hasattr(flags, name):
        names = {f"VM_FAULT_{one.name}" for one in flags.VmFault}
        if name not in names:
            raise MaterialError(f"{where}: pyemu/flags.py has no such name.")
    try:
        rests_on = tuple(find(one, facts) for one in table["facts"])
    except MaterialError as error:
        raise MaterialError(f"{where}: {error}") from None
    if not rests_on and kind not in ("rule", "word"):
        raise MaterialError(f"{where}: what it means rests on no fact; cite one.")
    means = f"{RULES[name].means} {RULES[name].mend}" if kind == "rule" else table["means"]
    also = tuple(table.get("also", ()))
    return Term(name, kind, means, rests_on, (table["lesson"],), _value(name, kind), also)


def _value(name: str, kind: str) -> int | None:
    from pyemu import flags

    if kind not in _VALUED:
        return None
    if hasattr(flags, name):
        return int(getattr(flags, name))
    return int(flags.VmFault[name.removeprefix("VM_FAULT_")])


@cache
def _functions() -> Mapping[str, Term]:
    """Give the kernel's functions by our name."""
    from course.functions import rows

    return {
        row.name: Term(
            row.name,
            "function",
            f"{row.what[:1].upper()}{row.what[1:].rstrip('.')}.",
            lessons=tuple(sorted(row.lessons, key=LESSONS.index)),
            also=(row.c_name,) if row.c_name and row.c_name != row.name else (),
            place=f"{f'Linux v5.7, {row.c_file}; ' if row.c_file else ''}ours: {row.module}",
        )
        for row in rows()
    }


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
