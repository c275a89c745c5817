"""An explore case tries every order of moves, and gives the shortest that fails as a run."""

from __future__ import annotations

from course.checks.explore_case import ExploreCase
from course.checks.scenarios import scenario

READ = {"do": "read", "area": "V", "page": 1}
COPY = {"do": "copy", "area": "V", "page": 1, "byte": 5}
CASE = ExploreCase(
    scenario("race", "A page that comes at any moment", {"userfaultfd": True}, [READ], [COPY]),
    "T reads page 1, and M brings it at any moment.",
)
QUEUE = "    wait = await userfaultfd_queue(context, address & PAGE_MASK, 0, TASK_KILLABLE)\n"
LOOK = "    must_wait = await userfaultfd_must_wait(mm, address, reason)\n"


def function(*lines: str) -> str:
    return "".join(
        (
            "async def handle_userfault(vma, address, flags, reason):\n",
            "    mm = await vma.vm_mm\n",
            "    context = await vma.vm_userfaultfd_ctx\n",
            *lines,
            "    await up_read(mm)\n",
            "    if must_wait:\n",
            "        await wake_up_poll(context)\n",
            "        await schedule()\n",
            "    await userfaultfd_dequeue(wait)\n",
            "    return VM_FAULT_RETRY\n",
        )
    )


def test_who_queues_before_it_looks_is_right_in_every_order():
    run = CASE.play(function(QUEUE, LOOK), ["handle_userfault"])
    assert (run.problem(()), run.findings, run.rules) == ("", (), frozenset())
    mine, right = run.told(())
    assert mine == "right in every order of moves"
    assert right.startswith("right in every order of moves; ")


def test_what_the_kernel_does_wrong_itself_is_held_against_nobody():
    pin = {"do": "pin", "area": "V", "page": 1, "entry": "get_user_pages_unlocked"}
    closing = scenario("close", "A monitor that closes", {"userfaultfd": True}, [pin], [{"do": "close"}])
    early = "    if await context.released:\n        return VM_FAULT_NOPAGE\n"
    heeds = LOOK.replace("reason)", "reason) and not await context.released")
    run = ExploreCase(closing, "M closes at any moment.").play(
        function(early, QUEUE, heeds), ["handle_userfault"]
    )
    assert run.problem(()) == ""
    assert run.known == frozenset({"livelock", "spin"})
    assert run.told(())[1].endswith("; what the kernel itself does: livelock, spin")


def test_who_looks_before_it_queues_gets_the_shortest_order_that_fails():
    run = CASE.play(function(LOOK, QUEUE), ["handle_userfault"])
    assert run.problem(()).startswith("Lost wake-up: T sleeps in the queue of its userfaultfd")
    assert "lost wake-up" in run.rules
    assert run.told(())[0].startswith("in this order of moves: T*")
    assert run.mine.end == "stopped"


def test_an_ending_that_the_kernel_does_not_know_is_a_problem():
    source = "async def handle_userfault(vma, address, flags, reason):\n    return VM_FAULT_HWPOISON\n"
    problem = CASE.play(source, ["handle_userfault"]).problem(())
    assert "SIGBUS" in problem


def test_a_function_that_crashes_is_a_finding():
    source = (
        "async def handle_userfault(vma, address, flags, reason):\n    raise NotImplementedError('later')\n"
    )
    run = CASE.play(source, ["handle_userfault"])
    assert [finding.rule for finding in run.findings] == ["crash"]
    assert "NotImplementedError" in run.problem(())


def test_what_a_function_prints_is_kept():
    run = CASE.play(function("    print('queue')\n", QUEUE, LOOK), ["handle_userfault"])
    assert set(run.printed.splitlines()) == {"queue"}
