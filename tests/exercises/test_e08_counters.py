"""Exercise E8: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e08_counters import CHECKS
from course.checks.e08_faults import GATED, Fault, driver_faults, user_faults
from course.checks.library import exercise_of
from pyemu.arches import Accounting, arch_of
from pyemu.kernel.accounting import COUNTS, Attempt
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

E8 = exercise_of("e08_counters")
SENTENCES = {
    "x86-each": "2 counts for one fault.",
    "x86-last": "That is arc's rule.",
    "arc-cumulative": "arc overwrites fault.",
    "gated56-last": "5.6 counts attempt 1 by its own result.",
    "gated57-first": "The gate never closes in 5.7: one count per attempt.",
    "59-counts-retry": "RETRY counts nothing there.",
    "59-no-TRIED": "Tried once: major, even if it never slept.",
    "errors-count": "SIGBUS/SIGSEGV count 0/0.",
    "signal-counts": "Abandoned: nothing.",
    "pgmaj-uffd": "pgmajfault is I/O only.",
    "vmstat-once": "pgfault grows per attempt in 5.7 (here: +3).",
    "gup-perf": "No registers, no perf event.",
    "rule-for-6.18": "6.18 differs (record): label your rule.",
}
POINTS = {
    "x86-each": 8,
    "x86-last": 8,
    "arc-cumulative": 9,
    "gated56-last": 7,
    "gated57-first": 7,
    "59-counts-retry": 7,
    "59-no-TRIED": 7,
    "errors-count": 1,
    "signal-counts": 1,
    "pgmaj-uffd": 9,
    "vmstat-once": 9,
    "gup-perf": 9,
    "rule-for-6.18": 7,
}
RULES = [
    ("x86", "x86"),
    ("arm64", "x86"),
    ("powerpc", "x86"),
    ("arc", "arc"),
    *((one, "gated") for one in GATED),
]


def counted(fault: Fault) -> tuple[int, int]:
    return fault.counted.get("maj_flt", 0), fault.counted.get("min_flt", 0)


def by_rule(rule: str, fault: Fault) -> tuple[int, int]:
    counts = COUNTS[rule]([Attempt(flags, bits) for flags, bits, _ in fault.given])
    return counts.maj, counts.min


def test_the_points_are_those_of_the_rules():
    points = {one.id: one.points for one in E8.behaviours}
    assert points == {"x86": 2, "arc": 1, "gated": 3, "once": 2, "gup": 1, "vmstat": 1}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(E8.id, source_of(E8, wrong(E8, name).file))
    assert set(failed(given).values()) == {SENTENCES[name]}
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E8.wrong} == set(SENTENCES) == set(POINTS)


def test_the_gated_architectures_are_that():
    assert {arch_of(one).accounting for one in GATED} == {Accounting.GATED}


@pytest.mark.parametrize(("arch", "rule"), RULES)
def test_runs_count_as_the_table_of_rules_says(arch: str, rule: str):
    faults = [*user_faults(Draw("a", "x"), arch, ("before", "v5_7"))]
    assert [counted(one) for one in faults] == [by_rule(rule, one) for one in faults]


def test_since_5_9_the_one_rule_holds_for_all():
    draw = Draw("b", "x")
    faults = [*user_faults(draw, "riscv", ("v5_10", "v6_1")), *user_faults(draw, "x86", ("v6_8", "v6_18"))]
    faults += driver_faults(draw, "v5_10")
    assert [counted(one) for one in faults] == [by_rule("5.9", one) for one in faults]


def test_a_driver_has_no_registers_and_perf_hears_nothing():
    faults = [*driver_faults(Draw(None, "x"), "v5_10")]
    assert len(faults) == 2
    assert all(not one.regs and not one.counted.get("minor-faults") for one in faults)


@pytest.mark.parametrize("name", CHECKS.checks)
def test_no_two_faults_of_a_check_have_one_name(name: str):
    (case,) = CHECKS.checks[name].cases(Draw("c", name))
    assert len(case.wanted) == len(case.numbers["faults"])  # type: ignore[attr-defined]  # it is a CallCase
    assert len(set(case.wanted.values())) > 1  # type: ignore[attr-defined]


def replaced(old: str, new: str) -> str:
    source = master(E8)
    assert source.count(old) == 1, old
    return source.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("or flags & FAULT_FLAG_TRIED", "or len(attempts) > 1", ["once"]),
        ("or flags & FAULT_FLAG_TRIED", "and flags & FAULT_FLAG_TRIED", ["once"]),
        ("if bits & VM_FAULT_MAJOR or flags & FAULT_FLAG_TRIED", "if flags & FAULT_FLAG_TRIED", ["once"]),
        ("(1, 0) if attempts[-1][1] & VM_FAULT_MAJOR else (0, 1)", "(0, 1)", ["arc"]),
        ("(1, 0) if attempts[-1][1] & VM_FAULT_MAJOR else (0, 1)", "(0, int(len(attempts) > 0))", ["arc"]),
        ("any(bits & VM_FAULT_MAJOR for flags, bits, reads in attempts)", "len(attempts) > 1", ["x86"]),
        ("any(bits & VM_FAULT_MAJOR for flags, bits, reads in attempts)", "attempts[0][2]", ["x86"]),
        ("left or not flags & FAULT_FLAG_ALLOW_RETRY", "left", ["gated"]),
        ("sum(reads for flags, bits, reads in attempts)", "0", ["vmstat"]),
    ],
)
def test_other_rules_are_told_apart(old: str, new: str, lost: list[str]):
    assert list(failed(verdict(E8.id, replaced(old, new)))) == lost


def test_numbers_that_are_exchanged_are_shown():
    source = replaced("return maj, least", "return least, maj")
    (row,) = [row for row in verdict(E8.id, source).rows if row.feedback is not None]
    assert feedback(row).headline == (
        "Yours gives a page of zeros on before: (1, 0); right is a page of zeros on before: (0, 1)."
    )
    assert feedback(row).cause == ""


def test_what_is_no_pair_is_shown():
    source = replaced("return maj, least", "return {'maj': maj}")
    assert "{'maj': 0}" in failed(verdict(E8.id, source))["gated"]


def test_the_emulators_table_is_out_of_reach():
    given = verdict(E8.id, "from pyemu.kernel.accounting import COUNTS\n" + master(E8))
    assert given.points == 0
    assert all("imports pyemu.kernel" in headline for headline in failed(given).values())


def test_one_function_alone_gets_its_points():
    stubs = "".join(
        f"def {name}(attempts, regs=0):\n    raise NotImplementedError\n\n"
        for name in ("count_x86", "count_gated", "count_since_5_9", "vmstat_5_7")
    )
    source = stubs + "def count_arc(attempts):\n    over = attempts[-1][1]\n"
    source += "    if over & (VM_FAULT_RETRY | VM_FAULT_ERROR):\n        return 0, 0\n"
    source += "    return (1, 0) if over & VM_FAULT_MAJOR else (0, 1)\n"
    assert verdict(E8.id, source).points == 1


def test_prints_cost_nothing():
    given = verdict(E8.id, replaced("    maj = least = 0", "    print('gated')\n    maj = least = 0"))
    assert given.full
    assert set(given.printed.split()) == {"gated"}
