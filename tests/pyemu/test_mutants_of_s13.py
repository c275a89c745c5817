"""The three mutants of card P13: S13, S9 and S9-relock tell each of them from the kernel's own code.

(a) the x86 loop forgets TRIED; (b) who waits for a page lock drops mmap_sem at every try; (c)
handle_userfault waits at the first try only. Real kernels with (a) or (b) showed no other outcome in what was
recorded: only the flags of the trace, or a page that is locked again at each attempt, catch them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pyemu.stubs
from pyemu import Machine, Result, Tree
from pyemu.effects.handles import Vma
from pyemu.flags import FAULT_FLAG_TRIED, VM_FAULT_SIGBUS
from pyemu.kernel import FUNCTIONS

FORGETS = Path(__file__).parents[2] / "exercises" / "e04_loop" / "wrong" / "forgets_tried.py"


def forgets_tried(scenario: str) -> Result:
    """Mutant (a)."""
    names = dict(vars(pyemu.stubs))
    exec(FORGETS.read_text(encoding="utf-8"), names)
    return Machine(scenario, Tree.after, {"do_user_addr_fault": names["do_user_addr_fault"]}).run()


def drops_at_every_try(scenario: str) -> Result:
    """Mutant (b)."""
    machine = Machine(scenario, Tree.after)
    machine.world.policies = replace(machine.world.policies, drops_on_first_try_only=False)
    return machine.run()


async def first_try_only(vma: Vma, address: int, flags: int, reason: int) -> int:
    if flags & FAULT_FLAG_TRIED:
        return VM_FAULT_SIGBUS
    result: int = await FUNCTIONS["handle_userfault"](vma, address, flags, reason)
    return result


def waits_once(scenario: str) -> Result:
    """Mutant (c)."""
    machine = Machine(scenario, Tree.after)
    machine.executor.functions = {**machine.executor.functions, "handle_userfault": first_try_only}
    return machine.run()


def right(scenario: str) -> Result:
    """The kernel's own code."""
    return Machine(scenario, Tree.after).run()


def told(result: Result) -> dict[str, Any]:
    victim = result.tasks["T"]
    return {
        "outcome": victim.outcome,
        "attempts": victim.stats["attempts"],
        "flags": [f"{event.a:#x}" for event in result.trace.select("attempt", task="T")],
        "rules": sorted({one.rule for one in result.violations}),
    }


def test_forgetting_tried_changes_no_outcome_of_s13_and_the_flags_show_it() -> None:
    found, own = told(forgets_tried("S13")), told(right("S13"))
    assert found["outcome"] == own["outcome"] == "ret=5"
    assert own["flags"] == ["0x254", "0x274", "0x274"]
    assert found["flags"] == ["0x254", "0x254", "0x254"]
    assert found["rules"] == ["I5"]


@pytest.mark.parametrize("mutant", [forgets_tried, drops_at_every_try])
def test_a_page_that_is_locked_again_sends_who_drops_at_every_try_back_each_time(mutant: Any) -> None:
    assert told(right("S9-relock"))["attempts"] == 2
    found = told(mutant("S9-relock"))
    assert found["attempts"] > 4
    assert found["outcome"] == "ret=1"
    assert found["rules"] == (["I5", "I6"] if mutant is forgets_tried else ["I6"])


@pytest.mark.parametrize("mutant", [drops_at_every_try, waits_once])
def test_s9_does_not_show_the_mutants_that_need_more_than_one_wait(mutant: Any) -> None:
    assert told(mutant("S9")) == told(right("S9"))


def test_waiting_at_the_first_try_only_behaves_as_before_the_series() -> None:
    found = told(waits_once("S13"))
    assert (found["outcome"], found["attempts"]) == ("SIGBUS(code=2)", 2)
    assert told(drops_at_every_try("S13")) == told(right("S13"))
