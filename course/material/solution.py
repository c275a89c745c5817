"""Solution regions in a master: cut them out, put the stub in, look for what leaked.

A region stands in an answer cell and names what the learner sees in its place::

    async def do_user_addr_fault(regs, error_code, address):
        ### BEGIN SOLUTION
        ...
        ### STUB
        # # find the area, try, look at what came back
        # raise NotImplementedError
        ### END SOLUTION

Stub lines are comments in the master, so that the master runs as it stands, and so that other course
tools, which know only the outer two marks, take the whole region for solution.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum, auto

from course.material.findings import Finding
from course.material.source import Cell
from pyemu.errors import MaterialError

__all__ = [
    "BEGIN",
    "END",
    "STUB",
    "bare_line",
    "find_leaks",
    "has_solution",
    "secret_lines",
    "solved",
    "stubbed",
]

BEGIN = "### BEGIN SOLUTION"
STUB = "### STUB"
END = "### END SOLUTION"

_DEFAULT_STUB = 'raise NotImplementedError("write your answer here")'
_SHORT = 8
"""Lines with fewer characters, such as 'return' or 'else:', give nothing away."""


class _Part(Enum):
    GIVEN = auto()
    SOLUTION = auto()
    STUB = auto()


def has_solution(text: str) -> bool:
    """Say whether a cell's source contains a mark of a solution region."""
    return any(line.strip() in (BEGIN, STUB, END) for line in text.splitlines())


def solved(text: str, where: str) -> str:
    """Return a cell's source with the solution and without marks and stub.

    Raises
    ------
    MaterialError
        A region is nested, not closed, or its stub is not written as comments.
    """
    return "\n".join(line for part, line in _parts(text, where) if part is not _Part.STUB)


def stubbed(text: str, where: str) -> str:
    """Return a cell's source with the stub in place of the solution.

    Raises
    ------
    MaterialError
        A region is nested, not closed, or its stub is not written as comments.
    """
    return "\n".join(line for part, line in _parts(text, where) if part is not _Part.SOLUTION)


def find_leaks(master: Iterable[Cell], learner: str, answers: Iterable[str] = ()) -> list[Finding]:
    """Find lines of the solution in a learner's notebook.

    A line counts as solution when it stands in a solution region or a right answer, and nowhere in what
    the master gives away. It leaks when it appears anywhere in the notebook: code, prose, outputs or
    metadata. Indentation and comments at a line's end are ignored.

    Parameters
    ----------
    master : iterable of dict
        The master's cells, with marks.
    learner : str
        The text of the learner's notebook file.
    answers : iterable of str
        Further right answers.

    Returns
    -------
    list of Finding
        One for each line that leaks, and for each mark left over.
    """
    secret = secret_lines(master, answers)
    shown = [bare_line(line) for text in _strings(json.loads(learner)) for line in text.splitlines()]
    findings = [
        Finding("solution-leak", f"The line {line!r} of the solution is in the learner's notebook.")
        for line in sorted(secret)
        if any(line in other for other in shown)
    ]
    findings += [
        Finding("mark-left", f"The mark {mark!r} is in the learner's notebook.")
        for mark in (BEGIN, STUB, END)
        if any(mark in other for other in shown)
    ]
    return findings


def secret_lines(master: Iterable[Cell], answers: Iterable[str] = ()) -> set[str]:
    """Give the lines of solution regions and right answers that the master gives away nowhere.

    Parameters
    ----------
    master : iterable of dict
        The master's cells, with marks.
    answers : iterable of str
        Further right answers.

    Returns
    -------
    set of str
        Lines of eight characters and more, without indentation and comments at their end (`bare_line`).
    """
    secret: set[str] = set()
    public: set[str] = set()
    for cell in master:
        for part, line in _parts(cell["source"], f"cell {cell['id']!r}"):
            (secret if part is _Part.SOLUTION else public).add(bare_line(line))
    for answer in answers:
        secret.update(map(bare_line, answer.splitlines()))
    return {line for line in secret - public if len(line) >= _SHORT}


def _parts(text: str, where: str) -> list[tuple[_Part, str]]:
    """Split a source into lines, each with the part that it belongs to; the marks are left out."""
    result: list[tuple[_Part, str]] = []
    part, indent, n_stub = _Part.GIVEN, "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        mark = line.strip()
        at = f"{where}, line {number}"
        if mark == BEGIN:
            if part is not _Part.GIVEN:
                raise MaterialError(f"{at}: {BEGIN!r} inside a solution region; close the first one before.")
            part, indent, n_stub = _Part.SOLUTION, line[: line.index(BEGIN)], 0
        elif mark == STUB:
            if part is not _Part.SOLUTION:
                raise MaterialError(f"{at}: {STUB!r} must stand between {BEGIN!r} and {END!r}, once.")
            part = _Part.STUB
        elif mark == END:
            if part is _Part.GIVEN:
                raise MaterialError(f"{at}: {END!r} without {BEGIN!r} before it.")
            if n_stub == 0:
                result.append((_Part.STUB, indent + _DEFAULT_STUB))
            part = _Part.GIVEN
        elif part is _Part.STUB:
            if not line.startswith(f"{indent}#"):
                raise MaterialError(
                    f"{at}: {line!r} belongs to a stub and must begin with {indent + '# '!r}, "
                    "so that the master runs as it stands."
                )
            result.append((part, (indent + line[len(indent) + 1 :].removeprefix(" ")).rstrip()))
            n_stub += 1
        else:
            result.append((part, line))
    if part is not _Part.GIVEN:
        raise MaterialError(f"{where}: a solution region is not closed; add {END!r}.")
    return result


def bare_line(line: str) -> str:
    """Give a line of code without layout and without a comment at its end."""
    return " ".join(line.split("  #")[0].split())


def _strings(value: object) -> Iterable[str]:
    """Yield every text in a JSON value; a list of texts is one text, as notebooks store sources."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
