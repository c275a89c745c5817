"""Damages of a notebook's bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from random import Random

from tests.grading.damage import ANSWER, HARMLESS, bytes_of, of_bytes

ANYTHING = (
    *("not-json", "encoding", "merge-conflict", "duplicate-key", "nesting", "format", "empty"),
    *(
        "missing-answer",
        "duplicate-answer",
        "lost-id",
        "copied-answer",
        "restored",
        "metadata",
        "points",
        "schema",
    ),
    *("wrong-type", "not-text", "unreadable-character", ANSWER, HARMLESS),
)


@of_bytes("empty")
def nothing(random: Random, data: bytes) -> bytes:
    return random.choice([b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf"])


@of_bytes("empty")
def zeros_for_all(random: Random, data: bytes) -> bytes:
    """What a file system leaves of a file that was not written out when the power went."""
    return b"\0" * len(data)


@of_bytes("not-json")
def zeros_at_the_end(random: Random, data: bytes) -> bytes:
    cut = random.randrange(len(data) // 2, len(data))
    return data[:cut] + b"\0" * (len(data) - cut)


@of_bytes("not-json", HARMLESS)
def zeros_within(random: Random, data: bytes) -> bytes:
    """Within saved outputs, which nobody looks at, it does no harm."""
    at = random.randrange(len(data) // 4, len(data) // 2)
    return data[:at] + b"\0" * 512 + data[at + 512 :]


@of_bytes("not-json")
def truncated(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(1, len(data) - 2)]


@of_bytes("not-json")
def beheaded(random: Random, data: bytes) -> bytes:
    return data[random.randrange(2, len(data) - 2) :]


@of_bytes(*ANYTHING)
def hole(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.randrange(1, 2000) :]


@of_bytes(*ANYTHING)
def bits_flipped(random: Random, data: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(random.randint(1, 8)):
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(flipped)


@of_bytes(*ANYTHING)
def bytes_put_in(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data))
    junk = random.choice([b'"', b"}", b"[", b"\\", b",", b"\xff", b"null", b'"id": "x",', b"\x1b[31m"])
    return data[:at] + junk + data[at:]


@of_bytes(*ANYTHING)
def block_repeated(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) - 600)
    return data[: at + 512] + data[at:]


@of_bytes("not-json")
def twice(random: Random, data: bytes) -> bytes:
    return data + data


@of_bytes("byte-order-mark")
def byte_order_mark(random: Random, data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


@of_bytes("encoding")
def saved_as_utf_16(random: Random, data: bytes) -> bytes:
    return data.decode().encode(random.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"]))


@of_bytes("encoding")
def saved_in_an_old_code_page(random: Random, data: bytes) -> bytes:
    text = data.decode().replace('"title": "', '"title": "F\u00fcr Ren\u00e9: ', 1)
    return text.encode(random.choice(["latin-1", "cp1252"]), "replace")


@of_bytes(HARMLESS)
def other_line_ends(random: Random, data: bytes) -> bytes:
    return data.replace(b"\n", random.choice([b"\r\n", b"\r"]))


@of_bytes(HARMLESS)
def written_on_one_line(random: Random, data: bytes) -> bytes:
    return json.dumps(json.loads(data), separators=(",", ":"), sort_keys=True).encode()


@of_bytes("merge-conflict")
def merge_conflict(random: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = random.randrange(2, len(lines) - 2)
    mine, theirs = lines[at], lines[at].replace(b"e", b"a")
    lines[at] = b"<<<<<<< HEAD\n" + mine + b"=======\n" + theirs + b">>>>>>> origin/main\n"
    return b"".join(lines)


@of_bytes("not-json", HARMLESS)
def comma_too_many(random: Random, data: bytes) -> bytes:
    """Within saved outputs, which nobody looks at, it does no harm."""
    ends = [match.start() for match in re.finditer(rb"\n *\]", data)]
    at = random.choice(ends)
    return data[:at] + b"," + data[at:]


@of_bytes("not-json")
def python_for_json(random: Random, data: bytes) -> bytes:
    return repr(json.loads(data)).encode()


@of_bytes("format")
def json_within_json(random: Random, data: bytes) -> bytes:
    return json.dumps(data.decode()).encode()


@of_bytes("duplicate-key")
def key_twice(random: Random, data: bytes) -> bytes:
    key = random.choice([b'"cell_type": "code"', b'"nbformat": 4', b'"solution": true', b'"metadata": {'])
    again = b'"metadata": {}, ' + key if key.endswith(b"{") else key + b", " + key
    return data.replace(key, again, 1)


@of_bytes("nesting")
def deep_metadata(random: Random, data: bytes) -> bytes:
    n = random.choice([100, 5_000, 100_000])
    return data.replace(b'"nbformat": 4', b'"x": ' + b"[" * n + b"]" * n + b', "nbformat": 4', 1)


@of_bytes(HARMLESS)
def no_numbers(random: Random, data: bytes) -> bytes:
    word = random.choice([b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 300])
    return data.replace(b'"faultlab": {', b'"x": ' + word + b', "faultlab": {', 1)


@of_bytes("not-json")
def endless_number(random: Random, data: bytes) -> bytes:
    return data.replace(b'"nbformat": 4', b'"nbformat": 4' + b"0" * 5_000, 1)


@of_bytes("archive", "archive-path", "archive-size")
def zip_archive(random: Random, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(random.choice(["answer.ipynb", "../../answer.ipynb", "/etc/answer"]), data)
    return file.getvalue()[: random.choice([None, None, 60])]


@of_bytes("not-a-notebook")
def something_else(random: Random, data: bytes) -> bytes:
    """Files that people hand in by mistake."""
    web = b"<!DOCTYPE html>\n<html><title>Log in</title></html>"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    begins = random.choice([b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n"])
    return random.choice([gzip.compress(data, mtime=0), begins + data[:99], web, b"\n  " + web, pointer])


@of_bytes("not-json")
def a_script(random: Random, data: bytes) -> bytes:
    """The notebook exported as a Python file, and named .ipynb."""
    sources = ("".join(cell["source"]) for cell in json.loads(data)["cells"])
    return "\n\n".join(f"# In[ ]:\n{source}" for source in sources).encode()


@of_bytes("too-large")
def a_million_parts(random: Random, data: bytes) -> bytes:
    notebook = json.loads(data)
    notebook["metadata"]["x"] = [[]] * 700_000
    return bytes_of(notebook)
