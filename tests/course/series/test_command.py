"""`faultlab series`: the table, one patch, the verdicts, mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from course.series import verify as verify_module
from course.series.patches import PATCHES
from course.series.verify import Found, Verdict


def test_sixteen_rows_fit_a_hundred_columns(faultlab: Any) -> None:
    said = faultlab("series")
    lines = said.out.splitlines()
    assert (said.status, said.err) == (0, "")
    assert max(map(len, lines)) <= 100
    assert re.findall(r"(?m)^ +(\d+)  ", said.out) == [str(patch.number) for patch in PATCHES]


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"P{patch.number}")
def test_each_patch_can_be_asked_for(faultlab: Any, patch: Any) -> None:
    said = faultlab("series", str(patch.number))
    assert said.status == 0
    assert said.out.startswith(f"Patch {patch.number}: {patch.title}")
    assert max(map(len, said.out.splitlines())) <= 100
    assert "before" in said.out
    assert "after" in said.out
    assert f"[{patch.facts[0]}]" in said.out


def test_one_patch_tells_the_decision_the_inputs_and_what_keeps_them_out(faultlab: Any) -> None:
    out = faultlab("series", "4").out
    row = next(line for line in out.splitlines() if line.startswith("RETRY, second attempt"))
    assert re.split(r"  +", row)[1:] == ["return", "done, unlocks, counts min_flt"]
    assert "1,536 inputs, 308 of them can happen" in out
    assert "I2: RETRY without ALLOW_RETRY comes only with SIGKILL" in out
    assert "Scenario S4" in out


def test_a_planted_fault_that_changes_nothing_is_told_with_its_reason(faultlab: Any) -> None:
    assert "A planted fault that changes nothing: before, before:" in faultlab("series", "11").out


def test_one_patch_is_verified_with_status_0(faultlab: Any) -> None:
    said = faultlab("series", "13", "--verify")
    assert said.status == 0
    assert said.out.splitlines()[-1] == "1 patches: 1 hold, 0 fail."
    assert "S13: outcome SIGBUS(code=2) -> ret=5" in " ".join(said.out.split())


def test_a_verdict_that_fails_is_status_1_with_the_reason(
    faultlab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = [
        Verdict(patch, "runs", (Found(("a fact",), ("It is so.",) if patch.number == 9 else ()),))
        for patch in PATCHES
    ]
    monkeypatch.setattr(verify_module, "verify_patch", lambda patch: failed[patch.number - 1])
    said = faultlab("series", "--verify")
    assert said.status == 1
    assert "Patch 9: It is so." in said.out
    assert said.out.splitlines()[-1] == "16 patches: 15 hold, 1 fail."
    assert said.out.count("FAILS") == 1
    assert max(map(len, said.out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["17"], "patch 17 does not exist: the series has patches 1 to 16."),
        (["0", "--verify"], "patch 0 does not exist"),
        (["nine"], "patch nine does not exist: the series has patches 1 to 16."),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(faultlab: Any, words: list[str], message: str) -> None:
    said = faultlab("series", *words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_the_command_is_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.series.command; "
        "print([name for name in sys.modules if name.startswith(('pyemu', 'rich', 'numpy'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
