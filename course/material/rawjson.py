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
_ZEROS_AND_SPACE = b"\0 \t\r\n"
_UTF_8_MARK = b"\xef\xbb\xbf"
_WIDE = re.compile(rb"\xff\xfe|\xfe\xff|\0|.\0", re.DOTALL)
"""How a text in UTF-16 or UTF-32 begins: with a byte order mark, or with a zero in its first character."""
_CONFLICT = re.compile(rb"^(?:<{7}|>{7}|\|{7}) ", re.MULTILINE)
"""A line of git's; in JSON none begins so, since no text in it goes over a line's end."""
_OTHERS = (
    (b"\x1f\x8b", "an archive (gzip)", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7-Zip)", "unpack it"),
    (b"Rar!", "an archive (RAR)", "unpack it"),
    (b"%PDF", "a PDF", "leave the export out"),
    (b"\x89PNG", "a picture", "leave the screenshot out"),
    (b"<", "a web page", "download the file itself, not the page that shows it"),
    (b"version https://git-lfs", "a pointer of Git LFS", "run 'git lfs pull'"),
)
"""What is handed in by mistake: how it begins, what it is, what to do."""


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
        The file is empty, too large, something else, not UTF-8, too deep, not JSON, or holds a key twice.
    """
    findings = []
    if len(data) > limits.n_bytes:
        text = f"The file has more than {limits.n_bytes:,} bytes, the largest size that is read"
        raise Refused("too-large", f"{text}; clear all outputs and hand it in again.")
    if not data.removeprefix(_UTF_8_MARK).strip(_ZEROS_AND_SPACE):
        what = "holds nothing but zeros and spaces" if data.strip() else "is empty"
        raise Refused("empty", f"The file {what}; save the notebook and hand it in again.")
    if data.startswith(b"PK\x03\x04"):
        raise _archive(data, limits)
    for begins, what, cure in _OTHERS:
        if data.lstrip().startswith(begins):
            raise Refused(
                "not-a-notebook", f"The file is {what}, not a notebook; {cure} and hand in the .ipynb."
            )
    if _WIDE.match(data):
        text = "The file's encoding is UTF-16 or UTF-32, not UTF-8"
        raise Refused("encoding", f"{text}; save it from JupyterLab, which writes UTF-8.")
    if data.startswith(_UTF_8_MARK):
        data = data.removeprefix(_UTF_8_MARK)
        findings.append(Finding("byte-order-mark", "The file begins with a byte order mark; it was skipped."))
    if conflict := _CONFLICT.search(data):
        line = data.count(b"\n", 0, conflict.start()) + 1
        text = f"Line {line:,} is a conflict marker of git: two versions stand in the file"
        raise Refused(
            "merge-conflict", f"{text}. Take one of them ('git checkout --ours') and hand it in again."
        )
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
        raise _no_json(data, str(error) if isinstance(error, json.JSONDecodeError) else "") from error


def _no_json(data: bytes, said: str) -> Refused:
    """Say why bytes are not JSON, as whoever has to mend the file would like to hear it."""
    again = "Hand in the .ipynb that JupyterLab saved."
    zero = data.find(b"\0")
    begins = data.lstrip()[:20]
    if not begins.startswith((b"{", b"[")):
        text = f"it begins with {begins.decode(errors='replace')!r}, where a notebook begins with '{{'"
    elif zero >= 0:
        text = f"byte {zero:,} is zero, as after a crash or a broken copy"
    elif said.startswith("Extra data"):
        text = f"something follows the end of the notebook: {said.partition(': ')[2]}"
    elif said:
        text = f"{said}; it may have been cut off, or edited by hand"
    else:
        text = "a number in it has too many digits"
    return Refused("not-json", f"The file is not valid JSON: {text}. {again}")


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
            raise _no_json(data, "a text never ends")
        elif (
            depth == _CELL_DEPTH
            and token[0] == b'"outputs"'
            and (opening := _OPENS_LIST.match(data, token.end()))
        ):
            kept.append(data[copied : opening.end()])
            skipping = True
    if skipping:
        raise _no_json(data, "it ends inside saved outputs")
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
