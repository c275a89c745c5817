"""Files of records: what is read, and what is refused with file, line, key, value and rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course.conform.records import KEYS, Record, read_records
from pyemu.errors import RecordError

Line = dict[str, Any]


def test_every_line_of_every_file_becomes_a_record(files: dict[str, Path]) -> None:
    records = read_records(files.values())
    n_lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files.values())
    assert len(records) == n_lines
    assert {record.kind for record in records} == {"userfault", "sequence", "slow_file"}


def test_a_record_knows_its_place(read: Callable[..., list[Record]], lines: dict[str, list[Line]]) -> None:
    _, second = read(lines["5.7.14"][0], "", lines["5.7.14"][1])
    assert second.place.endswith("some.jsonl:3")


def test_a_key_that_no_rule_names_is_allowed(
    read: Callable[..., list[Record]], lines: dict[str, list[Line]]
) -> None:
    (record,) = read({**lines["5.7.14"][0], "wchan": "handle_userfault"})
    assert record.values["wchan"] == "handle_userfault"


@pytest.mark.parametrize("key", [*KEYS["userfault"], "kind", "kernel"])
def test_a_missing_key_is_named(
    key: str, read: Callable[..., list[Record]], lines: dict[str, list[Line]]
) -> None:
    line = {name: value for name, value in lines["5.7.14"][0].items() if name != key}
    with pytest.raises(RecordError, match=rf"some\.jsonl:1: key '{key}' is missing: it must be .*\. Mend "):
        read(line)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": "two"}, "key 'messages' is \"two\": it must be a whole number"),
        ({"messages": 1.0}, "key 'messages' is 1.0: it must be a whole number"),
        ({"messages": True}, "key 'messages' is true: it must be a whole number"),
        ({"messages": None}, "key 'messages' is null: it must be a whole number"),
        ({"minflt": [1]}, r"key 'minflt' is \[1\]: it must be a whole number"),
        ({"handler_before_resolve": 2}, "key 'handler_before_resolve' is 2: it must be 0 or 1"),
        ({"outcome": 5}, "key 'outcome' is 5: it must be a text"),
        ({"user_mode_only": 0}, "key 'user_mode_only' is 0: it must be true or false"),
        ({"access": "user_reed"}, "access 'user_reed' is unknown: it must be one of user_read"),
        ({"event": "wakeN"}, "event 'wakeN' is unknown"),
        ({"mem": "hugetlb"}, "mem 'hugetlb' is unknown"),
        ({"kernel": "new"}, "kernel 'new' is no version"),
        ({"kind": "userfalt"}, "key 'kind' is userfalt: it must be one of userfault, sequence"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(
    change: Line, message: str, read: Callable[..., list[Record]], lines: dict[str, list[Line]]
) -> None:
    with pytest.raises(RecordError, match=rf"some\.jsonl:2: {message}"):
        read(lines["5.7.14"][0], {**lines["5.7.14"][1], **change})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"kind": "userfault", ', "is no JSON"),
        ("kernel 5.7", "is no JSON"),
        ("[1, 2]", "is no object"),
        ("[" * 100_000, "is no JSON"),
        ('{"kernel": ' + "1" * 5000 + "}", "is no JSON"),
    ],
)
def test_a_line_that_is_no_object_is_shown_in_short(
    text: str, message: str, read: Callable[..., list[Record]]
) -> None:
    with pytest.raises(RecordError, match=message) as refused:
        read(text)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_records_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"none\.jsonl are empty"):
        read_records([path])


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="don't exist"):
        read_records([tmp_path / "away.jsonl"])
    with pytest.raises(RecordError, match="can't be read"):
        read_records([tmp_path])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe{")
    with pytest.raises(RecordError, match="can't be read"):
        read_records([tmp_path / "bytes"])
