"""What the course says about Linux, one `Fact` each, and where it was read.

The facts stand in ``course/facts.toml``, whose first lines explain its keys. Code and prose cite one as
``[fact:id]``: docstrings of the kernel, lessons, exercises. A claim that can't cite a fact is a claim that
nobody has checked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

from pyemu.errors import MaterialError

__all__ = ["CITATION", "FILE", "KINDS", "TOPICS", "Evidence", "Fact", "find", "load", "search"]

FILE = Path(__file__).with_name("facts.toml")
"""The file of all facts."""

CITATION = re.compile(r"\[fact:([^\]\n]*)\]")
"""A citation in a docstring or in prose; its group is the id."""

TOPICS = {
    "flags": "flags, bits and numbers",
    "series": "the sixteen patches",
    "retry": "what RETRY means",
    "x86": "the x86 handler",
    "arch": "handlers of other architectures",
    "userfaultfd": "userfaultfd",
    "files": "files and page locks",
    "memory": "anonymous memory, fork, mprotect",
    "gup": "get_user_pages",
    "syscalls": "system calls that touch user memory",
    "counters": "counters",
    "signals": "signals",
    "bugs": "bugs and their fixes",
    "swap": "swap",
    "later": "later kernels",
}
"""Topics in the order of the file, with their titles."""

KINDS = ("record", "source", "mail", "design", "memory")
"""Kinds of evidence, best first."""

_KEYS = ("topic", "id", "statement", "version", "file", "function", "read_in")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_RELEASE = r"v\d+\.\d+(?:\.\d+)?"
_SPAN = rf"(?:(?:since|until) )?{_RELEASE}|{_RELEASE} to {_RELEASE}"
_VERSION = re.compile(rf"(?:{_SPAN})(?:, (?:{_SPAN}))*")
_PATH = re.compile(r"[a-z0-9_]+(?:/[A-Za-z0-9_.-]+)*\.[chS]")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a fact was read.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    where : str
        Versions of the source, a record, a Message-ID, a page of the specification; empty for memory.
    """

    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}" if self.where else "memory: nobody has read it"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact about Linux.

    Attributes
    ----------
    topic : str
        A key of `TOPICS`.
    id : str
        What ``[fact:id]`` cites.
    statement : str
        The fact, in one or two sentences.
    version : str
        For which versions it holds, such as ``since v5.7``.
    file, function : str
        Where that version does it.
    read_in : tuple of Evidence
        One or more, best first.
    note : str
        What to know about the evidence; often empty.
    """

    topic: str
    id: str
    statement: str
    version: str
    file: str
    function: str
    read_in: tuple[Evidence, ...]
    note: str = ""

    @property
    def place(self) -> str:
        """Version, file and function as one phrase."""
        return f"Linux {self.version}, {self.file}, {self.function}"


def load(path: Path = FILE) -> dict[str, Fact]:
    """Read and check all facts.

    Parameters
    ----------
    path : pathlib.Path
        Another file than the course's own, for tests.

    Returns
    -------
    dict of str to Fact
        By id, in the order of the file.

    Raises
    ------
    MaterialError
        The file can't be read, or breaks a rule that its first lines state.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("fact")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MaterialError(f"{path}: can't be read as TOML ({error}).") from error
    if not isinstance(tables, list) or not tables:
        raise MaterialError(f"{path} holds no [[fact]]; each fact is a table of that name.")
    facts = [_fact(table, f"{path}, fact {number}") for number, table in enumerate(tables, 1)]
    _check_order(facts, path)
    return {fact.id: fact for fact in facts}


def find(fact_id: str, facts: Mapping[str, Fact]) -> Fact:
    """Give the fact of an id.

    Parameters
    ----------
    fact_id : str
        An id.
    facts : mapping of str to Fact
        What `load` gave.

    Returns
    -------
    Fact
        The fact.

    Raises
    ------
    MaterialError
        There is none; the text names the nearest ids.
    """
    if fact_id in facts:
        return facts[fact_id]
    near = ", ".join(get_close_matches(fact_id, facts, n=3, cutoff=0.5))
    hint = f"The nearest ids are {near}." if near else f"Topics are {', '.join(TOPICS)}."
    raise MaterialError(f"There is no fact {fact_id!r} in {FILE.name}. {hint} 'faultlab fact' lists all.")


def search(words: Sequence[str], facts: Mapping[str, Fact]) -> list[Fact]:
    """List the facts that contain all words, anywhere and in any case.

    Parameters
    ----------
    words : sequence of str
        Parts of ids, statements, versions, files, functions or topics.
    facts : mapping of str to Fact
        What `load` gave.

    Returns
    -------
    list of Fact
        In the order of the file; all of them for no words.
    """

    def holds(fact: Fact, word: str) -> bool:
        text = (
            f"{fact.topic} {fact.id} {fact.statement} {fact.version} {fact.file} {fact.function} {fact.note}"
        )
        return word.lower() in text.lower()

    return [fact for fact in facts.values() if all(holds(fact, word) for word in words)]


def _fact(table: Any, where: str) -> Fact:
    """Check one table."""
    if not isinstance(table, dict):
        raise MaterialError(f"{where} is {table!r}; it must be a table [[fact]].")
    where += f" ({table['id']!r})" if "id" in table else ""
    if missing := [key for key in _KEYS if key not in table]:
        raise MaterialError(f"{where}: the key {missing[0]!r} is missing; a fact has {', '.join(_KEYS)}.")
    if unknown := sorted(table.keys() - {*_KEYS, "note"}):
        raise MaterialError(
            f"{where}: the key {unknown[0]!r} is unknown; a fact has {', '.join(_KEYS)}, and may have note."
        )
    for key in (*_KEYS[:-1], "note"):
        text = table.get(key, "-")
        if not isinstance(text, str) or not text.strip() or text != " ".join(text.split()):
            raise MaterialError(f"{where}: {key} is {text!r}; it must be a line of text.")
    _check_values(table, where)
    return Fact(**table | {"read_in": _evidence(table["read_in"], where)})


def _check_values(table: dict[str, str], where: str) -> None:
    """Check what the texts of one table say."""
    if table["topic"] not in TOPICS:
        raise MaterialError(f"{where}: topic is {table['topic']!r}; it must be one of {', '.join(TOPICS)}.")
    if not _ID.fullmatch(table["id"]):
        raise MaterialError(
            f"{where}: an id is small letters, digits and single hyphens, as in page-lock-file."
        )
    if not table["statement"].endswith("."):
        raise MaterialError(f"{where}: the statement has no full stop; it is one or two whole sentences.")
    if not _VERSION.fullmatch(table["version"]):
        raise MaterialError(
            f"{where}: version is {table['version']!r}; write v5.7, since v5.7, until v5.6 or v5.4 to v5.8, "
            "with commas between several."
        )
    if not _PATH.fullmatch(table["file"]):
        raise MaterialError(f"{where}: file is {table['file']!r}; it must be a path such as mm/memory.c.")
    if " " in table["function"]:
        raise MaterialError(f"{where}: function is {table['function']!r}; it must be one name of that file.")


def _evidence(value: Any, where: str) -> tuple[Evidence, ...]:
    """Check the evidence of one table."""
    if not isinstance(value, list) or not value:
        raise MaterialError(
            f'{where}: read_in is {value!r}; it is a list of {{ kind = "...", where = "..." }}.'
        )
    for one in value:
        if not isinstance(one, dict) or set(one) != {"kind", "where"} or not isinstance(one["where"], str):
            raise MaterialError(f"{where}: {one!r} in read_in must have the texts kind and where.")
        if one["kind"] not in KINDS:
            raise MaterialError(f"{where}: kind is {one['kind']!r}; it must be one of {', '.join(KINDS)}.")
        if bool(one["where"].strip()) == (one["kind"] == "memory"):
            raise MaterialError(
                f"{where}: where is {one['where']!r} for the kind {one['kind']!r}; "
                "each kind says where, and memory, which nobody has read, says nothing."
            )
    found = tuple(Evidence(one["kind"], one["where"]) for one in value)
    for before, after in pairwise(found):
        if KINDS.index(before.kind) > KINDS.index(after.kind):
            raise MaterialError(
                f"{where}: {after.kind} stands after {before.kind}; best evidence first: {', '.join(KINDS)}."
            )
    return found


def _check_order(facts: list[Fact], path: Path) -> None:
    """Check that ids are unique, topics in order, and ids in order within a topic."""
    topics = list(TOPICS)
    seen: set[str] = set()
    for fact in facts:
        if fact.id in seen:
            raise MaterialError(f"{path}: two facts have the id {fact.id!r}; rename one of them.")
        seen.add(fact.id)
    for before, after in pairwise(facts):
        if (topics.index(before.topic), before.id) > (topics.index(after.topic), after.id):
            raise MaterialError(
                f"{path}: {after.id!r} ({after.topic}) stands after {before.id!r} ({before.topic}); topics "
                f"stand in the order {', '.join(topics)}, ids in alphabetical order."
            )
