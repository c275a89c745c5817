"""What is wrong with a learner's own tests of the loop, in exercise E4."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.e04_mutants import KERNEL
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause

__all__ = ["TEST_CAUSES"]

Numbers = dict[str, int | str] | None


def vacuous_tests(run: CallRun) -> Numbers:
    """The tests let the kernel pass, and a mutant too."""
    return {"mutant": run.case.numbers["mutant"]} if KERNEL not in run.wrong and run.wrong else None


def false_alarm(run: CallRun) -> Numbers:
    """A test does not let the kernel pass."""
    if KERNEL not in run.wrong:
        return None
    return {"test": str(run.mine[KERNEL]).removeprefix("test ").partition(",")[0]}


def of_tests(shows: Callable[[CallRun], Numbers]) -> Callable[[KernelRun | CallRun], Numbers]:
    """Let a cause look at runs of the learner's tests only."""
    return lambda run: shows(run) if isinstance(run, CallRun) else None


TEST_CAUSES = (
    Cause(
        "false-alarm",
        of_tests(false_alarm),
        "That test asks for something that the kernel does not do: above stand the kernel's value and yours. "
        "Run its scenario, print the trace, and see why. The kernel must pass all tests, so one such test "
        "costs all three checks.",
        "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, from the label `retry`",
    ),
    Cause(
        "vacuous-tests",
        of_tests(vacuous_tests),
        "None of your tests can tell this mutant from the kernel: in your scenarios both do the same, or you "
        "don't ask for what differs. Think of what must happen so that the mutant does something else.",
        "Linux v5.7, include/linux/mm.h, fault_flag_allow_retry_first",
    ),
)
