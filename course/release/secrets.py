"""What must not be in a learner's bundle, taken from an exercise itself.

===========  ================================================================================
``code``     patterns of 8 and of 16 tokens of the master's solution and of every right and wrong answer
``line``     lines of the solution and of the right answers, as they stand there
``literal``  long texts and large numbers that answers write down
``value``    what checks draw, ask and expect: rows of words and numbers of their cases
``seed``     seeds with which submissions will be graded
===========  ================================================================================

What the stub gives the learner is no secret. Too short to be told from chance, and so not looked for, are
rows of fewer tokens, and patterns that hold fewer words of their own than two or three.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from course.checks.draw import Draw
from course.checks.kernel_case import KernelRun
from course.checks.library import checks_of
from course.material.exercise import Exercise
from course.material.learner import answers_in
from course.material.solution import secret_lines, solved, stubbed
from course.material.source import tags_of
from course.release.tokens import PYTHON, VALUES, Pattern, names_of, own_words, pattern, tokens, words
from pyemu.flags import PAGE_SIZE
from pyemu.scenario.memory import FIRST_ADDRESS, MAX_PAGES

__all__ = ["Code", "Secrets", "secrets_of"]

CODE = 16
"""Tokens in a pattern of code, whatever its variables are called."""
TABLE = 8
"""Tokens in a pattern in which the words of texts count as they are."""
CODE_OWN, TABLE_OWN = 2, 3
"""So many words of its own such a pattern must hold."""
VALUE = 6
"""Words in a row of a value."""
SHORTEST_VALUE = 3
SHORTEST_TEXT = (
    32  # characters of a literal: shorter ones are words of the language in which scenarios are written
)
LARGE = 1_000_000  # a number, such as an address, that tells by itself
USUAL = range(FIRST_ADDRESS, FIRST_ADDRESS + MAX_PAGES * PAGE_SIZE)
"""Addresses that tell nothing: those of the area that nearly every scenario has, in every lesson's traces."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Code:
    """Patterns of code of one length, for one choice of the names that count as they are.

    Attributes
    ----------
    length : int
        Tokens in a pattern.
    own : int
        So many words of its own each holds at least.
    fixed : frozenset of str
        Names that count as they are; others may be any.
    patterns : mapping of tuple of str to str
        Patterns, each with where it comes from.
    anchors : frozenset of str
        The words of their own that they hold.
    """

    length: int
    own: int
    fixed: frozenset[str]
    patterns: Mapping[Pattern, str]
    anchors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must not be in a bundle.

    Attributes
    ----------
    exercise : str
        Whose secrets.
    code : tuple of Code
        Patterns of code.
    values : mapping of tuple of str to str
        Rows of words, each with where it comes from.
    lines, literals, seeds : mapping of str to str
        Texts, each with where it comes from.
    n_short : int
        Values and literals that are too short to be looked for.
    notes : tuple of str
        What could not be taken, in sentences.
    """

    exercise: str
    code: tuple[Code, ...]
    values: Mapping[Pattern, str]
    lines: Mapping[str, str]
    literals: Mapping[str, str]
    seeds: Mapping[str, str]
    n_short: int
    notes: tuple[str, ...] = ()

    @property
    def n_patterns(self) -> int:
        """How many patterns of code are looked for."""
        return sum(len(one.patterns) for one in self.code)


def secrets_of(exercise: Exercise, seeds: tuple[str, ...] = (), *, cases: bool = True) -> Secrets:
    """Take the secrets of an exercise.

    Parameters
    ----------
    exercise : Exercise
        The exercise; its folder holds master and answers.
    seeds : tuple of str
        Seeds with which submissions will be graded.
    cases : bool
        Whether the checks are played, with the master's answer, for what they draw and expect.

    Returns
    -------
    Secrets
        The same for the same exercise and seeds.
    """
    cells = [cell for cell in exercise.master() if "answer" in tags_of(cell)]
    ids = [cell["id"] for cell in cells]
    stub = [stubbed(cell["source"], cell["id"]) for cell in cells]
    master = [solved(cell["source"], cell["id"]) for cell in cells]
    answers = {f"the master, cell {name}": text for name, text in zip(ids, master, strict=True)}
    for file in (one.file for kind in (exercise.right, exercise.wrong) for one in kind):
        for name, text in answers_in(file, ids).items():
            answers[f"{file.relative_to(exercise.folder)}, cell {name}"] = text
    chosen, other, texts = names_of(answers.values())
    # What a table of answers has as its texts may be any name in code, where rows have to be longer to tell.
    known = ((TABLE, TABLE_OWN, other | texts), (CODE, CODE_OWN, other))
    code = tuple(
        _code(answers, stub, length, own, frozenset(names - chosen) | PYTHON | VALUES)
        for length, own, names in known
    )
    rights = [text for origin, text in answers.items() if not origin.startswith("wrong")]
    lines = dict.fromkeys(sorted(secret_lines(exercise.master(), rights)), "a right answer")
    literals, n_short = _literals(answers, "\n".join(stub))
    values = _Values(exercise, "\n\n".join(master))
    if cases:
        for seed in (None, *seeds):
            values.take(seed)
    return Secrets(
        exercise.id,
        code,
        values.rows,
        lines,
        literals,
        dict.fromkeys(seeds, "a seed of a batch"),
        n_short + values.n_short,
        tuple(values.notes),
    )


@dataclass(frozen=True, slots=True)
class _Recorder(Draw):
    """A draw that remembers what it chose."""

    drawn: list[tuple[str, Any]] = field(default_factory=list)

    def __call__(self, name: str, choices: Any) -> Any:
        chosen = Draw.__call__(self, name, choices)
        self.drawn.append((name, chosen))
        return chosen


@dataclass(slots=True)
class _Values:
    """Rows of words of what checks draw and expect."""

    exercise: Exercise
    master: str
    rows: dict[Pattern, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    n_short: int = 0

    def take(self, seed: str | None) -> None:
        """Play all cases of a seed with the master's answer."""
        from course.nursery import nursery

        checks = checks_of(self.exercise.id)
        for behaviour in self.exercise.behaviours:
            check = checks.checks[behaviour.id]
            draw = _Recorder(seed, f"{self.exercise.id}/{behaviour.id}")
            origin = f"the check {behaviour.id}"
            for case in check.cases(draw):
                run = case.play(self.master, checks.answers)
                for finding in run.findings:
                    note = f"{behaviour.id}: {finding.text}"
                    if note not in self.notes:
                        self.notes.append(note)
                self._text(f"what {origin} runs", run.happens)
                self._text(f"what {origin} expects", run.told(check.equal)[1])
                wanted = getattr(run, "wanted", None)
                if isinstance(wanted, Mapping):
                    self._text(f"what {origin} expects", repr(dict(wanted)))
                elif isinstance(run, KernelRun):
                    for fact in check.equal:
                        self._text(f"what {origin} expects", repr(run.right(fact)))
            self._row(f"what {origin} draws", [str(value) for _, value in draw.drawn if _drawn(value)])
        nursery().sweep()

    def _text(self, origin: str, text: str) -> None:
        self._row(origin, words(text))

    def _row(self, origin: str, row: list[str]) -> None:
        """Keep the rows of a text that tell something, and each of its large numbers."""
        self.rows |= {(one,): origin for one in row if one.isdigit() and _tells(int(one))}
        if len(row) < SHORTEST_VALUE:
            self.n_short += 1
            return
        for start in range(max(1, len(row) - VALUE + 1)):
            part = tuple(row[start : start + VALUE])
            if _is_value(part):
                self.rows.setdefault(part, origin)


def _tells(number: int) -> bool:
    """Whether a number tells something by itself."""
    return number >= LARGE and number not in USUAL


def _drawn(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _code(answers: Mapping[str, str], stub: list[str], length: int, own: int, fixed: frozenset[str]) -> Code:
    """Give the patterns of the answers that the stub doesn't have."""
    given = {one for text in stub for one in _patterns(text, length, fixed)}
    found: dict[Pattern, str] = {}
    for origin, text in answers.items():
        for one in _patterns(_uncommented(text), length, fixed):
            if one not in given and len(own_words(one)) >= own:
                found.setdefault(one, origin)
    return Code(length, own, fixed, found, frozenset(word for one in found for word in own_words(one)))


def _patterns(text: str, length: int, fixed: frozenset[str]) -> Iterator[Pattern]:
    row = tokens(text)
    return (pattern(row[start : start + length], fixed) for start in range(len(row) - length + 1))


def _is_value(row: Pattern) -> bool:
    """Whether a row of a value is no phrase that any text could have: it holds numbers, and several."""
    numbers = {one for one in row if one[0].isdigit() and len(one) > 1}
    if len(row) < VALUE:
        return len(numbers) >= 2
    return len(set(row)) >= VALUE - 1 and len(numbers) >= 1 and sum(map(len, row)) >= 16


def _uncommented(text: str) -> str:
    return "\n".join(line.split("  #")[0] for line in text.splitlines() if not line.strip().startswith("#"))


def _literals(answers: Mapping[str, str], stub: str) -> tuple[dict[str, str], int]:
    """Give long texts and large numbers that answers write down, and how many were too short."""
    found: dict[str, str] = {}
    n_short = 0
    known = " ".join(stub.split())
    for origin, text in answers.items():
        for value in _constants(text):
            said = " ".join(str(value).split())
            if said.isidentifier() or (
                len(said) < SHORTEST_TEXT if isinstance(value, str) else value < LARGE
            ):
                n_short += 1
            elif said not in known:
                found.setdefault(said, origin)
    return found, n_short


def _constants(text: str) -> Iterator[str | int]:
    """Give the texts and numbers of a source; those of its docstrings are prose."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in prose:
            continue
        if isinstance(node.value, str) or type(node.value) is int:
            yield node.value
