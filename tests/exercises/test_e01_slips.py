"""Exercise E1: what readers of trials wrote, or thought of, loses points, and hears nothing untrue of it."""

from __future__ import annotations

import pytest

from course.checks.judge import Judge
from course.checks.library import checks_of, exercise_of

E1 = exercise_of("e01_truth_table")
KEEP = "how not in ('blocked', 'ignored')"
THREE = "waited and 'SIGKILL' in sent"
NINE = "waited and ('SIGKILL' in sent or (mode == 'user' and sent))"
MODE = "waited and ({} or (mode == 'user' and sent))"


def kept(test: str) -> str:
    """Give the names of those signals that a test keeps."""
    return f"return [name for name, how in signals if {test}]"


def loop(*lines: str) -> str:
    """Give a loop that keeps a signal unless one of its lines does something else."""
    body = "".join(f"        {line}\n" for line in (*lines, "found.append(name)"))
    return f"found = []\n    for name, how in signals:\n{body}    return found"


def answer(three: str = THREE, nine: str = NINE, pending: str = kept(KEEP)) -> str:
    """Give an answer of two expressions and of what makes the list of names `sent`."""
    rules = (
        f"def patch_{patch}(fault, mode, signals):\n    sent = pending(signals)\n    return {rule}\n"
        for patch, rule in ((3, three), (9, nine))
    )
    text = f"def pending(signals):\n    {pending}\n\n\n" + "\n\n".join(rules)
    return text.replace("waited", "fault & VM_FAULT_RETRY")


SIGTERM_TOO = "any(name in ('SIGKILL', 'SIGTERM') for name in sent)"
STOP_HIDES = "('SIGKILL' in sent and 'SIGSTOP' not in sent)"
SLIPS = {
    "SIGTERM is fatal": (
        answer(f"waited and {SIGTERM_TOO}", MODE.format(SIGTERM_TOO)),
        "p3: name-is-fatal, p9: name-is-fatal",
    ),
    "SIGSEGV is fatal": (
        answer(nine=MODE.format("bool({'SIGKILL', 'SIGSEGV'} & set(sent))")),
        "p9: name-is-fatal",
    ),
    **{
        f"SIGINT is fatal when {how}": (
            answer(f"waited and ('SIGKILL' in sent or ('SIGINT', '{how}') in signals)"),
            "control: name-is-fatal",
        )
        for how in ("blocked", "ignored")
    },
    "up to one that is ignored": (
        answer(pending=loop("if how == 'blocked': continue", "if how == 'ignored': break")),
        "control: ends-early",
    ),
    "nothing beside one that is ignored": (
        answer(pending=loop("if how == 'blocked': continue", "if how == 'ignored': return []")),
        "control: ends-early",
    ),
    "nothing beside one that is blocked": (
        answer(pending=loop("if how == 'ignored': continue", "if how == 'blocked': return []")),
        "control: ends-early",
    ),
    "patch 9, up to a blocked one": (
        answer(nine=NINE.replace("and sent", "and sent and signals[0][1] != 'blocked'")),
        "control: ends-early",
    ),
    "patch 9, from a blocked one on": (
        answer(nine=NINE.replace("and sent", "and sent and signals[-1][1] != 'blocked'")),
        "control: ends-early",
    ),
    "the first that is not blocked": (
        answer(pending=loop("if how == 'ignored': break", "if how != 'blocked': return [name]")),
        "p3: one-signal, p9: one-signal",
    ),
    "patch 3, the first": (
        answer("waited and signals[:1] == (('SIGKILL', 'default'),)"),
        "p3: one-signal, control: one-signal",
    ),
    "patch 3, the last": (
        answer("waited and sent[-1:] == ['SIGKILL']"),
        "p3: one-signal, control: one-signal",
    ),
    "patch 9, the last": (answer(nine=NINE.replace("sent", "sent[-1:]")), "p9: one-signal"),
    "some are missed": (
        answer(
            pending="signals = list(signals)\n"
            "    for one in signals:\n"
            f"        if one[1] in ('blocked', 'ignored'): signals.remove(one)\n    {kept('True')}"
        ),
        "control: one-signal",
    ),
    "patch 3, the whole list": (
        answer("waited and signals == (('SIGKILL', 'default'),)"),
        "p3: only-one, control: one-signal",
    ),
    "patch 3, nothing but SIGKILL": (
        answer("waited and sent and all(name == 'SIGKILL' for name in sent)"),
        "p3: only-one, control: only-one",
    ),
    "patch 9, SIGKILL alone": (answer(nine=MODE.format("sent == ['SIGKILL']")), "p9: only-one"),
    "patch 9, one that is harmless": (
        answer(nine=NINE.replace("and sent", "and len(sent) == 1")),
        "p9: only-one",
    ),
    "patch 9, kernel mode is left for two": (
        answer(nine=MODE.format("'SIGKILL' in sent or len(sent) > 1")),
        "p9: one-signal",
    ),
    "patch 3, SIGSTOP hides": (answer(f"waited and {STOP_HIDES}"), "p3: stop-hides, control: stop-hides"),
    "patch 9, SIGSTOP hides": (answer(nine=MODE.format(STOP_HIDES)), "control: stop-hides"),
    "SIGSTOP is dropped by its name": (
        answer(pending=kept(f"name != 'SIGSTOP' and {KEEP}")),
        "control: stop-is-not",
    ),
    "two fixed pairs": (
        answer(pending=kept("(name, how) not in (('SIGCHLD', 'ignored'), ('SIGUSR1', 'blocked'))")),
        "control: by-name",
    ),
    "two are looked at": (
        answer(pending=kept(KEEP).replace("in signals", "in signals[:2]")),
        "control: one-of-three",
    ),
    "patch 9, the first and the last": (
        answer(nine=NINE.replace("and sent", "and pending((*signals[:1], *signals[-1:]))")),
        "control: one-of-three",
    ),
    "patch 3, the first and the last": (
        answer("waited and 'SIGKILL' in dict((*signals[:1], *signals[-1:]))"),
        "control: one-of-three",
    ),
    "patch 9, three": (
        answer(nine=NINE.replace("and sent", "and (sent or len(signals) > 2)")),
        "control: one-signal",
    ),
    "one less for what is blocked, and for what is ignored": (
        answer(
            nine=NINE.replace(
                "and sent", "and len(signals) > sum(how in dict(map(reversed, signals)) for how in OUT)"
            )
        )
        + "OUT = 'blocked', 'ignored'\n",
        "control: once",
    ),
    "not all blocked, and not all ignored": (
        answer(
            nine=NINE.replace(
                "and sent",
                "and any(how != 'blocked' for _, how in signals)"
                " and any(how != 'ignored' for _, how in signals)",
            )
        ),
        "control: together",
    ),
    "SIGSTOP at the end": (
        answer(
            nine=NINE.replace("and sent", "and (sent != ['SIGSTOP'] or signals[-1][0] == 'SIGSTOP') and sent")
        ),
        "control: ends-early",
    ),
    "SIGSTOP before RETRY": (
        answer(nine=f"('SIGSTOP' in sent and mode == 'user') or {NINE}"),
        "retry: no-retry-test",
    ),
    "two before RETRY": (answer(nine=f"len(sent) > 1 and mode == 'user' or {NINE}"), "retry: no-retry-test"),
    "some that are over": (
        answer(
            THREE.replace("waited", "not (fault in (0, VM_FAULT_MAJOR) or fault & VM_FAULT_ERROR)"),
        ),
        "retry: no-retry-test",
    ),
    **{
        f"{error}, or RETRY": (
            answer(nine=NINE.replace("waited", f"fault & (VM_FAULT_RETRY | VM_FAULT_{error})")),
            "retry: error-is-retry",
        )
        for error in ("OOM", "SIGBUS", "SIGSEGV")
    },
    "a default that keeps": (
        answer(nine=NINE.replace("and sent", "and later(sent)"))
        + "def later(sent, found=[]):\n    found += sent\n    return found\n",
        "p9: keeps",
    ),
    "or a text": (
        answer(pending=loop("if how == 'blocked' or 'ignored': continue")),
        "retry: never, p3: never, p9: never",
    ),
    "names among pairs": (
        answer("waited and 'SIGKILL' in signals", MODE.format("'SIGKILL' in signals")),
        "retry: never, p3: never, p9: user-kill-only",
    ),
    "handlers alone": (
        answer(pending=kept("how == 'handler'")),
        "retry: never, p3: never, p9: user-kill-only",
    ),
    "patch 3, RETRY alone": (answer("waited"), "retry: always, p3: always, control: always"),
    "patch 3, the whole word": (
        answer(THREE.replace("waited", "fault == VM_FAULT_RETRY")),
        "retry: equals-retry, p3: equals-retry, control: equals-retry",
    ),
    "patch 9, the whole word": (
        answer(nine=NINE.replace("waited", "fault == VM_FAULT_MAJOR | VM_FAULT_RETRY")),
        "retry: only-with-major, p9: only-with-major",
    ),
    "patch 9 in user mode alone": (
        answer(nine="waited and 'SIGKILL' in sent and sent and mode == 'user'"),
        "p9: and-for-or",
    ),
    "patch 9 leaves user mode for nothing": (
        answer(nine="waited and (mode == 'user' or 'SIGKILL' in sent)"),
        "retry: always-user, p9: always-user",
    ),
    "patch 9 without return": (
        answer(nine="None and " + NINE),
        "retry: no-return, p9: no-return",
    ),
}


@pytest.fixture(scope="module", params=[None, "another"])
def judge(request: pytest.FixtureRequest) -> Judge:
    return Judge(E1, checks_of(E1.id), request.param)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_hears_what_is_true_of_it(slip: str, judge: Judge):
    source, expected = SLIPS[slip]
    rows = judge.verdict(source).rows
    assert ", ".join(f"{row.behaviour.id}: {row.feedback.cause}" for row in rows if row.feedback) == expected
