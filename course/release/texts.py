"""Every text of a bundle's files, each with the place where it stands.

A notebook gives the texts of its cells (sources, outputs, attachments, metadata), those of the notebook
itself, and its execution counts as one row of numbers; a list of lines is one text, and all texts of a kind
one after the other are one more, so that nothing is hidden by being cut up. An archive gives its comment,
the names and comments of its members, and what is in them. What a text encodes is a text as well: base64,
HTML's and JSON's escapes; bytes that are no text give their readable parts, and what is compressed in them.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Text", "texts_of"]

_BASE64 = re.compile(r"[A-Za-z0-9+/_-](?:[A-Za-z0-9+/_-]|\s(?=[A-Za-z0-9+/_-])){18,}={0,2}")
_ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt\"'\\/])|%[0-9A-Fa-f]{2}|&[#\w]+;")
_READABLE = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{6,}")
DEEPEST = 4
"""So often may a text be encoded in another one."""
INFLATED = 8 << 20
"""No more bytes are taken out of a compressed stream."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a bundle.

    Attributes
    ----------
    file, place : str
        Name of the file, and where in it, such as ``cell loop, source``.
    kind : str
        ``name``, ``source``, ``output``, ``attachment``, ``metadata``, ``count`` or ``text``.
    text : str
        What is there.
    cell : str
        Id of the cell; empty outside cells.
    """

    file: str
    place: str
    kind: str
    text: str
    cell: str = ""


def texts_of(files: Mapping[str, bytes]) -> Iterator[Text]:
    """Give every text of a bundle's files.

    Parameters
    ----------
    files : mapping of str to bytes
        Content by name.

    Yields
    ------
    Text
        Each text, and then what it encodes.
    """
    for name, content in files.items():
        yield Text(name, "its name", "name", name)
        yield from _file(name, content, 0)


def _file(name: str, content: bytes, depth: int) -> Iterator[Text]:
    if content[:2] == b"PK" and depth < DEEPEST:
        yield from _archive(name, content, depth)
    elif name.endswith(".ipynb"):
        yield from _notebook(name, content)
    else:
        yield from _bytes(Text(name, "the file", "text", ""), content, depth)


def _archive(name: str, content: bytes, depth: int) -> Iterator[Text]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(damaged)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError):  # damaged, locked, unknown
        yield from _bytes(Text(name, "the archive", "text", ""), content, DEEPEST)
        return
    yield from _bytes(Text(name, "the archive's comment", "metadata", ""), archive.comment, depth)
    for member in archive.infolist():
        yield Text(name, "a member's name", "name", member.filename)
        yield from _bytes(Text(name, f"comment of {member.filename}", "metadata", ""), member.comment, depth)
        yield from _bytes(
            Text(name, f"extra field of {member.filename}", "metadata", ""), member.extra, depth
        )
        with archive.open(member) as file:
            yield from _file(f"{name}/{member.filename}", file.read(INFLATED), depth + 1)


def _notebook(name: str, content: bytes) -> Iterator[Text]:
    try:
        notebook = json.loads(content)
        cells = [cell for cell in notebook["cells"] if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError):
        yield from _bytes(Text(name, "the file", "text", ""), content, 0)
        return
    found = list(
        _values(name, "the notebook", "metadata", {k: v for k, v in notebook.items() if k != "cells"}, "")
    )
    for number, cell in enumerate(cells, 1):
        cell_id = str(cell.get("id", number))
        kinds = {"source": "source", "outputs": "output", "attachments": "attachment"}
        for key, value in cell.items():
            place = f"cell {cell_id}, {key}"
            found += _values(name, place, kinds.get(key, "metadata"), value, cell_id)
    counts = " ".join(
        str(cell["execution_count"]) for cell in cells if cell.get("execution_count") is not None
    )
    found.append(Text(name, "execution counts", "count", counts))
    for one in found:
        yield one
        yield from _encoded(one, one.text, 0)
    for kind in Counter(one.kind for one in found):
        joined = "\n".join(one.text for one in found if one.kind == kind)
        yield Text(name, f"all texts of the kind {kind}, together", kind, joined)


def _values(name: str, place: str, kind: str, value: Any, cell: str) -> Iterator[Text]:
    """Give the texts of a JSON value; lists of texts or numbers are one, and so are a table's values."""
    if isinstance(value, str):
        yield Text(name, place, kind, value, cell)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield Text(name, f"{place}, a key", kind, str(key), cell)
            yield from _values(name, f"{place}.{key}" if place else str(key), kind, one, cell)
        flat = [f"{key}: {one}" for key, one in value.items() if not isinstance(one, dict | list)]
        if len(flat) > 1:
            yield Text(name, place, kind, ", ".join(flat), cell)
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            yield Text(name, place, kind, "".join(value), cell)
        else:
            for one in value:
                if isinstance(one, dict | list | str):
                    yield from _values(name, place, kind, one, cell)
            numbers = [str(one) for one in value if isinstance(one, int | float)]
            if numbers:
                yield Text(name, place, kind, ", ".join(numbers), cell)
    elif value is not None:
        yield Text(name, place, kind, str(value), cell)


def _encoded(at: Text, text: str, depth: int) -> Iterator[Text]:
    """Give what a text encodes: base64 and escapes, also one in the other."""
    if depth >= DEEPEST:
        return
    for found in _BASE64.finditer(text):
        content = _decoded("".join(found[0].split()))
        if content is not None:
            place = Text(at.file, f"{at.place}, decoded from base64", at.kind, "", at.cell)
            yield from _bytes(place, content, depth + 1)
    if _ESCAPED.search(text):
        bare = _unescaped(html.unescape(text))
        if bare != text:
            yield Text(at.file, f"{at.place}, without escapes", at.kind, bare, at.cell)
            yield from _encoded(at, bare, depth + 1)


def _bytes(at: Text, content: bytes, depth: int) -> Iterator[Text]:
    """Give bytes as text, or what is readable in them, also where it is compressed."""
    if not content:
        return
    if content[:2] == b"PK" and depth < DEEPEST:
        yield from _archive(f"{at.file}: {at.place}", content, depth + 1)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\n".join(part.decode("latin-1") for part in _READABLE.findall(content))
        for inflated in _inflated(content):
            yield from _bytes(
                Text(at.file, f"{at.place}, inflated", at.kind, "", at.cell), inflated, depth + 1
            )
    yield Text(at.file, at.place, at.kind, text, at.cell)
    yield from _encoded(at, text, depth)


def _inflated(content: bytes) -> Iterator[bytes]:
    """Give what zlib and gzip streams in some bytes hold, as in a picture's compressed texts."""
    for start in re.finditer(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08", content):
        try:
            found = zlib.decompressobj(47).decompress(content[start.start() :], INFLATED)
        except zlib.error:
            continue
        if found:
            yield found


def _decoded(text: str) -> bytes | None:
    """Decode base64 in its usual and in its URL form; None when it is none, or only a long word."""
    if text.isalpha() and (text.islower() or text.isupper()):
        return None
    usual = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(usual + "=" * (-len(usual) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content


def _unescaped(text: str) -> str:
    """Give a text without the escapes of JSON, Python and addresses."""
    plain = {"n": "\n", "r": "\r", "t": "\t"}

    def one(found: re.Match[str]) -> str:
        escape = found[0]
        if escape[0] == "%":
            return _code_point(escape[1:])
        if escape[0] == "\\":
            return _code_point(escape[2:]) if escape[1] in "ux" else plain.get(escape[1], escape[1])
        return escape

    return _ESCAPED.sub(one, text)


def _code_point(digits: str) -> str:
    return chr(int(digits, 16))
