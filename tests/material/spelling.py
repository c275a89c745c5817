"""The spelling of the material: what people read in sentences, word by word against a list of English words.

Code is left out: code spans and fences, names such as ``mmap_sem``, abbreviations, numbers. What English
doesn't know and the course needs stands in ``words.txt``: terms of the kernel, names, British spellings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from spellchecker import SpellChecker

from course.material.source import markdown_cell, read_source
from course.material.template import prose

WORDS = Path(__file__).with_name("words.txt")

SENTENCES = {
    *("ask", "hint", "hints", "means", "message", "note", "objective", "out_of_scope", "statement", "story"),
    *("text", "title", "unseen", "why"),
}
"""Keys, of TOML files and of the headers of lessons, whose texts are sentences."""

_NO_WORDS = re.compile(r"\[fact:[^\]]*\]|\S*/\S*|\B'|'\B")  # citations, paths and addresses, quotation marks
_TOKEN = re.compile(r"[^\s()\[\],;:!?\"|*=~<>→≠-]+")
_WORD = re.compile(r"[A-Z]?[a-z]+(?:'[a-z]+)?")  # and no name: digits, dots, underscores, a second capital


@cache
def english() -> SpellChecker:
    """The words that are right: English ones, and our own."""
    found = SpellChecker()
    found.word_frequency.load_words(own_words())
    return found


def own_words() -> list[str]:
    """The words of ``words.txt``, in its order."""
    return WORDS.read_text(encoding="utf-8").split()


def misspelt(text: str) -> list[str]:
    """The words of a Markdown text that are not right, in lower case and in alphabetical order."""
    (said,) = prose(markdown_cell("text", text.replace("**", "")))  # **w**ake is one word
    tokens = (one.strip(".'#") for one in _TOKEN.findall(_NO_WORDS.sub(" ", said)))
    words = {one.removesuffix("'s") for one in tokens if _WORD.fullmatch(one)}
    return sorted(english().unknown(words))


def texts(path: Path) -> Iterator[str]:
    """What people read in a file: a percent source, a TOML file or a page of Markdown."""
    if path.suffix == ".py":
        source = read_source(path)
        yield from _sentences(source.header)
        for cell in source.cells:
            yield from prose(cell)
    elif path.suffix == ".toml":
        yield from _sentences(tomllib.loads(path.read_text(encoding="utf-8")))
    else:
        yield path.read_text(encoding="utf-8")


def _sentences(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _sentences(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _sentences(value, key)
    elif isinstance(data, str) and key in SENTENCES:
        yield data
