"""Facts about Linux: well-formed, in order, and each read somewhere that exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from course.linuxfacts import FILE, KINDS, TOPICS, Fact, find, load, search
from pyemu.errors import MaterialError

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
FACTS = load()


def evidence(kind: str) -> list[tuple[str, str]]:
    """Fact and place of each evidence of a kind."""
    return [(fact.id, one.where) for fact in FACTS.values() for one in fact.read_in if one.kind == kind]


# ---------------------------------------------------------------------------------------- the file


def test_each_topic_has_facts() -> None:
    assert {fact.topic for fact in FACTS.values()} == set(TOPICS)
    assert len(FACTS) > 200


def test_most_facts_rest_on_more_than_memory() -> None:
    unread = [fact.id for fact in FACTS.values() if fact.read_in[0].kind == "memory"]
    assert len(unread) < len(FACTS) / 20


def test_source_is_named_by_the_releases_that_were_read() -> None:
    one = r"\d\.\d{1,2}\.\d{1,3}"
    pattern = re.compile(rf"Linux {one}(?:(?:, {one})* and {one})?|commit [0-9a-f]{{12}} of .+")
    assert [item for item in evidence("source") if not pattern.fullmatch(item[1])] == []


def test_mail_is_named_by_its_message_id() -> None:
    assert [item for item in evidence("mail") if not re.fullmatch(r"[^\s<>@]+@[^\s<>@]+", item[1])] == []


def test_the_specification_is_named_by_page_and_place() -> None:
    pattern = re.compile(r"(?:kernel-series|real-kernels), .+")
    assert [item for item in evidence("design") if not pattern.fullmatch(item[1])] == []


def recorded() -> dict[str, set[str]]:
    """What tells each stored record from the others, by kernel (or by file, for single patches)."""
    found: dict[str, set[str]] = {}
    for path in sorted(DATA.glob("*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            kind = record["kind"]
            home = path.stem if kind == "script" else record["kernel"]
            if kind == "script":
                keys: list[str] = [record[key] for key in ("tree", "group", "access", "script")]
            elif kind == "userfault":
                keys = [record[key] for key in ("access", "mem", "event")]
                keys += ["user_mode_only"] if record.get("user_mode_only") else []
            elif kind == "sequence":
                keys = [kind, f"{record['case']} / {record['step']}"]
            else:
                keys = [kind, record["path"], record["event"]]
            found.setdefault(home, set()).add(" ".join(keys))
    return found


def test_each_record_that_is_named_exists() -> None:
    stored = recorded()
    assert {"5.4.59", "5.7.14", "single-patches-5.7.14"} <= set(stored)
    missing = []
    for fact_id, where in evidence("record"):
        home, _, name = where.partition(", ")
        if home in stored and name not in stored[home]:
            missing.append((fact_id, where))
        assert home in stored or re.fullmatch(r"6\.\d+\.\d+", home), (
            f"{fact_id}: no kernel {home} was recorded"
        )
    assert missing == []


# ---------------------------------------------------------------------------------------- the loader

RIGHT = {
    "topic": '"flags"',
    "id": '"a-fact"',
    "statement": '"It is so."',
    "version": '"since v5.7"',
    "file": '"mm/gup.c"',
    "function": '"faultin_page"',
    "read_in": '[{ kind = "source", where = "Linux 5.7.14" }]',
}


def written(folder: Path, *tables: dict[str, str]) -> Path:
    """Write facts.toml with these tables; a value None takes the key out."""
    path = folder / "facts.toml"
    text = ["[[fact]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) for table in tables]
    path.write_text("\n".join(text), encoding="utf-8")
    return path


def test_a_right_table_is_a_fact(tmp_path: Path) -> None:
    (fact,) = load(written(tmp_path, RIGHT | {"note": '"Read twice."'})).values()
    assert fact.place == "Linux since v5.7, mm/gup.c, faultin_page"
    assert str(fact.read_in[0]) == "source: Linux 5.7.14"
    assert fact.note == "Read twice."


@pytest.mark.parametrize(
    "version", ["v5.7", "until v5.6", "v5.4 to v5.8", "v5.4.59, v5.7.14 to v5.8, since v6.1"]
)
def test_a_version_is_a_span_or_several(tmp_path: Path, version: str) -> None:
    assert load(written(tmp_path, RIGHT | {"version": f'"{version}"'}))["a-fact"].version == version


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"topic": '"flag"'}, r"\('a-fact'\): topic is 'flag'; it must be one of flags, series"),
        ({"id": '"A fact"'}, "an id is small letters, digits and single hyphens"),
        ({"id": '""'}, "id is ''; it must be a line of text"),
        ({"statement": '"It is so"'}, "no full stop"),
        ({"statement": '"It\\nis so."'}, "must be a line of text"),
        ({"version": '"5.7"'}, "version is '5.7'; write v5.7, since v5.7"),
        ({"version": '"since v5.7 to v5.8"'}, "version is"),
        ({"file": '"gup"'}, "a path such as mm/memory.c"),
        ({"function": '"a b"'}, "one name of that file"),
        ({"note": '""'}, "note is ''"),
        ({"read_in": "[]"}, "read_in is"),
        ({"read_in": '[{ kind = "source" }]'}, "must have the texts kind and where"),
        ({"read_in": '[{ kind = "book", where = "x" }]'}, "kind is 'book'; it must be one of record, source"),
        ({"read_in": '[{ kind = "source", where = "" }]'}, "where is '' for the kind 'source'"),
        ({"read_in": '[{ kind = "memory", where = "x" }]'}, "where is 'x' for the kind 'memory'"),
        (
            {"read_in": '[{ kind = "mail", where = "a@b" }, { kind = "record", where = "x" }]'},
            "record stands after mail; best evidence first",
        ),
        ({"colour": '"red"'}, "the key 'colour' is unknown"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(MaterialError, match=message):
        load(written(tmp_path, RIGHT | change))


@pytest.mark.parametrize("key", RIGHT)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    table = {name: value for name, value in RIGHT.items() if name != key}
    with pytest.raises(MaterialError, match=f"the key '{key}' is missing; a fact has topic, id"):
        load(written(tmp_path, table))


def test_an_id_is_used_once(tmp_path: Path) -> None:
    with pytest.raises(MaterialError, match="two facts have the id 'a-fact'"):
        load(written(tmp_path, RIGHT, RIGHT | {"topic": '"gup"'}))


@pytest.mark.parametrize("first", [{"id": '"b-fact"'}, {"id": '"a"', "topic": '"gup"'}])
def test_facts_stand_in_the_order_of_topics_and_ids(tmp_path: Path, first: dict[str, str]) -> None:
    with pytest.raises(MaterialError, match=r"'a-fact' \(flags\) stands after"):
        load(written(tmp_path, RIGHT | first, RIGHT))


@pytest.mark.parametrize(("text", "message"), [("fact = 3", "holds no"), ("[[fact", "can't be read as TOML")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "facts.toml"
    path.write_text(text)
    with pytest.raises(MaterialError, match=message):
        load(path)
    with pytest.raises(MaterialError, match="can't be read"):
        load(tmp_path / "none.toml")


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    assert find("gup-fast", FACTS) is FACTS["gup-fast"]
    with pytest.raises(MaterialError, match=r"no fact 'gup-fest' in facts\.toml\. The nearest ids are gup-f"):
        find("gup-fest", FACTS)
    with pytest.raises(MaterialError, match="Topics are flags, series"):
        find("%%%%%%%%", FACTS)


def test_a_search_needs_every_word() -> None:
    assert search([], FACTS) == list(FACTS.values())
    found = search(["Futex", "get_futex_KEY"], FACTS)
    assert [fact.id for fact in found] == ["futex-key"]
    assert search(["futex", "elephant"], FACTS) == []


def test_evidence_kinds_and_fields_are_those_the_file_explains() -> None:
    head = FILE.read_text(encoding="utf-8").partition("[[fact]]")[0]
    assert [
        word for word in (*KINDS, *Fact.__dataclass_fields__) if not re.search(rf"\b{word}\b", head)
    ] == []
