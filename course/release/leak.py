"""The search for secrets in a bundle, and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from course.checks.facts import plural
from course.material.solution import BEGIN, END, STUB, bare_line
from course.release.secrets import Code, Secrets
from course.release.shown import Shown
from course.release.texts import Text, texts_of
from course.release.tokens import pattern, plain, tokens, words

__all__ = ["Leak", "Report", "search"]

MARKS = (BEGIN, STUB, END)
SAID = 90  # characters of a secret that a report shows


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret that a bundle shows.

    Attributes
    ----------
    exercise : str
        Whose secret.
    kind : str
        ``code``, ``line``, ``literal``, ``value``, ``seed`` or ``mark``.
    where : Text
        The text that shows it.
    secret : str
        What is shown.
    origin : str
        Where it comes from, such as ``right/recursive.py, cell loop``.
    """

    exercise: str
    kind: str
    where: Text
    secret: str
    origin: str

    def __str__(self) -> str:
        said = self.secret if len(self.secret) <= SAID else f"{self.secret[: SAID - 3]}..."
        return (
            f"{self.where.file}, {self.where.place}: {self.kind} of {self.exercise} ({self.origin}): {said}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a search found.

    Attributes
    ----------
    secrets : tuple of Secrets
        What was looked for.
    looked : mapping of str to mapping of str to int
        How many texts of each kind were looked into, by file.
    leaks : tuple of Leak
        What is shown and must not be.
    allowed : tuple of (Shown, int)
        Places that show something for a stored reason, and how many secrets each.
    """

    secrets: tuple[Secrets, ...]
    looked: Mapping[str, Mapping[str, int]]
    leaks: tuple[Leak, ...]
    allowed: tuple[tuple[Shown, int], ...]

    def text(self) -> str:
        """Give the report in lines."""
        lines = ["Looked for"]
        for one in self.secrets:
            lines.append(
                f"  {one.exercise}: {one.n_patterns} patterns and {len(one.lines)} lines of code, "
                f"{len(one.literals)} literals, {len(one.values)} drawn or expected values, "
                f"{plural(len(one.seeds), 'seed')}; {one.n_short} values and literals are too short to tell"
            )
            lines += [f"    not taken: {note}" for note in one.notes]
        lines.append("Looked into")
        for name, counts in self.looked.items():
            lines.append(f"  {name}: {', '.join(f'{kind} {n}' for kind, n in counts.items())}")
        if self.allowed:
            lines.append("Shown for a stored reason")
            lines += [
                f"  {one.file}, cell {one.cell} ({one.exercise}, {n}): {one.reason}"
                for one, n in self.allowed
            ]
        if self.leaks:
            lines.append(f"LEAKS: {len(self.leaks)}")
            lines += [f"  {one}" for one in self.leaks]
        else:
            lines.append("No leak: no solution, hidden case, seed or expected value is in the bundle.")
        return "\n".join(lines)


def search(files: Mapping[str, bytes], secrets: Iterable[Secrets], shown: Iterable[Shown] = ()) -> Report:
    """Search the files of a bundle for secrets.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by name; an archive is looked into.
    secrets : iterable of Secrets
        What must not be there.
    shown : iterable of Shown
        What may be, and why.

    Returns
    -------
    Report
        Each secret once for each place.
    """
    texts = list(texts_of(files))
    looked: dict[str, Counter[str]] = {}
    for text in texts:
        looked.setdefault(text.file, Counter())[text.kind] += 1
    wanted = tuple(secrets)
    reasons = {(one.exercise, one.file, one.cell): one for one in shown}
    leaks: dict[tuple[str, str, str, str], Leak] = {}
    allowed: Counter[Shown] = Counter()
    excused: set[tuple[str, str, str]] = set()
    for text in sorted(texts, key=lambda one: ", together" in one.place):
        for leak in _found(text, wanted):
            key = (leak.exercise, leak.kind, leak.secret)
            # Text of several cells shows what one of them shows: then it is told, or excused, with that cell.
            together = not text.cell and (key in excused or any(one[:3] == key for one in leaks))
            reason = reasons.get((leak.exercise, text.file.rsplit("/", 1)[-1], text.cell))
            if reason is not None:
                allowed[reason] += 1
                excused.add(key)
            elif not together:
                leaks.setdefault((*key, f"{text.file}, {text.place}"), leak)
    return Report(wanted, looked, tuple(leaks.values()), tuple(allowed.items()))


def _found(text: Text, secrets: tuple[Secrets, ...]) -> Iterator[Leak]:
    """Give all that one text shows."""
    row, row_of_words = tokens(text.text), words(text.text)
    flat = " ".join(plain(text.text).split())
    lines = [bare_line(line) for line in plain(text.text).splitlines()]
    for mark in MARKS:
        if mark in text.text:
            yield Leak("any", "mark", text, mark, "a master")
    for one in secrets:
        shown = dict(found for code in one.code for found in _code(row, code))
        for part, origin in shown.items():
            yield Leak(one.exercise, "code", text, part, origin)
        for length in sorted({len(value) for value in one.values}):
            for start in range(len(row_of_words) - length + 1):
                words_here = tuple(row_of_words[start : start + length])
                if words_here in one.values:
                    yield Leak(one.exercise, "value", text, " ".join(words_here), one.values[words_here])
        for secret, origin in one.lines.items() if not _is_taught(text, one.exercise) else ():
            if any(secret in line for line in lines):
                yield Leak(one.exercise, "line", text, secret, origin)
        for kind, known in (("literal", one.literals), ("seed", one.seeds)):
            for secret, origin in known.items():
                if secret in flat:
                    yield Leak(one.exercise, kind, text, secret, origin)


def _code(row: list[str], code: Code) -> Iterator[tuple[str, str]]:
    """Give the rows of tokens that are a pattern of code, each with where that comes from."""
    told = [one in code.anchors for one in row]
    n_told = sum(told[: code.length - 1])
    for start in range(len(row) - code.length + 1):
        n_told += told[start + code.length - 1]
        if n_told >= code.own:  # a pattern that is looked for holds so many; most rows of prose don't
            part = row[start : start + code.length]
            origin = code.patterns.get(pattern(part, code.fixed))
            if origin is not None:
                yield " ".join(part), origin
        n_told -= told[start]


def _is_taught(text: Text, exercise: str) -> bool:
    """Whether single lines give nothing away here: in a lesson, and in the given code of others."""
    own = text.file.endswith(f"{exercise}.ipynb")
    return "lessons/" in text.file or (text.kind == "source" and text.file.endswith(".ipynb") and not own)
