"""Exercise H5: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

import course.checks.h05_run as h05_run
from course.checks.h05_run import compiled
from course.checks.judge import judge
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Outcome
from course.compiled.building import why_not
from course.grading.sandbox import find_sandbox, sandboxed
from course.tape import Diverged, played, recorded
from tests.exercises.answers import SEEDS, failed, master, source_of, verdict, wrong

H5 = exercise_of("h05_cython_walker")
SENTENCES = {
    "untyped-loop": "Loop variable is a Python object.",
    "call-per-access": "One call per address: batch it.",
    "py-int-index": "index is a Python object: give it a type of C.",
    "big-literal": "A literal made a Python object.",
    "uint32": "High half lost.",
    "no-AD": "A/D differ.",
    "ignores-fault": "Went on after a fault.",
    "memo": "Wrong on fresh tables: you kept answers of others.",
    "not-compiled": "You timed the Python twin.",
    "march-native": "Refused: not portable.",
    "no-bounds": "Out of the buffer.",
    "any-entry": "An entry that isn't 0 was taken for a present one.",
}
POINTS = {
    "untyped-loop": 6,
    "call-per-access": 6,
    "py-int-index": 6,
    "big-literal": 6,
    "uint32": 2,
    "no-AD": 2,
    "ignores-fault": 8,
    "memo": 2,
    "not-compiled": 6,
    "march-native": 0,
    "no-bounds": 8,
    "any-entry": 8,
}
# Old and new text of the master's answer, and the check that fails.
OTHERS = {
    "no-D": ("0x60 if shift == 12 and writes[i] else 0x20", "0x20", "equal"),
    "D-everywhere": ("0x60 if shift == 12 and writes[i] else 0x20", "0x60 if writes[i] else 0x20", "equal"),
    "D-on-reads": ("shift == 12 and writes[i]", "shift == 12", "equal"),
    "bits-kept": ("mask = 0xFFFFFFFFFF000", "mask = 0xFFFFFFFFFFFFF000", "equal"),
    "no-offset": ("table | vas[i] & 4095", "table", "equal"),
    "gives-nothing": ("    return len(vas)", "    return None", "equal"),
    "one-late": (
        "not entry & 1:\n                return i",
        "not entry & 1:\n                return i + 1",
        "faults",
    ),
    "checked-and-raised": (
        "            if place >= n_entries:\n                return i\n",
        "",
        "faults",
    ),
    "one-behind": ("place >= n_entries", "place > n_entries", "faults"),
}

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def edited(old: str, new: str) -> str:
    source = master(H5)
    assert source.count(old) == 1, old
    return source.replace(old, new)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(H5.id, source_of(H5, wrong(H5, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in H5.wrong} == set(SENTENCES)


def test_the_points_are_those_of_the_specification():
    assert {one.id: one.points for one in H5.behaviours} == {"equal": 4, "faults": 2, "speed": 4}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OTHERS)
def test_an_answer_that_nobody_foresaw_fails_where_it_is_wrong(name: str, seed: str | None):
    old, new, check = OTHERS[name]
    assert check in failed(verdict(H5.id, edited(old, new), seed))


def test_a_fault_may_leave_no_A_behind():
    late = """
            if not entry & 1:
                return i
            table = entry & mask
        table = root
        for shift in range(39, 3, -9):
            place = (table >> 3) + (vas[i] >> shift & 511)
            entry = ram[place]
            entry |="""
    old = "\n            if not entry & 1:\n                return i\n            entry |="
    assert verdict(H5.id, edited(old, late)).full


def test_views_without_types_are_not_taken_for_an_index():
    source = edited("const uint64_t[::1] vas", "vas")
    assert "objects in " in failed(verdict(H5.id, source))["speed"]


def test_what_cython_refuses_is_shown_with_its_line():
    given = failed(verdict(H5.id, edited("cdef int shift", "cdef int shift =")))
    assert "Cython refuses the text." in given["equal"]


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from pyemu.hw import x86",
        'include "other.pxi"',
        "cimport posix.unistd",
        "from posix.unistd cimport getpid",
        "cdef extern from *:\n    pass",
        'cdef int taken "__asm__(x)"',
        'cdef int taken"__asm__(x)"',
        'cdef:\n    int taken \\\n        "__asm__(x)"',
        "ctypedef int taken '__asm__(x)'",
    ],
)
def test_nothing_is_taken_in(line: str):
    given = failed(verdict(H5.id, edited("\ndef walk_all", f"\n{line}\n\ndef walk_all")))
    assert "take in nothing else" in given["equal"]


def test_a_comment_may_say_what_it_likes():
    commented = edited("\ndef walk_all", "\n# import nothing; the 'present' bit is \"P\"\ndef walk_all")
    assert verdict(H5.id, commented).full


def test_a_walk_that_never_ends_is_ended():
    given = verdict(
        H5.id, edited("        table = root\n", "        while True: pass\n        table = root\n")
    )
    assert "didn't end in 10 seconds" in failed(given)["equal"]
    assert given.points == 0


def test_a_walk_that_ends_its_process_is_told_so():
    source = edited("        table = root\n", "        (<uint64_t *>8)[0] = 1\n        table = root\n")
    assert "ended the process that ran it" in failed(verdict(H5.id, source))["equal"]


def test_it_runs_in_the_sandbox_of_the_graders():
    sandbox = find_sandbox()
    if sandbox.level == 0:
        pytest.skip(sandbox.reason)
    look = edited(
        "\ndef walk_all",
        f"\nif __import__('os').path.exists({h05_run.__file__!r}): raise OSError('seen')\n\ndef walk_all",
    )
    assert not verdict(H5.id, look).full
    with sandboxed(sandbox):
        assert judge(H5, checks_of(H5.id), look).full


def test_without_a_compiler_the_checks_are_skipped_and_say_why(monkeypatch: pytest.MonkeyPatch):
    compiled.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    given = judge(H5, checks_of(H5.id), master(H5))
    assert {row.outcome for row in given.rows} == {Outcome.SKIPPED}
    assert "there is no C compiler (no-such-compiler)" in given.rows[0].reason


def test_a_tape_does_not_speak_for_compiled_code():
    with recorded() as tape:
        judge(H5, checks_of(H5.id), master(H5))
    with played(tape), pytest.raises(Diverged, match="compiled code"):
        judge(H5, checks_of(H5.id), master(H5))
