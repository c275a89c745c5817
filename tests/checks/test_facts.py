from __future__ import annotations

import pytest

from course.checks.facts import FACTS, facts_of, plural
from pyemu import Tree, run


@pytest.mark.parametrize(
    ("tree", "outcome", "exceptions", "attempts", "messages"),
    [(Tree.before, "SIGBUS(code=2)", 1, 2, 1), (Tree.after, "ret=5", 1, 3, 2)],
)
def test_the_facts_of_s13_are_those_of_the_series(
    tree: Tree, outcome: str, exceptions: int, attempts: int, messages: int
):
    facts = facts_of(run("S13", tree), "T")
    assert (facts.outcome, facts.exceptions, facts.attempts, facts.messages) == (
        outcome,
        exceptions,
        attempts,
        messages,
    )


def test_the_flag_words_of_s13_are_those_of_the_series():
    assert facts_of(run("S13"), "T").flags == (0x254, 0x274, 0x274)


def test_the_facts_of_s10a_are_those_of_the_series():
    facts = facts_of(run("S10a"), "T")
    assert (facts.exceptions, facts.attempts, facts.messages, facts.major, facts.minor) == (2, 3, 2, 1, 0)
    assert (facts.handler_runs, facts.before_handler) == (1, 1)


def test_flag_words_end_with_the_first_exception():
    assert facts_of(run("S10a"), "T").flags == (0x254,)


def test_without_a_signal_all_attempts_come_before_the_handler():
    assert facts_of(run("S13"), "T").before_handler == 3


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_reads_as_words(name: str):
    result = run("S13")
    value = FACTS[name].of(result, "T")
    assert value == getattr(facts_of(result, "T"), name)
    assert " " in FACTS[name].said(value)


def test_every_fact_can_be_told():
    assert set(FACTS) == set(facts_of(run("S13"), "T").__slots__)


def test_a_number_agrees_with_its_noun():
    assert (plural(0, "message"), plural(1, "message"), plural(2, "message")) == (
        "0 messages",
        "1 message",
        "2 messages",
    )
