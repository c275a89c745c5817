"""A text as tokens, so that a piece of code is found again however it is written down.

Quotes, comment signs, layout and the form of numbers don't count: ``0x254`` is ``596``, and a commented line
has the tokens of the line. A *pattern* is a row of tokens in which names that the code chose itself are
numbered in their order, so that it stays the same when somebody renames them.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import unicodedata
from collections.abc import Container, Iterable, Sequence

__all__ = ["PYTHON", "VALUES", "Pattern", "names_of", "own_words", "pattern", "plain", "tokens", "words"]

Pattern = tuple[str, ...]
"""A row of tokens; ``$0``, ``$1``, ... stand for names that may be any."""

VALUES = frozenset({"True", "False", "None"})
"""Words of the language that may be an answer."""
PYTHON = frozenset({*keyword.kwlist, *dir(builtins)}) - VALUES
"""The other words of the language: they stay as they are, and tell little of an answer."""

_TOKEN = re.compile(
    r"0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d+)?|[^\W\d]\w*"
    r"|//|\*\*|<<|>>|->|:=|[-+*/%&|^<>=!]=|[^\s\w#\"'`\\]"
)


def plain(text: str) -> str:
    """Give a text without what can't be seen: one form of each letter, no marks of direction, no joiners."""
    folded = unicodedata.normalize("NFKC", text)
    if folded.isascii():
        return folded
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")


def tokens(text: str) -> list[str]:
    """Split a text into tokens.

    Examples
    --------
    >>> tokens("#  flags |= 0x20")
    ['flags', '|=', '32']
    """
    return [_number(one) if one[0].isdigit() else one for one in _TOKEN.findall(plain(text))]


def words(text: str) -> list[str]:
    """Give the tokens that are words or numbers, whatever stands between them.

    Examples
    --------
    >>> words('{"flags": (0x254, 0x274)}') == words("flags: [596, 628]")
    True
    """
    return [one for one in tokens(text) if _is_word(one)]


def pattern(row: Sequence[str], fixed: Container[str]) -> Pattern:
    """Give a row of tokens as a pattern.

    Parameters
    ----------
    row : sequence of str
        Tokens.
    fixed : container of str
        Names that count as they are; all others are numbered.

    Examples
    --------
    >>> pattern(tokens("result = await wait(result)"), {"await", "wait"})
    ('$0', '=', 'await', 'wait', '(', '$0', ')')
    """
    seen: dict[str, str] = {}
    return tuple(
        one if one in fixed or not _is_name(one) else seen.setdefault(one, f"${len(seen)}") for one in row
    )


def own_words(found: Pattern) -> set[str]:
    """Give the words and numbers of a pattern that are neither the language's nor any name."""
    return {
        one for one in found if (_is_name(one) and one not in PYTHON) or (one[0].isdigit() and len(one) > 1)
    }


def names_of(sources: Iterable[str]) -> tuple[set[str], set[str], set[str]]:
    """Sort the words of Python sources.

    Parameters
    ----------
    sources : iterable of str
        Sources; one that is no Python gives nothing.

    Returns
    -------
    tuple of three sets of str
        Names that the sources choose themselves, other names and attributes, and words of their texts.
    """
    chosen: set[str] = set()
    other: set[str] = set()
    texts: set[str] = set()
    for source in sources:
        try:
            nodes = list(ast.walk(ast.parse(source)))
        except (SyntaxError, ValueError):
            continue
        for node in nodes:
            if isinstance(node, ast.Name):
                (chosen if isinstance(node.ctx, ast.Store) else other).add(node.id)
            elif isinstance(node, ast.arg):
                chosen.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                chosen.add(node.name)
            elif isinstance(node, ast.Attribute):
                other.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                other.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.update(words(node.value))
    return chosen, other, texts


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _is_name(token: str) -> bool:
    return token[0].isalpha() or token[0] == "_"


def _number(token: str) -> str:
    try:
        return str(int(token.replace("_", ""), 0))
    except ValueError:  # 007, 1.5
        return token
