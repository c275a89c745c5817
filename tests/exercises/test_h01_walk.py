"""Exercise H1: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from tests.exercises.answers import SEEDS, failed, master, source_of, verdict, wrong

H1 = exercise_of("h01_walk")
SENTENCES = {
    "shift-10": "Index is 9 bits.",
    "no-canonical": "#GP, not #PF.",
    "leaf-only-U": "U is the AND of all levels.",
    "leaf-only-W": "W is the AND of all levels, too.",
    "nx-leaf": "NX is the OR.",
    "ps-offset": "A 2M page has 21 offset bits.",
    "P-inverted": "P=1 means present but forbidden.",
    "wp-ignored": "CR0.WP binds the kernel too.",
    "D-on-read": "D only on writes.",
    "AD-on-denied": "A denied write must not set D.",
    "rsvd-missing": "Reserved bit: error bit 3.",
    "cr2-page": "CR2 is the full address.",
}
POINTS = {
    "shift-10": 0,
    "no-canonical": 7,
    "leaf-only-U": 7,
    "leaf-only-W": 6,
    "nx-leaf": 7,
    "ps-offset": 8,
    "P-inverted": 9,
    "wp-ignored": 6,
    "D-on-read": 9,
    "AD-on-denied": 9,
    "rsvd-missing": 9,
    "cr2-page": 9,
}
# Old and new text of the master's answer, and the checks that fail; found with every seed.
OTHERS = {
    "canonical-is-low-half": ("address >> 47 not in (0, 0x1FFFF)", "address >> 47", {"address"}),
    "canonical-one-bit-late": (
        "address >> 47 not in (0, 0x1FFFF)",
        "address >> 49 not in (0, 0x7FFF)",
        {"address"},
    ),
    "no-large": ("if level == 1 or entry & PS:", "if level == 1:", {"sizes"}),
    "bits-kept": ("entry & ADDRESS & ~offset", "entry & ~offset", {"sizes"}),
    "no-offset": (" | (address & offset)", "", {"address"}),
    "kernel-needs-U": ('cpu["user"] and not rights & US', "not rights & US", {"rights"}),
    "wp-clear-for-all": ('cpu["user"] or cpu["wp"]', 'cpu["wp"]', {"rights"}),
    "wp-always": ('cpu["user"] or cpu["wp"]', "True", {"rights"}),
    "nx-for-reads": ('(kind == "fetch" and forbidden)', "forbidden", {"rights"}),
    "nx-never": ('(kind == "fetch" and forbidden)', "False", {"rights"}),
    "no-fetch-bit": ('(X86_PF_INSTR if kind == "fetch" else 0)', "0", {"codes"}),
    "no-user-bit": ('X86_PF_USER if cpu["user"] else 0', "0", {"codes"}),
    "reserved-before-present": (
        "        if not entry & P:\n",
        '        if reserved(entry, 0):\n            return "#PF", 9, address\n        if not entry & P:\n',
        {"codes"},
    ),
    "reserved-is-no-P": ("code | X86_PF_PROT | X86_PF_RSVD", "code | X86_PF_RSVD", {"codes"}),
    "no-A": ("        entry |= A\n", "", {"marks"}),
    "D-everywhere": ('if kind == "write" and place == seen[-1][0]', 'if kind == "write"', {"marks"}),
    "no-D": ("            entry |= D\n", "            pass\n", {"marks"}),
    "D-instead-of-entry": ("            entry |= D\n", "            entry = D\n", {"marks"}),
    "marks-the-next": ("memory.write(place, entry)", "memory.write(place + 8, entry)", {"marks"}),
}


def edited(*changes: tuple[str, str]) -> str:
    """Give the master's answer with changes; each old text stands there once."""
    source = master(H1)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict("h01_walk", source_of(H1, wrong(H1, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H1.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    points = {one.id: one.points for one in H1.behaviours}
    assert points == {"address": 3, "sizes": 2, "rights": 3, "codes": 1, "marks": 1}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OTHERS)
def test_an_answer_that_nobody_foresaw_fails_where_it_is_wrong(name: str, seed: str | None):
    old, new, checks = OTHERS[name]
    assert checks <= failed(verdict("h01_walk", edited((old, new)), seed)).keys()


def test_a_walk_that_knows_no_right_is_not_told_that_it_looks_at_the_leaf():
    given = failed(verdict("h01_walk", edited(('cpu["user"] and not rights & US', "False"))))
    assert given["rights"].startswith("Yours gives user read 0x")


def test_what_the_entries_hold_is_said_beside_the_access():
    given = failed(verdict("h01_walk", edited(('(kind == "fetch" and forbidden)', "forbidden"))))
    assert "[PWUN- PWU-- PWU-- PWU--]: #PF; right is user write 0x" in given["rights"]


def test_a_result_of_another_shape_is_named():
    given = failed(verdict("h01_walk", edited(('return "#GP"', "return None"))))
    assert "gives None, which is no outcome" in given["address"]


def test_a_place_that_is_no_entry_is_a_crash_with_its_reason():
    given = failed(verdict("h01_walk", edited(("table = entry & ADDRESS", "table = entry & ADDRESS | P"))))
    assert "no entry begins at 0x" in given["address"]


def test_a_fault_may_leave_A_behind():
    early = "        seen.append((place, entry))\n"
    source = edited((early, f"{early}        memory.write(place, entry | A)\n"))
    assert verdict("h01_walk", source).full


def test_the_walk_of_the_processor_can_not_be_borrowed():
    given = verdict("h01_walk", f"from pyemu.hw import x86\n{master(H1)}")
    assert given.points == 0
    assert all("imports pyemu.hw" in headline for headline in failed(given).values())


def test_prints_cost_no_points():
    assert verdict("h01_walk", edited(("    code = (", "    print(kind)\n    code = ("))).full
