"""Each rule of the lesson template finds what breaks it, and nothing in a lesson that keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.material.source import Source, read_source
from course.material.template import LESSON, Template, check_lesson


@pytest.fixture
def changed(material: Path):
    """Return a function that replaces a text in the good lesson and returns it as a source."""

    def change(old: str, new: str) -> Source:
        path = material / "lessons" / "99-adding.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return read_source(path)

    return change


def names(source: Source, template: Template = LESSON) -> list[str]:
    return [finding.name for finding in check_lesson(source, template)]


def test_a_good_lesson_has_no_findings(changed):
    assert check_lesson(changed("", "")) == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("# title: Adding\n", "", "front-matter"),
        ("# minutes: 10\n", "# minutes: ten\n", "front-matter"),
        ("# needs: []\n", "# needs: B1\n", "front-matter"),
        ("## Recap", "## Farewell", "missing-part"),
        ("## Recap", "## Farewell", "unknown-part"),
        ("## Story", "## Run", "part-order"),
        ("Somebody adds.", "Somebody simply adds.", "word"),
        ("Somebody adds.", "Just add.", "word"),
        ("total = 1 + 2", "total = 1 + 2  # obviously", "word"),
        ("Somebody adds.", "Somebody adds 17 times.", "typed-number"),
        ("Somebody adds.", "It took 2.5 ms.", "typed-number"),
        ("Somebody adds.", "It took 5.6 ms.", "typed-number"),
        ("Somebody adds.", "It took 1,000 tries", "typed-number"),
        ("total = 1 + 2", "\n".join(f"x{n} = {n}" for n in range(8)), "long-cell"),
    ],
)
def test_a_broken_rule_is_found(changed, old, new, name):
    assert name in names(changed(old, new))


@pytest.mark.parametrize(
    "text",
    [
        "In v5.7, 5.6.4 and Linux 3.10 it waits; 5.6 did so too.",
        "Patch 9 of 2020-04-01, patches 12 and 13.",
        "On attempt 2 the x86-64 code sends `0x274` for 10 pages:\n# ```\n# just 99\n# ```",
        "1. first\n# 2. second",
        "A 4-level walk, S13, P9, [link](https://example.org/17).",
        "On [attempt](term:attempt) 2 of patch\n# 15; a [lock](term:page lock) is taken.",
    ],
)
def test_names_versions_and_code_are_not_typed_numbers(changed, text):
    text = text.replace("for 10 pages", "for all pages")
    assert names(changed("Somebody adds.", text)) == []


def test_comments_and_blank_lines_are_not_counted_as_code(changed):
    filled = "\n".join(f"x{n} = {n}\n\n# why" for n in range(7))
    assert names(changed("total = 1 + 2", f"{filled}\ntotal = 3")) == ["long-cell"]
    assert names(changed(filled, "x = 1")) == []


def test_the_words_and_the_length_belong_to_the_template_that_is_asked(changed):
    strict = Template(parts=LESSON.parts, required=LESSON.required, code_lines=1, words=("adds",))
    found = names(changed("", ""), strict)
    assert "word" in found
    assert found.count("long-cell") == 2
