"""A secret is found wherever it stands and however it is written; what the course releases holds none."""

from __future__ import annotations

import base64
import html
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from course.checks.library import exercise_ids, exercise_of
from course.release.bundle import bundle, zipped
from course.release.leak import search
from course.release.secrets import Secrets, secrets_of
from course.release.shown import load_shown

EXERCISE = "e04_loop"
NOTEBOOK = f"{EXERCISE}.ipynb"
SEED = "the-seed-of-the-batch"
LINE = "await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)"
LOOP = """\
    while True:
        await down_read(space)
        area = await find_vma(space, address)
        if area is None or await area.vm_start > address:
            await bad_area(regs, error_code, address)
"""


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return secrets_of(exercise_of(EXERCISE), (SEED,))


@pytest.fixture
def files() -> dict[str, bytes]:
    return bundle([EXERCISE])


def found(files: dict[str, bytes], secrets: Secrets) -> list[tuple[str, str]]:
    """Give kind and place of each leak."""
    leaks = search(files, [secrets], load_shown()).leaks
    return [(one.kind, f"{one.where.file}, {one.where.place}") for one in leaks]


def planted(
    files: dict[str, bytes], plant: Callable[[dict[str, Any], dict[str, Any]], object]
) -> dict[str, bytes]:
    """Change the notebook: `plant` gets the notebook and the cell of the check ``s13``."""
    notebook = json.loads(files[NOTEBOOK])
    plant(notebook, next(cell for cell in notebook["cells"] if cell["id"] == "s13"))
    return files | {NOTEBOOK: json.dumps(notebook).encode()}


def test_what_is_released_holds_no_secret(files, secrets):
    assert found(files | {"b.zip": zipped(files, "b")}, secrets) == []


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def picture(text: str) -> str:
    """Give the base64 of bytes that are no text and hold a compressed one, as a picture does."""
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\0\xff" + zlib.compress(text.encode())).decode()


def output(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


PLANTS: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str, str]] = {
    "a line in a cell's metadata": (
        lambda n, c: c["metadata"].update(note=LINE),
        "line",
        "s13, metadata.note",
    ),
    "a line as a key of metadata": (
        lambda n, c: c["metadata"].update({LINE: 1}),
        "line",
        "s13, metadata, a key",
    ),
    "a line in the notebook's metadata": (
        lambda n, c: n["metadata"].update(author={"said": [LINE]}),
        "line",
        "the notebook.metadata.author.said",
    ),
    "a line in an output": (lambda n, c: c["outputs"].append(output(LINE)), "line", "s13, outputs.text"),
    "a line in an output of HTML": (
        lambda n, c: c["outputs"].append(output(html.escape("flags &= ~X; " + LINE).replace("(", "&#40;"))),
        "line",
        "s13, outputs.text, without escapes",
    ),
    "an attachment": (
        lambda n, c: c.update(attachments={"a.txt": {"text/plain": encoded(LOOP)}}),
        "code",
        "s13, attachments.a.txt.text/plain, decoded from base64",
    ),
    "an attachment in an attachment": (
        lambda n, c: c.update(attachments={"a.txt": {"text/plain": encoded(encoded(LINE))}}),
        "line",
        "s13, attachments.a.txt.text/plain, decoded from base64, decoded from base64",
    ),
    "a picture's compressed text": (
        lambda n, c: c["outputs"].append(
            {"output_type": "display_data", "data": {"image/png": picture(LINE)}}
        ),
        "line",
        "s13, outputs.data.image/png, decoded from base64, inflated",
    ),
    "a comment": (lambda n, c: c.update(source=f"# hidden: {LINE}  # so"), "line", "s13, source"),
    "the loop with other names": (lambda n, c: c.update(source=LOOP), "code", "s13, source"),
    "the loop in prose, in one line": (
        lambda n, c: n["cells"].insert(0, {"id": "p", "source": f"So: `{' '.join(LOOP.split())}`"}),
        "code",
        "p, source",
    ),
    "an expected value as a list": (
        lambda n, c: c["metadata"].update(flags=[0x255, 0x275, 0x275]),
        "value",
        "s13, metadata.flags",
    ),
    "an expected value in execution counts": (
        lambda n, c: [
            cell.update(execution_count=value)
            for cell, value in zip(
                [one for one in n["cells"] if "execution_count" in one][-3:], (597, 629, 629), strict=True
            )
        ],
        "value",
        "execution counts",
    ),
    "an expected value in an output": (
        lambda n, c: c["outputs"].append(output("flags must be 0x255, 0x275, 0x275")),
        "value",
        "s13, outputs.text",
    ),
    "an invisible sign in a line": (
        lambda n, c: c.update(source="# " + LINE.replace("no_", "no\u200d_")),
        "line",
        "s13, source",
    ),
    "a seed": (lambda n, c: c["metadata"].update(tags=[f"x{SEED}y"]), "seed", "s13, metadata.tags"),
    "a mark of the master": (lambda n, c: c.update(source="### BEGIN SOLUTION"), "mark", "s13, source"),
    "a long literal of a wrong or right answer": (
        lambda n, c: c["metadata"].update(x='M="wait_message; wake it; wait_message; copy it"'),
        "literal",
        "s13, metadata.x",
    ),
    "a piece in each of some cells": (
        lambda n, c: n["cells"].extend({"id": f"x{i}", "source": p} for i, p in enumerate(LOOP.split("\n"))),
        "code",
        "all texts of the kind source, together",
    ),
}


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_secret_is_found_and_its_place_named(what: str, files, secrets):
    plant, kind, place = PLANTS[what]
    there = found(planted(files, plant), secrets)
    assert (kind, place) in [
        (one, where.removeprefix(f"{NOTEBOOK}, ").removeprefix("cell ")) for one, where in there
    ]


def test_a_hidden_case_is_found(files, secrets):
    row = next(row for row, origin in secrets.values.items() if origin == "what the check kill draws")
    text = "The next test: " + ", ".join(row)
    assert ("value", "README.md, the file") in found(files | {"README.md": text.encode()}, secrets)


ARCHIVES: dict[str, dict[str, Any]] = {
    "the archive's comment": {"comment": LINE.encode()},
    "a member's name": {"name": LINE},
    "comment of b/README.md": {"member_comment": LINE.encode()},
    "extra field of b/README.md": {"extra": struct.pack("<HH", 0xCAFE, len(LINE)) + LINE.encode()},
}


@pytest.mark.parametrize("place", ARCHIVES)
def test_what_an_archive_says_of_itself_is_looked_into(place: str, secrets):
    said = ARCHIVES[place]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        member = zipfile.ZipInfo(said.get("name", "b/README.md"))
        member.comment, member.extra = said.get("member_comment", b""), said.get("extra", b"")
        archive.writestr(member, b"nothing")
        archive.comment = said.get("comment", b"")
    assert ("line", f"b.zip, {place}") in found({"b.zip": stream.getvalue()}, secrets)


def test_a_damaged_archive_is_read_as_bytes(secrets):
    archive = zipped({"a.txt": LINE.encode()}, "b")
    cut = archive[: len(archive) - 10]
    assert found({"b.zip": cut}, secrets) == [("line", "b.zip, the archive")]


def test_a_member_of_an_archive_is_looked_into(files, secrets):
    inner = zipped({"a.txt": LINE.encode()}, "in")
    there = found({"b.zip": zipped({"inner.zip": inner}, "b")}, secrets)
    assert there == [("line", "b.zip/b/inner.zip/in/a.txt, the file")]


def test_a_stored_reason_excuses_its_own_cell_only(files, secrets):
    def moved(notebook: dict[str, Any], cell: dict[str, Any]) -> None:
        cell["source"] = next("".join(one["source"]) for one in notebook["cells"] if one["id"] == "play")

    assert found(files, secrets) == []
    assert search(files, [secrets]).leaks != ()  # without the reasons
    kinds = {place for _, place in found(planted(files, moved), secrets)}
    assert kinds == {f"{NOTEBOOK}, cell s13, source"}


def test_a_report_says_what_was_looked_for_where_and_what_leaks(files, secrets):
    report = search(planted(files, PLANTS["a comment"][0]), [secrets], load_shown())
    text = report.text()
    assert f"{EXERCISE}: {secrets.n_patterns} patterns and {len(secrets.lines)} lines of code" in text
    assert "e04_loop.ipynb: name 1, metadata" in text
    assert "LEAKS: 1" in text
    assert f"e04_loop.ipynb, cell s13, source: line of e04_loop (a right answer): {LINE}" in text


@pytest.mark.parametrize("name", exercise_ids())
def test_every_exercise_is_released_without_a_leak_and_needs_each_stored_reason(name: str):
    report = search(bundle([name]), [secrets_of(exercise_of(name))], load_shown())
    assert [str(leak) for leak in report.leaks] == []
    stored = {one.cell for one in load_shown() if one.file == f"{name}.ipynb"}
    assert stored == {one.cell for one, _ in report.allowed}
    (secrets,) = report.secrets
    assert secrets.n_patterns + len(secrets.lines) > 30  # there was something to look for


def numbers_of(exercise: str) -> set[int]:
    return {int(*row) for row in secrets_of(exercise_of(exercise)).values if len(row) == 1}


def test_a_large_number_is_secret_but_not_the_address_of_a_page_that_every_lesson_has():
    assert numbers_of("h01_walk")
    assert 0x7F00_0000_1000 not in numbers_of("e05_handle_userfault")


@pytest.mark.long
@pytest.mark.parametrize("name", exercise_ids())
def test_no_lesson_gives_an_exercise_away_but_for_a_stored_reason(name: str):
    from course.syllabus import lessons

    files = bundle([name], list(lessons()))
    report = search(files, [secrets_of(exercise_of(name))], load_shown())
    assert [str(leak) for leak in report.leaks] == []
    stored = {(one.file, one.cell) for one in load_shown() if one.exercise == name}
    assert stored == {(one.file, one.cell) for one, _ in report.allowed}
