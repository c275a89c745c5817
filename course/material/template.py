"""What every lesson has in common, as checks that return findings.

Each check takes a `Source` and returns a list of `Finding`, empty when the lesson keeps the rule.
`CHECKS` holds them all. A lesson's parts are its headings of level 2; the word before a colon names the
part, the rest is free: ``## Predict: what will the access see?``
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from course.material.findings import Finding
from course.material.front import front_matter_problems
from course.material.numbers import TAG
from course.material.source import Cell, Source, tags_of

__all__ = [
    "CHECKS",
    "LESSON",
    "Template",
    "check_code_length",
    "check_front_matter",
    "check_lesson",
    "check_parts",
    "check_typed_numbers",
    "check_words",
    "prose",
]


@dataclass(frozen=True, slots=True)
class Template:
    """The shape that a lesson keeps to.

    Parameters
    ----------
    parts : tuple of str
        Names of the parts in the order in which they may stand.
    required : frozenset of str
        The parts that no lesson leaves out.
    code_lines : int
        The most lines of code in a cell. Blank lines and lines with only a comment are free.
    words : tuple of str
        Words that tell a reader who is stuck that it is their fault.
    """

    parts: tuple[str, ...]
    required: frozenset[str]
    code_lines: int
    words: tuple[str, ...]


LESSON = Template(
    parts=(
        "Story",
        "Predict",
        "Run",
        "Trace",
        "Mechanism",
        "Worked example",
        "Order the lines",
        "Fill the gap",
        "Write it",
        "Break it",
        "The real patch",
        "The real thing",
        "Questions",
        "Recap",
    ),
    required=frozenset({"Story", "Predict", "Run", "Trace", "Mechanism", "Questions", "Recap"}),
    code_lines=8,
    words=("simply", "just", "obviously"),
)

_HEADING = re.compile(r"^## +([^:\n]+?) *(?::.*)?$", re.MULTILINE)
# What is not prose: fenced code, code spans, link targets, HTML, headings' marks, {{places}}.
_NOT_PROSE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]*`|\]\([^)\n]*\)|<[^>\n]*>|\{\{[^}]*\}\}", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.#-])\d[\d,.]*(?<![,.])(?![\w-])")
# Typed literals that can't go stale, in this order: versions (a bare 5.7 is a kernel's, unless a unit
# follows), years and dates, numbers that are names, the numbers of a list.
_NAME_NUMBER = re.compile(
    r"\b(?:v|(?:Linux|Python|JupyterLab) )\d+(?:\.\d+)+\b|\b\d+\.\d+\.\d+\b"
    r"|(?<![\d.])[4-6]\.\d{1,2}\b(?!\s?(?:%|(?:ns|us|ms|s|ticks|times|seconds|minutes|[KMG]i?B)\b))"
    r"|\b(?:19|20)\d\d(?:-\d\d-\d\d)?\b"
    r"|\b(?:patche?|lesson|level|step|attempt|part|question)s?\s+\d+(?:(?:,| and| to)\s+\d+)*\b"
    r"|^\s*\d+\.\s",
    re.IGNORECASE | re.MULTILINE,
)


def check_front_matter(source: Source, template: Template = LESSON) -> list[Finding]:
    """Find keys of the front matter that are missing or have a wrong value."""
    problems = front_matter_problems(source.header)
    return [Finding("front-matter", f"{source.path}: in the front matter, {text}") for text in problems]


def check_parts(source: Source, template: Template = LESSON) -> list[Finding]:
    """Find parts that are missing, unknown, doubled or out of order."""
    found = [name for cell in _markdown(source) for name in _HEADING.findall(_without_fences(cell["source"]))]
    known = [name for name in found if name in template.parts]
    findings = [
        Finding(
            "unknown-part",
            f"{source.path}: '## {name}' is not a part of the template ({', '.join(template.parts)}); "
            "use one of these before a colon, or a heading of level 3.",
        )
        for name in found
        if name not in template.parts
    ]
    findings += [
        Finding("missing-part", f"{source.path}: the part '## {name}' is missing; every lesson has it.")
        for name in template.parts
        if name in template.required and name not in known
    ]
    for before, after in pairwise(known):
        if template.parts.index(before) >= template.parts.index(after):
            text = f"'## {after}' stands after '## {before}'; the order is {', '.join(template.parts)}."
            findings.append(Finding("part-order", f"{source.path}: {text}"))
    return findings


def check_code_length(source: Source, template: Template = LESSON) -> list[Finding]:
    """Find code cells that show more than one idea's worth of lines."""
    findings = []
    for cell in source.cells:
        if cell["cell_type"] != "code" or TAG in tags_of(cell):
            continue
        n_lines = sum(bool(line.strip()) and not line.strip().startswith("#") for line in _lines(cell))
        if n_lines > template.code_lines:
            text = f"has {n_lines} lines of code; at most {template.code_lines}. Split it at the second idea."
            findings.append(Finding("long-cell", f"{source.path}, cell {cell['id']!r} {text}"))
    return findings


def check_words(source: Source, template: Template = LESSON) -> list[Finding]:
    """Find words in prose and comments that belittle what is hard."""
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, template.words))})\b", re.IGNORECASE)
    return [
        Finding("word", f"{source.path}, cell {cell['id']!r}: {found[0]!r} helps no one; leave it out.")
        for cell in source.cells
        for text in prose(cell)
        for found in pattern.finditer(text)
    ]


def check_typed_numbers(source: Source, template: Template = LESSON) -> list[Finding]:
    """Find numbers in prose that were typed and could go stale.

    Versions, dates, years, list numbers and numbers that are names (patch 9, attempt 2) are free, and so
    are small numbers in words. Everything else comes from a cell: see `course.material.numbers`.
    """
    return [
        Finding(
            "typed-number",
            f"{source.path}, cell {cell['id']!r}: the number {found[0]!r} was typed; publish it from a cell "
            f"with the tag {TAG!r} and write {{{{name}}}}, or write it as code or as a word.",
        )
        for cell in _markdown(source)
        for text in prose(cell)
        for found in _NUMBER.finditer(_NAME_NUMBER.sub(" ", text))
    ]


CHECKS = (check_front_matter, check_parts, check_code_length, check_words, check_typed_numbers)
"""Every check of the template."""


def check_lesson(source: Source, template: Template = LESSON) -> list[Finding]:
    """Return the findings of all checks."""
    return [finding for check in CHECKS for finding in check(source, template)]


def prose(cell: Cell) -> Iterator[str]:
    """Yield what a cell says in words: markdown without code, or the comments of code."""
    if cell["cell_type"] == "markdown":
        yield _NOT_PROSE.sub(" ", cell["source"])
    elif cell["cell_type"] == "code":
        try:
            for token in tokenize.generate_tokens(io.StringIO(cell["source"]).readline):
                if token.type == tokenize.COMMENT:
                    yield token.string
        except (tokenize.TokenError, SyntaxError):
            return  # a magic or a mistake: running the cell says so better than this check could


def _markdown(source: Source) -> list[Cell]:
    return [cell for cell in source.cells if cell["cell_type"] == "markdown"]


def _lines(cell: Cell) -> list[str]:
    lines: list[str] = cell["source"].splitlines()
    return lines


def _without_fences(text: str) -> str:
    return re.sub(r"```.*?```|~~~.*?~~~", "", text, flags=re.DOTALL)
