"""Pages, glossary, facts, rules, scenarios and exercises are spelt right; lessons: `test_every_lesson.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from spellchecker import SpellChecker

from course.functions import rows
from pyemu.rules import RULES
from tests.material.spelling import misspelt, own_words, texts

ROOT = Path(__file__).parents[2]
# The trials of lessons and exercises hold what readers said, in their own spelling.
PLACES = (
    *("*.md", "lessons/*.md", "exercises/*.md", "course/**/*.md", "course/*.toml", "pyemu/scenarios/*.toml"),
    *("exercises/*/master.py", "exercises/*/exercise.toml"),
)
FILES = sorted({path for place in PLACES for path in ROOT.glob(place)})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_spelt_right(path: Path) -> None:
    assert misspelt("\n\n".join(texts(path))) == [], "mend it, or add a term to tests/material/words.txt"


def test_rules_and_functions_are_spelt_right() -> None:
    said = [text for rule in RULES.values() for text in (rule.means, rule.mend)]
    assert misspelt("\n\n".join([*said, *(row.what for row in rows())])) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The page is recieved.", ["recieved"]),
        ("Teh page, a pgae's frame", ["pgae", "teh"]),
        ("**w**aek the **taks** of a re-raed; 'qouted'", ["qouted", "raed", "taks", "waek"]),
        ("[what is raed](term:RETRY), and *whta* not", ["raed", "whta"]),
    ],
)
def test_a_misspelt_word_is_found(text: str, wrong: list[str]) -> None:
    assert misspelt(text) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "`recieved` and ```\nrecieved\n```",
        "do_recieve(x86recieve) recieve.c kernel/recieve RECIEVE RECIEVEs vmFault [fact:recieve-x]",
        "[it](recieve.md) <i recieve>it</i> https://recieve.org {{recieve}}",
        "It doesn't: the task's 'page' isn't there, **w**ake it. userfaultfd's behaviour",
    ],
)
def test_code_and_names_and_our_own_terms_are_left_alone(text: str) -> None:
    assert misspelt(text) == []


@pytest.mark.parametrize("text", ['[a]\ntext = "recieved"', '[a]\nb = [{ why = "It is recieved." }]'])
def test_a_sentence_of_a_table_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "questions.toml"
    path.write_text(text, encoding="utf-8")
    assert misspelt("\n\n".join(texts(path))) == ["recieved"]


def test_code_of_a_table_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "questions.toml"
    path.write_text('code = "recieved"\noutcome = "recieved"', encoding="utf-8")
    assert list(texts(path)) == []


def test_a_lesson_is_read_from_its_header_to_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "99-x.py"
    path.write_text(
        "# ---\n# title: Titel\n# ---\n\n# %% [markdown]\n# It is raed.\n\n# %%\nwhta = 1  # agian\n",
        encoding="utf-8",
    )
    assert misspelt("\n\n".join(texts(path))) == ["agian", "raed", "titel"]


def test_our_own_words_are_sorted_and_not_english() -> None:
    words = own_words()
    assert words == sorted(set(words))
    assert sorted(SpellChecker().unknown(words)) == words
