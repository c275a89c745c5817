"""A submission as bytes: what can be said about it before it is parsed.

A notebook that arrives may be cut off, nested a hundred thousand deep, or carry 40 MB of saved output.
So the bytes are scanned once, without building anything: the scan measures the depth, and cuts saved
outputs out, which no grade looks at. What is left is parsed with the standard library, which here also
notices a key that stands twice: which of the two counts must not be guessed.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

from course.material.findings import Finding, Severity

__all__ = ["LIMITS", "Limits", "Refused", "parse"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a submission may be.

    Parameters
    ----------
    n_bytes : int
        Size of the file in bytes.
    depth : int
        Levels of nesting outside saved outputs. A notebook of ours has 6.
    n_tokens : int
        Strings, brackets, braces and commas in the file; bounds the time and memory of reading it.
    answer_chars : int
        Length of one answer in characters.
    """

    n_bytes: int = 64 << 20
    depth: int = 64
    n_tokens: int = 2_000_000
    answer_chars: int = 200_000


LIMITS = Limits()
"""The usual limits."""


class Refused(Exception):
    """The bytes are not a readable notebook; holds the finding that says why."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.finding = Finding(name, message, Severity.REJECTED)


# A string, or the rest of the file when a string never ends (group 1 is empty then); a bracket, brace or
# comma (never inside a string), so that the number of tokens bounds the number of values.
# Possessive, so that no input makes it go back: the scan is linear.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},]', re.DOTALL)
_OPENS_LIST = re.compile(rb"\s*:\s*\[")
_CELL_DEPTH = 3
"""Depth of a cell's keys: notebook, list of cells, cell."""


def parse(data: bytes, limits: Limits = LIMITS) -> tuple[Any, list[Finding]]:
    """Parse the bytes of a notebook file, without its saved outputs.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        How much it may be.

    Returns
    -------
    tuple of (object, list of Finding)
        The parsed JSON value, each cell's ``outputs`` an empty list; harmless findings.

    Raises
    ------
    Refused
        The file is empty, too large, not UTF-8, too deep, not JSON, or holds a key twice.
    """
    findings = []
    if not data.strip():
        raise Refused("empty", "The file is empty; save the notebook and hand it in again.")
    if len(data) > limits.n_bytes:
        text = f"The file has more than {limits.n_bytes:,} bytes, the largest size that is read"
        raise Refused("too-large", f"{text}; clear all outputs and hand it in again.")
    if data.startswith(b"PK\x03\x04"):
        raise _archive(data, limits)
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        findings.append(Finding("byte-order-mark", "The file begins with a byte order mark; it was skipped."))
    data = _without_outputs(data, limits)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte {error.start:,} is {data[error.start]:#04x}"
        message = f"The file's encoding is not UTF-8 ({where}); save it from JupyterLab, which writes UTF-8."
        raise Refused("encoding", message) from error
    try:
        return json.loads(text, object_pairs_hook=_unique), findings
    except (ValueError, RecursionError) as error:  # ValueError: also an integer of too many digits
        message = f"The file is not valid JSON ({error}); it may have been cut off. Hand it in again."
        raise Refused("not-json", message) from error


def _archive(data: bytes, limits: Limits) -> Refused:
    """Say that a zip archive is no notebook, and what is wrong with it besides; nothing is unpacked."""
    what = "The file is a zip archive, not a notebook"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        members = []
    for one in members:
        if one.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", one.filename):
            text = f"{what}, and the path {one.filename[:60]!r} in it leads out of the folder"
            return Refused("archive-path", f"{text} where it is unpacked. Hand in the .ipynb.")
    n_bytes = sum(one.file_size for one in members)
    if n_bytes > limits.n_bytes:
        text = f"{what}, and the size of what it holds is {n_bytes:,} bytes"
        return Refused("archive-size", f"{text}; {limits.n_bytes:,} are the most. Hand in the .ipynb.")
    return Refused("archive", f"{what}; unpack it and hand in the .ipynb.")


def _without_outputs(data: bytes, limits: Limits) -> bytes:
    """Return the bytes with each cell's outputs replaced by an empty list, after measuring them."""
    kept: list[bytes] = []
    copied = 0  # bytes before this offset are in `kept`, or are outputs
    depth = 0
    skipping = False
    for n_tokens, token in enumerate(_TOKEN.finditer(data), start=1):
        if n_tokens > limits.n_tokens:
            text = (
                f"The file has more than {limits.n_tokens:,} parts; clear all outputs and hand it in again."
            )
            raise Refused("too-large", text)
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            if depth > limits.depth and not skipping:
                text = f"The file's nesting is deeper than {limits.depth} levels; no notebook needs that."
                raise Refused("nesting", f"{text} Hand in the file that JupyterLab saved.")
        elif first in b"]}":
            depth -= 1
            if skipping and depth == _CELL_DEPTH:
                skipping = False
                copied = token.start()  # the closing bracket itself is kept
        elif first in b",":
            continue
        elif not token[1]:
            raise Refused(
                "not-json", "The file is not valid JSON: a text never ends; it may have been cut off."
            )
        elif (
            depth == _CELL_DEPTH
            and token[0] == b'"outputs"'
            and (opening := _OPENS_LIST.match(data, token.end()))
        ):
            kept.append(data[copied : opening.end()])
            skipping = True
    if skipping:
        raise Refused("not-json", "The file is not valid JSON: it ends inside saved outputs; it was cut off.")
    kept.append(data[copied:])
    return b"".join(kept)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object of its pairs, unless a key stands twice."""
    result = dict(pairs)
    if len(result) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        text = (
            f"The key {twice[:60]!r} is a duplicate: it stands twice in one object; which one counts is open."
        )
        raise Refused("duplicate-key", f"{text} Hand in the file that JupyterLab saved.")
    return result
