"""``faultlab fact``: one fact in full, a list, or a message that helps."""

from __future__ import annotations

import subprocess
import sys

import pytest

from course.linuxfacts import TOPICS, load


def fact(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "course.cli", "fact", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})


@pytest.mark.parametrize("words", [("copy-user-tail",), ("byte", "second", "exception")])
def test_an_id_or_words_that_only_it_has_show_a_fact_in_full(words: tuple[str, ...]) -> None:
    said = fact(*words).stdout
    one = load()["copy-user-tail"]
    assert said.startswith("copy-user-tail  (topic syscalls: system calls that touch user memory)\n")
    assert one.statement in said
    assert one.place in said
    assert "read in record: 5.4.59, pipe_write anon wake1" in said
    assert "read in source: Linux 5.4.59 and 5.7.14" in said


def test_words_list_the_facts_that_have_them_all() -> None:
    said = fact("futex").stdout
    assert "futex-key" in said
    assert "futex-fixup" in said
    assert "gup-fast" not in said


def test_without_a_word_every_fact_is_listed_under_its_topic() -> None:
    lines = fact().stdout.splitlines()
    assert [f"{topic}: {title}" for topic, title in TOPICS.items() if f"{topic}: {title}" not in lines] == []
    shown = {line.split()[0] for line in lines if line.startswith("  ") and line[2:3] != " "}
    assert set(load()) <= shown


def test_a_word_that_no_fact_has_ends_in_a_message() -> None:
    result = fact("gup-fest")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "faultlab: There is no fact 'gup-fest' in facts.toml. The nearest ids are "
    )
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
