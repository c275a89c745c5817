"""Kernel cases: a scenario, run with the learner's functions in the kernel, and with the kernel's own.

Each run gets a fresh child for each function, so that nothing a function remembers, and no process that it
ended, reaches the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course.checks.difference import Difference, first_difference
from course.checks.facts import FACTS, Fact, Facts, facts_of
from course.checks.specification import Finding

if TYPE_CHECKING:
    from course.handlers import ChildHandler
    from pyemu.machine import Result
    from pyemu.scenario import Scenario
    from pyemu.sched.semantics import World
    from pyemu.tree import Tree

__all__ = ["OVERLOOKED", "KernelCase", "KernelRun", "enter_handlers"]

OVERLOOKED = frozenset({"I5"})
"""Rules that fail no check by themselves: the flag words are a behaviour of their own."""


@dataclass(frozen=True, slots=True)
class KernelCase:
    """One scenario of a check.

    Attributes
    ----------
    scenario : Scenario
        What is run.
    happens : str
        What happens in it, in a sentence or two, with the numbers of this case.
    numbers : mapping of str to int
        What causes need to know of it.
    task : str
        The task whose faults are looked at.
    tree : Tree or None
        The tree that it runs on; None is ``Tree.after``.
    replaced : mapping of str to str
        Kernel functions and the names of the learner's functions that replace them; empty when those
        names of the answer that are kernel functions replace them.
    wanted : mapping of str to object
        What is right where the kernel's own run is not: values by the names of facts. With it, the kernel's
        run is shown, but not taken for right.
    prepare : callable or None
        Changes a machine before it runs, where a scenario can't say how it begins; a function of a module.
    """

    scenario: Scenario
    happens: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    task: str = "T"
    tree: Tree | None = None
    replaced: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[World], None] | None = None

    def play(self, source: str, answers: Sequence[str]) -> KernelRun:
        """Run the scenario with the learner's functions; see `course.checks.specification.Case`."""
        from pyemu import Tree
        from pyemu.calls import CALLS

        tree = Tree.after if self.tree is None else self.tree
        replaced = self.replaced or {name: name for name in answers if name in CALLS}
        with ExitStack() as stack:
            handlers = enter_handlers(stack, source, replaced)
            mine = _run(self.scenario, tree, self.prepare, handlers)
        printed = "".join(handler.printed for handler in handlers.values())
        kernel = _kernel_run(self.scenario, tree, self.prepare, strict=not self.wanted)
        return KernelRun(self, mine, kernel, printed)


@dataclass(frozen=True, slots=True)
class KernelRun:
    """One case, run with the learner's functions and with the kernel's own.

    Attributes
    ----------
    case : KernelCase
        What was run.
    mine, kernel : Result
        What came of it with the learner's functions, and with the kernel's.
    printed : str
        What the learner's functions printed.
    """

    case: KernelCase
    mine: Result
    kernel: Result
    printed: str = ""

    @property
    def facts(self) -> Facts:
        """What the learner's run shows."""
        return facts_of(self.mine, self.case.task)

    @property
    def wanted(self) -> Facts:
        """What the kernel's run shows."""
        return facts_of(self.kernel, self.case.task)

    @property
    def rules(self) -> frozenset[str]:
        """Rules that the learner's run broke."""
        return frozenset(one.rule for one in self.mine.violations)

    @property
    def happens(self) -> str:
        """The scenario in words."""
        return f"{self.case.scenario.name}: {self.case.happens}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What stopped a learner's function."""
        return tuple(Finding(one.rule, one.text) for one in self.mine.findings)

    @property
    def difference(self) -> Difference | None:
        """The first event that differs from the kernel's run, where that one is right."""
        return None if self.case.wanted else first_difference(self.mine.trace, self.kernel.trace)

    def value(self, fact: str | Fact) -> Any:
        """Give what the learner's run shows of a fact."""
        return _fact(fact).of(self.mine, self.case.task)

    def right(self, fact: str | Fact) -> Any:
        """Give what a fact must be."""
        one = _fact(fact)
        if one.name in self.case.wanted:
            return self.case.wanted[one.name]
        return one.of(self.kernel, self.case.task)

    def problem(self, equal: Sequence[str | Fact]) -> str:
        """Say what is wrong, in a sentence; empty when nothing is."""
        for violation in self.mine.violations:
            if violation.rule not in OVERLOOKED:
                return f"{_begun(violation.rule)}: {violation.text}"
        if self.mine.end != ("done" if self.case.wanted else self.kernel.end):
            return f"The run did not come to an end: {self.mine.end_text}."
        for one in map(_fact, equal):
            mine, right = self.value(one), self.right(one)
            if mine != right:
                wanted = "it must be" if self.case.wanted else "with the kernel's own function"
                return f"{self.case.task}: {one.said(mine)}; {wanted}: {one.said(right)}."
        return ""

    def told(self, equal: Sequence[str | Fact]) -> tuple[str, str]:
        """Give both outcomes in words, the last access first."""
        facts = [FACTS["outcome"], *(one for one in map(_fact, equal) if one.name != "outcome")]
        mine = ", ".join(one.said(self.value(one)) for one in facts)
        return mine, ", ".join(one.said(self.right(one)) for one in facts)


def _begun(rule: str) -> str:
    """Begin a sentence with a rule, which may begin with a name: that keeps its small letter."""
    return rule if "_" in rule.split()[0] else f"{rule[:1].upper()}{rule[1:]}"


def _fact(fact: str | Fact) -> Fact:
    return FACTS[fact] if isinstance(fact, str) else fact


def enter_handlers(stack: ExitStack, source: str, replaced: Mapping[str, str]) -> dict[str, ChildHandler]:
    """Start a child for each function that replaces a kernel function; they end with the stack."""
    from course.handlers import ChildHandler

    return {
        function: stack.enter_context(ChildHandler(source, function, name))
        for function, name in replaced.items()
    }


def _run(
    scenario: Scenario,
    tree: Tree,
    prepare: Callable[[World], None] | None,
    override: Mapping[str, Any] | None = None,
    *,
    strict: bool = False,
) -> Result:
    """Make a machine, prepare it, and run it."""
    from pyemu.machine import Machine

    machine = Machine(scenario, tree, override)
    if prepare is not None:
        prepare(machine.world)
    return machine.run(strict=strict)


@lru_cache(maxsize=64)
def _kernel_run(
    scenario: Scenario, tree: Tree, prepare: Callable[[World], None] | None, strict: bool
) -> Result:
    """Run a scenario with the kernel's own code; the result depends on these alone."""
    return _run(scenario, tree, prepare, strict=strict)
