"""Exercise E1: the sentences that its learners read, word by word, and answers that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks import e01_cells
from course.checks.draw import Draw
from course.checks.library import exercise_of
from course.checks.verdict import Outcome
from course.reactions import reaction
from pyemu import Tree
from pyemu.flags import VM_FAULT_RETRY
from tests.exercises.answers import failed, feedback, master, verdict, wrong

E1 = exercise_of("e01_truth_table")
SENTENCES = {
    "no-retry-test": (
        "RETRY is clear: the fault is finished and mmap_sem is still held; who would release it?"
    ),
    "kernel-too": "A kernel copy has no user state to return to; SIGUSR1 would become EFAULT.",
    "p3-in-p9": "That is the rule before patch 9.",
    "p9-in-p3": "Patch 3 only moved code; user mode with SIGUSR1 stays False.",
    "user-kill-only": "Kernel mode with SIGKILL must leave too: its copy is given up.",
    "swapped": "You exchanged user and kernel mode.",
    "blocked-counts": "A blocked signal is queued but not pending for the thread.",
    "ignored-counts": "An ignored signal is dropped when sent.",
    "stop-is-not": "SIGSTOP sets signal_pending like any other.",
    "nonfatal-only": "SIGKILL is also a pending signal.",
    "error-is-retry": "An error is final and never comes with RETRY.",
    "always-kernel": "Kernel mode without a signal must retry.",
    "never": "By your patch_3 no fault is ever left, not for SIGKILL either.",
    "equals-retry": "`fault` is a word of several bits: VM_FAULT_RETRY may come with others.",
    "default-is-fatal": "SIGSTOP stops the task and does not end it: it is no SIGKILL.",
    "one-signal": "Several signals may be sent: each of them counts, wherever it stands in the list.",
    "no-return": "Your patch_3 gives None for every fault of this check: is a `return` missing?",
    "only-with-major": "VM_FAULT_RETRY may come alone: not every fault that waited reads its page.",
    "name-is-fatal": "SIGKILL alone is fatal: SIGTERM ends no task that handles, blocks or ignores it.",
    "by-name": "Go by how the task treats a signal, not by its name.",
    "stop-hides": "SIGSTOP hides no SIGKILL.",
    "ends-early": "A signal that is not pending hides no other that is.",
    "only-one": "More than one signal may be pending: that is as good a reason as one.",
    "always": "VM_FAULT_RETRY alone is no reason to leave: something has to be pending.",
    "always-user": "User mode without a signal must retry, too.",
    "and-for-or": "SIGKILL needs no user mode, and user mode needs no SIGKILL.",
    "text": "Your patch_3 returns a text: return True or False.",
    "keeps": "Your patch_3 was asked the same twice, and did not say the same.",
    "once": "Two signals may be blocked, or two ignored: then neither is pending.",
    "together": "A blocked signal and an ignored one: nothing is pending then either.",
    "one-of-three": "Three signals may be sent: yours misses the third.",
}
POINTS = {
    "no-retry-test": 8,
    "kernel-too": 5,
    "p3-in-p9": 5,
    "p9-in-p3": 7,
    "user-kill-only": 5,
    "swapped": 5,
    "blocked-counts": 8,
    "ignored-counts": 8,
    "stop-is-not": 8,
    "nonfatal-only": 3,
    "error-is-retry": 8,
    "always-kernel": 3,
    "never": 0,
    "equals-retry": 0,
    "default-is-fatal": 5,
    "one-signal": 2,
    "no-return": 0,
    "only-with-major": 0,
    "name-is-fatal": 2,
    "by-name": 5,
    "stop-hides": 5,
    "ends-early": 8,
    "only-one": 2,
    "always": 0,
    "always-user": 3,
    "and-for-or": 5,
    "text": 0,
    "keeps": 0,
    "once": 8,
    "together": 8,
    "one-of-three": 8,
}
SIGNALS = {"none": (), "SIGUSR1": (("SIGUSR1", "handler"),), "SIGKILL": (("SIGKILL", "default"),)}


def rules(three: str, nine: str) -> str:
    """Give an answer of two expressions over `fault`, `mode` and `sent`, the names of what is pending."""
    return "".join(
        f"def patch_{n}(fault, mode, signals):\n"
        "    sent = [name for name, how in signals if how in ('handler', 'default')]\n"
        f"    return {text}\n"
        for n, text in ((3, three), (9, nine))
    )


THREE = "fault & VM_FAULT_RETRY and 'SIGKILL' in sent"
NINE = "fault & VM_FAULT_RETRY and ('SIGKILL' in sent or (mode == 'user' and sent))"


def test_the_points_are_those_of_the_rows():
    points = {one.id: one.points for one in E1.behaviours}
    assert points == {"retry": 2, "p3": 3, "p9": 3, "control": 2}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence(name: str):
    given = verdict(E1.id, wrong(E1, name).file.read_text(encoding="utf-8"))
    assert set(failed(given).values()) == {
        SENTENCES[name],
        SENTENCES[name].replace("your patch_3", "your patch_9").replace("Your patch_3", "Your patch_9"),
    }
    assert given.points == POINTS[name]


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E1.wrong} == set(SENTENCES) == set(POINTS)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("mode", e01_cells.MODES)
@pytest.mark.parametrize("patch", [3, 9])
def test_whole_runs_on_both_trees_agree_with_what_is_called_right(patch: int, mode: str, signal: str):
    cell = e01_cells.Cell(patch, VM_FAULT_RETRY, mode, SIGNALS[signal])
    assert e01_cells.leaves(cell) is (reaction("x86", mode, signal, Tree.upto(patch)) != "retry")


@pytest.mark.parametrize(
    ("signal", "pending"),
    [
        (("SIGUSR1", "blocked"), "nothing"),
        (("SIGUSR1", "ignored"), "nothing"),
        (("SIGSTOP", "default"), "SIGUSR1"),
        (("SIGKILL", "default"), "SIGKILL"),
    ],
)
def test_a_run_says_which_signals_are_pending(signal: tuple[str, str], pending: str):
    assert e01_cells.pending((signal,)) == pending


def test_seeds_vary_signals_and_fault_words():
    cells = {e01_cells.over(Draw(seed, "x")) for seed in (None, *map(str, range(20)))}
    assert len(cells) > 8


@pytest.mark.parametrize("value", ["True", "False", "0", "1"])
def test_a_rule_that_always_says_the_same_gets_nothing(value: str):
    assert verdict(E1.id, rules(value, value)).points == 0


@pytest.mark.parametrize("given", ["{}", "{} or None", "float(bool({}))"])
def test_numbers_lists_and_none_count_as_python_takes_them(given: str):
    assert verdict(E1.id, rules(given.format(THREE), given.format(NINE))).full


@pytest.mark.parametrize("given", ["set({})", "{{name: 1 for name in {}}}", "dict.fromkeys({}) or None"])
def test_sets_and_dicts_do_so_too(given: str):
    sent = given.format("[name for name in sent if mode == 'user' or 'SIGKILL' in sent]")
    assert verdict(E1.id, rules(THREE, f"fault & VM_FAULT_RETRY and ({sent})")).full


@pytest.mark.parametrize("text", ["'stay'", "''", "b'stay'"])
def test_a_rule_that_gives_a_text_is_told_so(text: str):
    given = verdict(E1.id, rules(THREE, f"{NINE} or {text}"))
    assert failed(given)["p9"] == "Your patch_9 returns a text: return True or False."


def test_a_fault_word_is_a_number():
    given = verdict(E1.id, rules("VM_FAULT_RETRY in fault", NINE))
    assert failed(given)["p3"].endswith("The call was patch_3(1024, 'user', ()).")


def test_a_filter_is_told_from_what_it_holds():
    given = verdict(E1.id, rules(THREE, f"{NINE} and filter(None, sent)"))
    assert "true even when that is nothing: make a list of it" in failed(given)["p9"]


def test_a_rule_that_only_stays_where_it_should_leave_is_not_told_of_a_missing_return():
    given = verdict(E1.id, rules(THREE, f"{NINE} and 'SIGKILL' not in sent or None"))
    assert "None" not in failed(given)["p9"]


def test_one_rule_alone_gets_the_points_of_its_row():
    source = rules(THREE, "").replace("    return \n", "    raise NotImplementedError\n")
    given = verdict(E1.id, source)
    assert given.points == 3
    assert "patch_9 ends with NotImplementedError" in failed(given)["p9"]


FATAL = "fault & VM_FAULT_RETRY and {}"
MODE = "fault & VM_FAULT_RETRY and ({} or (mode == 'user' and sent))"


def test_a_default_that_is_fatal_to_one_rule_is_found():
    default = "fault & VM_FAULT_RETRY and any(how == 'default' for _, how in signals)"
    assert failed(verdict(E1.id, rules(default, NINE))) == {"p3": SENTENCES["default-is-fatal"]}


def test_names_that_are_looked_for_among_pairs_are_explained_in_every_check():
    given = verdict(E1.id, rules(FATAL.format("'SIGKILL' in signals"), MODE.format("'SIGKILL' in signals")))
    causes = {row.behaviour.id: feedback(row).cause for row in given.rows if row.feedback}
    assert causes == {"retry": "never", "p3": "never", "p9": "user-kill-only"}
    assert all("pairs" in feedback(row).because or "pair" in feedback(row).because for row in given.rows[:3])


@pytest.mark.parametrize(
    ("nine", "said"),
    [
        ("signal_pending(current)", "patch_9 built signal_pending(...), a request to the kernel"),
        (
            "fault_signal_pending(fault, mode)",
            "patch_9 built fault_signal_pending(...), a request to the kernel",
        ),
        ("fault & VM_FAULT_RETRY and signal_pending(current) and True", "a request to the kernel"),
    ],
)
def test_an_operation_of_a_handler_is_no_way_to_decide(nine: str, said: str):
    given = failed(verdict(E1.id, rules(THREE, nine)))
    assert said in given["p9"]
    assert "await" not in given["p9"]


def test_what_builds_on_a_failed_rule_is_skipped():
    given = verdict(E1.id, rules(THREE, THREE))
    assert [row.outcome for row in given.rows][-1] is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import course.decide\n", "imports course"),
        ("from pyemu.kernel.signal import fault_signal_pending\n", "imports pyemu.kernel"),
    ],
)
def test_the_kernels_own_rule_is_out_of_reach(source: str, message: str):
    given = verdict(E1.id, source + rules(THREE, NINE))
    assert given.points == 0
    assert all(message in headline for headline in failed(given).values())


def test_the_kernels_operation_is_no_plain_function():
    given = verdict(E1.id, rules("fault_signal_pending(fault, signals)", NINE))
    assert given.points < E1.points


def test_prints_cost_nothing():
    source = master(E1).replace("    return bool(fault", "    print('asked')\n    return bool(fault")
    given = verdict(E1.id, source)
    assert given.full
    assert set(given.printed.split()) == {"asked"}
