"""The glossary: each flag, fault bit and rule has an entry with versions, and is found by a near spelling."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course.glossary import FILE, explain, read, terms
from course.material.hover import with_hovers
from course.material.source import markdown_cell
from pyemu import flags
from pyemu.errors import MaterialError
from pyemu.flags import FaultFlag, VmFault
from pyemu.rules import RULES

ROOT = Path(__file__).parents[2]
PREFIXES = ("FAULT_FLAG_", "VM_FAULT_", "X86_PF_", "TASK_")
NAMED = [name for name in vars(flags) if name.startswith(PREFIXES) and name != "TASK_SIZE"]
MEMBERS = [f"FAULT_FLAG_{one.name}" for one in FaultFlag] + [f"VM_FAULT_{one.name}" for one in VmFault]
INVARIANTS = [name for name in RULES if re.fullmatch(r"I\d+", name)]


@pytest.mark.parametrize("name", sorted({*NAMED, *MEMBERS}))
def test_each_flag_bit_and_state_has_its_entry_with_value_version_and_citation(name: str):
    term = terms()[name]
    assert term.facts
    assert all(fact.version for fact in term.facts)
    if hasattr(flags, name):
        assert term.value == getattr(flags, name)


@pytest.mark.parametrize("name", RULES)
def test_each_rule_has_its_entry(name: str):
    assert RULES[name].means in terms()[name].means


def test_each_invariant_cites_linux():
    assert INVARIANTS == ["I1", "I2", "I3", "I4", "I5", "I6"]
    assert [name for name in INVARIANTS if not terms()[name].facts] == []


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("vm_fault_retry", "VM_FAULT_RETRY"),
        ("RETRY", "VM_FAULT_RETRY"),
        ("KILLABLE", "TASK_KILLABLE"),
        ("INSTRUCTION", "FAULT_FLAG_INSTRUCTION"),
        ("mmap_lock", "mmap_sem"),
        ("i3", "I3"),
        ("lost  wake-up", "lost wake-up"),
        ("handle_mm_fault", "handle_mm_fault"),
    ],
)
def test_a_word_is_found_in_any_case_and_without_its_prefix(asked: str, name: str):
    assert explain(asked).name == name


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("VM_FAULT_RETYR", "Did you mean VM_FAULT_RETRY"),
        ("handel_userfault", "Did you mean handle_userfault"),
        ("USER", "Did you mean FAULT_FLAG_USER or X86_PF_USER?"),
        ("xyzzy", "'faultlab explain' lists all words."),
    ],
)
def test_a_word_that_is_none_gets_the_nearest(asked: str, words: str):
    with pytest.raises(MaterialError) as caught:
        explain(asked)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["VM_FAULT_RETRY", "retry", "handle_userfault", "I1", "lost wake-up"])
def test_the_command_shows_meaning_evidence_and_lesson(name: str, faultlab):
    said = faultlab("explain", *name.split())
    assert said.status == 0
    term, text = explain(name), " ".join(said.out.split())
    assert term.title in text
    assert term.means in text
    assert all(f"{fact.place}: {fact.id}" in text for fact in term.facts)
    assert all(f"lesson {number}" in text for number in term.lessons)


def test_the_command_names_the_file_of_a_lesson(faultlab):
    assert "lesson 05 (lessons/05-userfaultfd.ipynb)" in " ".join(
        faultlab("explain", "userfaultfd").out.split()
    )


def test_the_command_lists_all_words_and_refuses_a_strange_one(faultlab):
    listed = " ".join(faultlab("explain").out.split())
    assert [name for name in terms() if name not in listed] == []
    refused = faultlab("explain", "xyzzy")
    assert refused.status == 2
    assert "The glossary has no 'xyzzy'" in refused.err


def test_a_lesson_that_teaches_a_word_says_it():
    paths = ROOT.glob("lessons/*.py")
    sources = {path.name.partition("-")[0]: path.read_text("utf-8").casefold() for path in paths}
    silent = [
        (term.name, number)
        for term in terms().values()
        if term.kind == "word"
        for number in sources.keys() & set(term.lessons)
        if not all(word in sources[number] for word in term.name.casefold().split())
    ]
    assert silent == []


GOOD = 'name = "TASK_RUNNING"\nkind = "task state"\nmeans = "Runs."\nfacts = ["task-states"]\nlesson = "00"\n'


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "task state"', 'kind = "state"', "kind is 'state'"),
        ('lesson = "00"', 'lesson = "99"', "lesson is '99'"),
        ('facts = ["task-states"]', 'facts = ["task-stats"]', "nearest ids are task-states"),
        ('facts = ["task-states"]', "facts = []", "rests on no fact"),
        ("TASK_RUNNING", "TASK_WALKING", "pyemu/flags.py has no such name"),
        ('means = "Runs."\n', "", "every term says what it means"),
        ('lesson = "00"', 'lesson = "00"\nmore = 1', "and may have also"),
        ('lesson = "00"\n', f'lesson = "00"\n[[term]]\n{GOOD}', "stands there already"),
        ('"TASK_RUNNING"\nkind = "task state"', '"I1"\nkind = "rule"', "but a rule"),
    ],
)
def test_bad_entries_are_told_with_file_and_term(old: str, new: str, words: str, tmp_path: Path):
    assert old in GOOD
    path = tmp_path / "glossary.toml"
    path.write_text("[[term]]\n" + GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(MaterialError, match=r"glossary\.toml, term [12]") as caught:
        read(path)
    assert words in str(caught.value)


def test_the_file_keeps_to_one_line_a_text():
    assert [
        line for line in FILE.read_text("utf-8").splitlines() if line.startswith("means") and line[-1] != '"'
    ] == []


def test_a_term_in_prose_has_its_meaning_beside_it():
    (cell,) = with_hovers([markdown_cell("a", "It gives [`RETRY`](term:VM_FAULT_RETRY) [now](x).")], "lesson")
    assert cell["source"].startswith('It gives <abbr title="0x400. A promise in three parts: ')
    assert cell["source"].endswith('(Linux v5.6 to v5.7)">`RETRY`</abbr> [now](x).')
    assert '"' not in cell["source"].split('title="')[1].split('">')[0]


def test_a_term_that_is_none_is_told_with_its_cell():
    with pytest.raises(MaterialError, match=r"lesson, cell 'a': The glossary has no 'RETYR'\. Did you mean"):
        with_hovers([markdown_cell("a", "[x](term:RETYR)")], "lesson")
