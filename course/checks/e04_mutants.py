"""A learner's own tests of the loop, and the three mutants of patch 13 that they must reject.

A test is a scenario and what must be so of its task T at the end. It is run on the kernel's own code, which
must pass, and on mutants of it: the kernel of one machine is changed. The learner's loop takes no part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.facts import FACTS, Facts, facts_of
from pyemu.errors import FaultlabError
from pyemu.flags import FAULT_FLAG_TRIED, VM_FAULT_SIGBUS
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from course.child_functions import Answers
    from pyemu.effects.core import Effect
    from pyemu.machine import Machine
    from pyemu.scenario import Scenario

__all__ = ["KERNEL", "MUTANTS", "OwnTest", "mutant_case", "own_tests"]

KERNEL = "the kernel passes"
MUTANTS = {
    "a": "forgets to set TRIED before it tries again",
    "b": "drops mmap_sem for a page lock at every attempt",
    "c": "lets the first attempt alone wait for a monitor",
}
MOST = 8  # tests
LONGEST = 2_000  # characters of a task's steps
TASK = re.compile(r"[A-Z][A-Za-z0-9]{0,7}")


@dataclass(frozen=True, slots=True)
class OwnTest:
    """A scenario, and what must be so of T: values by the names of facts."""

    scenario: Scenario
    expected: tuple[tuple[str, Any], ...]

    def passes(self, mutant: str = "") -> bool:
        """Say whether the kernel, or a mutant of it, does what is expected."""
        return not self.differs(mutant)

    def differs(self, mutant: str = "") -> str:
        """Give the first fact that is not as expected, with both values; empty when all are."""
        facts = _facts(self.scenario, mutant)
        for name, value in self.expected:
            given = getattr(facts, name)
            if given != value:
                return f"{self.scenario.name}: {name} is {_short(given)}, not {_short(value)}"
        return ""


def own_tests(value: Any) -> tuple[OwnTest, ...]:
    """Read a learner's tests.

    Parameters
    ----------
    value : tuple of (str or dict, dict)
        Scenarios, by a name of the library or as a line for each task (`course.sketch`), with facts.

    Returns
    -------
    tuple of OwnTest
        At least one.

    Raises
    ------
    Unwritten
        There is none.
    HandlerFault
        One of them can't be run; the text says why.
    """
    if not isinstance(value, tuple) or len(value) > MOST:
        raise HandlerFault("wrong result", f"TESTS must be a list of at most {MOST} tests.")
    if not value:
        raise Unwritten("TESTS is still empty.")
    return tuple(_own_test(one, f"Test {n} of TESTS") for n, one in enumerate(value, 1))


def mutant_case(mutant: str) -> CallCase:
    """Give the case of one mutant: all tests let the kernel pass, and one of them does not let the mutant."""

    def look(answers: Answers) -> dict[str, str | bool]:
        tests = own_tests(_value(answers))
        false = [f"test {n}, {test.differs()}" for n, test in enumerate(tests, 1) if not test.passes()]
        return {
            KERNEL: false[0] if false else True,
            rejected: not all(test.passes(mutant) for test in tests),
        }

    rejected = f"mutant ({mutant}) is rejected"
    return CallCase(
        "Your tests",
        f"Each runs on the kernel's own code, and on mutant ({mutant}), which {MUTANTS[mutant]}.",
        look,
        {KERNEL: True, rejected: True},
        {"mutant": mutant},
        lambda name, value: f"{name}: {value if isinstance(value, str) else 'yes' if value else 'no'}",
    )


def _value(answers: Answers) -> Any:
    """Give TESTS; what is no plain value, such as a function, costs no more than the tests."""
    try:
        return answers.value("TESTS")
    except HandlerFault as fault:
        if "can't cross" not in str(fault):
            raise
        raise HandlerFault("wrong result", f"TESTS: {fault}") from None


def _short(value: Any) -> str:
    """Write a value as a test would, numbers of flag words in hexadecimal."""
    if not isinstance(value, tuple):
        return repr(value)
    return f"({', '.join(hex(one) if isinstance(one, int) else repr(one) for one in value)})"


# ------------------------------------------------------------------------------------------ reading


def _own_test(value: Any, where: str) -> OwnTest:
    match value:
        case ((str() | dict()) as what, dict() as expected) if expected:
            return OwnTest(_scenario(what, where), tuple(_expected(expected, where)))
    raise HandlerFault(
        "wrong result",
        f'{where} is no pair of a scenario and of what must be so: write ("S13", {{"outcome": "ret=5"}}).',
    )


def _scenario(what: str | Mapping[Any, Any], where: str) -> Scenario:
    from course.sketch import sketch
    from pyemu.scenario import Scenario

    try:
        if isinstance(what, str):
            if what not in Scenario.library():
                raise HandlerFault(
                    "wrong result",
                    f"{where}: {what!r} is no scenario of the library; Scenario.library() names them. (The "
                    "checks of your loop have scenarios of their own.)",
                )
            scenario = Scenario.load(what)
        else:
            scenario = sketch(
                "yours", **{_task(name, where): _steps(text, where) for name, text in what.items()}
            )
    except FaultlabError as error:
        if isinstance(error, HandlerFault):
            raise
        raise HandlerFault("wrong result", f"{where}: {error}") from None
    if all(task.name != "T" for task in scenario.tasks):
        raise HandlerFault("wrong result", f"{where}: its scenario has no task T.")
    return scenario


def _task(name: Any, where: str) -> str:
    if not isinstance(name, str) or not TASK.fullmatch(name):
        raise HandlerFault("wrong result", f"{where}: {name!r} names no task; tasks are T, M, U, ...")
    return name


def _steps(text: Any, where: str) -> str:
    if not isinstance(text, str) or len(text) > LONGEST:
        raise HandlerFault(
            "wrong result", f"{where}: the steps of a task are a text of at most {LONGEST} characters."
        )
    return text


def _expected(expected: Mapping[Any, Any], where: str) -> list[tuple[str, Any]]:
    for name in expected:
        if name not in FACTS:
            raise HandlerFault(
                "wrong result", f"{where}: {name!r} is no fact; there are: {', '.join(FACTS)}."
            )
    return list(expected.items())


# ------------------------------------------------------------------------------------------ running


@lru_cache(maxsize=256)
def _facts(scenario: Scenario, mutant: str) -> Facts:
    """Run a scenario; the result depends on scenario and mutant alone."""
    from pyemu import Machine, Tree

    machine = Machine(scenario, Tree.after)
    if mutant:
        _MUTATE[mutant](machine)
    return facts_of(machine.run(), "T")


def _forgets_tried(machine: Machine) -> None:
    """Let no attempt of the loop say TRIED."""
    own = machine.executor.functions["do_user_addr_fault"]

    async def do_user_addr_fault(*args: Any) -> None:
        loop, answer = own(*args), None
        try:
            while True:
                answer = await _untried(loop.send(answer))
        except StopIteration:
            return

    machine.executor.functions = {**machine.executor.functions, "do_user_addr_fault": do_user_addr_fault}


def _untried(effect: Effect[Any]) -> Effect[Any]:
    from pyemu.calls.memory import handle_mm_fault

    if effect.op == "call" and effect.args[0] == "handle_mm_fault":
        vma, address, flags = effect.args[1:]
        return handle_mm_fault(vma, address, flags & ~FAULT_FLAG_TRIED)
    return effect


def _drops_always(machine: Machine) -> None:
    """Let who waits for a page lock drop mmap_sem at every attempt."""
    machine.world.policies = replace(machine.world.policies, drops_on_first_try_only=False)


def _first_only(machine: Machine) -> None:
    """Let handle_userfault wait at the first attempt only."""
    own = machine.executor.functions["handle_userfault"]

    async def handle_userfault(vma: Any, address: int, flags: int, reason: int) -> int:
        if flags & FAULT_FLAG_TRIED:
            return VM_FAULT_SIGBUS
        bits: int = await own(vma, address, flags, reason)
        return bits

    machine.executor.functions = {**machine.executor.functions, "handle_userfault": handle_userfault}


_MUTATE = {"a": _forgets_tried, "b": _drops_always, "c": _first_only}
