"""Exercise H2: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.call_case import CallCase
from course.checks.draw import Draw
from course.checks.h02_model import SLIPS
from course.checks.h02_scenarios import answers_of
from course.checks.library import checks_of, exercise_of
from tests.exercises.answers import SEEDS, failed, feedback, master, source_of, verdict, wrong

H2 = exercise_of("h02_tlb")
SENTENCES = {
    "no-tag": "Hit of another PCID.",
    "global-flushed": "A CR3 load keeps global entries.",
    "noflush-flushes": "Bit 63 set: keep.",
    "fifo": "A hit must renew the age.",
    "caches-absent": "Not-present is never cached.",
    "rewalk-on-hit": "A stale entry must keep working.",
    "power-of-2-mask": "1536 entries: use modulo.",
    "one-size": "2M and 4K entries do not match alike.",
    "D-skip": "First write through a clean entry must set D.",
    "invlpg-all": "One page only.",
    "invlpg-4K-part": "INVLPG inside a 2M page drops it whole.",
    "upgrade-stale": "Spurious fault: ask the tables, and refresh the entry.",
}
POINTS = {
    "no-tag": 4,
    "global-flushed": 4,
    "noflush-flushes": 4,
    "fifo": 8,
    "caches-absent": 8,
    "rewalk-on-hit": 0,
    "power-of-2-mask": 8,
    "one-size": 5,
    "D-skip": 8,
    "invlpg-all": 7,
    "invlpg-4K-part": 7,
    "upgrade-stale": 8,
}
# Old and new text of the master's answer, and a check that fails with every seed.
OTHERS = {
    "most-recent-leaves": ('del ways[tlb["n_ways"] :]', 'del ways[1 : len(ways) - tlb["n_ways"] + 1]', "lru"),
    "one-way-less": ('del ways[tlb["n_ways"] :]', 'del ways[tlb["n_ways"] - 1 :]', "lru"),
    "kept-twice": ("        ways.remove(entry)\n", "", "lru"),
    "no-second-read": ('if kind == "read" or entry["writable"]', 'if entry["writable"]', "hits"),
    "never-full": ('    del ways[tlb["n_ways"] :]\n', "", "lru"),
    "page-offset-lost": (
        'return word, found["frame"] + address',
        'return word, found["frame"] + 0 * address',
        "hits",
    ),
    "d-walk-is-a-miss": (
        '            word = "hit"\n',
        "            word = 'hit' if kind == 'read' else 'miss'\n",
        "hits",
    ),
    "all-spaces-flushed": (
        'entry["pcid"] == tlb["pcid"] and not entry["global"]',
        'not entry["global"]',
        "pcid",
    ),
    "never-flushed": ("if not value >> 63:", "if False:", "pcid"),
    "nothing-is-global": ('return entry["global"] or entry', "return entry", "pcid"),
    "invlpg-of-all-spaces": ("forget(lambda entry: belongs(entry) and", "forget(lambda entry:", "forget"),
    "invlpg-spares-global": (
        "forget(lambda entry: belongs(entry) and",
        'forget(lambda entry: belongs(entry) and not entry["global"] and',
        "forget",
    ),
    "invlpg-does-nothing": (
        "forget(lambda entry: belongs(entry) and",
        "forget(lambda entry: False and",
        "forget",
    ),
}


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(H2)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("h02_tlb", source_of(H2, wrong(H2, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H2.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    assert {one.id: one.points for one in H2.behaviours} == {"hits": 2, "lru": 2, "pcid": 3, "forget": 3}


@pytest.mark.parametrize("seed", [*SEEDS, *"abcdef"])
@pytest.mark.parametrize("behaviour", ["hits", "lru", "pcid", "forget"])
def test_no_two_mistakes_look_alike_and_none_looks_right_where_it_is_known(behaviour: str, seed: str | None):
    for case in checks_of("h02_tlb").checks[behaviour].cases(Draw(seed, f"h02_tlb/{behaviour}")):
        assert isinstance(case, CallCase)
        asked = case.numbers["operations"], case.numbers["sets"], case.numbers["ways"]
        right = tuple(case.wanted.values())
        assert answers_of(*asked, "") == right
        wrong_ones = [found for slip in SLIPS if (found := answers_of(*asked, slip)) != right]
        assert len(set(wrong_ones)) == len(wrong_ones)
        assert wrong_ones


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OTHERS)
def test_an_answer_that_nobody_foresaw_fails_where_it_is_wrong(name: str, seed: str | None):
    old, new, check = OTHERS[name]
    assert check in failed(verdict("h02_tlb", edited((old, new)), seed))


def test_another_mistake_is_called_none_of_these():
    source = edited(('del ways[tlb["n_ways"] :]', 'del ways[tlb["n_ways"] - 1 :]'))
    row = next(row for row in verdict("h02_tlb", source).rows if row.behaviour.id == "lru")
    assert feedback(row).cause == ""
    assert feedback(row).headline.startswith("Yours gives ")


def test_the_operations_before_the_wrong_answer_are_told():
    given = verdict("h02_tlb", source_of(H2, wrong(H2, "no-tag").file))
    row = next(row for row in given.rows if row.behaviour.id == "pcid")
    assert "CR3 for PCID 2, bit 63 set; read 0x11010." in feedback(row).happens


def test_a_result_of_another_shape_is_named():
    given = failed(verdict("h02_tlb", edited(('        return "fault"\n', "        return None\n"))))
    assert "gives None, which is no outcome" in given["hits"]


def test_prints_cost_no_points():
    assert verdict("h02_tlb", edited(('    word = "miss"\n', '    word = "miss"\n    print(kind)\n'))).full


def test_the_processor_can_not_be_borrowed():
    given = verdict("h02_tlb", f"import pyemu.hw\n{master(H2)}")
    assert given.points == 0
    assert all("imports pyemu.hw" in headline for headline in failed(given).values())
