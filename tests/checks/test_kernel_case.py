"""A kernel case runs a scenario with the learner's functions beside the kernel's own."""

from __future__ import annotations

from course.checks.kernel_case import KernelCase
from course.checks.scenarios import scenario
from pyemu.sched.semantics import World

READ = {"do": "read", "area": "V", "page": 1}
SOURCE = """
async def handle_userfault(vma, address, flags, reason):
    return VM_FAULT_SIGBUS if await current.exiting else VM_FAULT_HWPOISON
"""


def begins_to_exit(world: World) -> None:
    world.tasks[1].exiting = True


def test_both_runs_begin_as_the_case_says():
    case = KernelCase(
        scenario("late", "A task that ends", {"userfaultfd": True}, [READ], []),
        "T is on its way out, and reads page 1.",
        prepare=begins_to_exit,
    )
    run = case.play(SOURCE, ["handle_userfault"])
    assert (run.facts.outcome, run.facts.messages) == (run.wanted.outcome, run.wanted.messages)
    assert run.wanted.messages == 0
    assert run.problem(("outcome", "messages")) == ""
