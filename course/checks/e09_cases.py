"""The cases of exercise E9: a form about sh's handler, the learner's scenario, and the mended handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.draw import Draw
from course.checks.facts import plural
from course.checks.kernel_case import KernelCase
from course.checks.sketched import scenario_of
from course.child_functions import Answers
from pyemu.flags import VM_FAULT_OOM, VM_FAULT_RETRY, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from pyemu.scenario import Scenario

__all__ = ["errors", "left_alone", "reviewed", "shown"]

ROWS = {
    "served": (0, False),
    "RETRY": (VM_FAULT_RETRY, False),
    "RETRY, killed": (VM_FAULT_RETRY, True),
    "OOM": (VM_FAULT_OOM, False),
    "OOM, killed": (VM_FAULT_OOM, True),
    "SIGBUS": (VM_FAULT_SIGBUS, False),
    "SIGSEGV": (VM_FAULT_SIGSEGV, False),
}
"""What handle_mm_fault gave, and whether SIGKILL is pending, by the names of the form."""

UNBALANCED = "bad unlock balance"


def reviewed() -> CallCase:
    """The form: how often is mmap_sem released on each path, which patch did it, what is the trouble."""
    return CallCase(
        "the form",
        "sh's handler of Linux v5.7, after handle_mm_fault has come back, in user mode.",
        _form,
        {**{row: _released(*seen) for row, seen in ROWS.items()}, "PATCH": 8, "TROUBLE": "too many"},
        said=_said,
    )


def _released(fault: int, killed: bool) -> int:
    """Say how often sh releases mmap_sem from patch 8 on."""
    from course.series.decisions.attempt import FAULT_FLAG_ALLOW_RETRY, Attempt
    from course.series.decisions.p08_sh import after
    from course.series.decisions.records import Mode, Pending
    from pyemu.arches import arch_of

    pending = Pending.KILL if killed else Pending.NONE
    return after(Attempt(arch_of("sh"), Mode.USER, pending, fault, FAULT_FLAG_ALLOW_RETRY)).unlocks


def _form(answers: Answers) -> dict[str, Any]:
    table = answers.value("RELEASES")
    if not isinstance(table, Mapping):
        raise HandlerFault("form", "RELEASES must be a dict, with a number for each path.")
    given = {row: table.get(row) for row in ROWS}
    given |= {name: answers.value(name) for name in ("PATCH", "TROUBLE")}
    for name, value in given.items():
        if value is None:
            raise Unwritten(f"there is no answer for {name!r}.")
    return given


def _said(name: str, value: Any) -> str:
    if name in ROWS:
        return f"path {name!r}: {plural(value, 'release') if isinstance(value, int) else value!r}"
    return f"{name}: {value}"


def shown() -> CallCase:
    """The learner's scenario, run on sh before and with patch 8."""
    return CallCase(
        "your scenario",
        "It is run twice: on a kernel with the first seven patches, and on one with patch 8 as well.",
        _play,
        {"on sh, with patch 8": UNBALANCED, "on sh, before patch 8": "no rule is broken"},
        said=lambda name, value: f"{name}: {value}",
    )


def _play(answers: Answers) -> dict[str, Any]:
    from pyemu import Tree, run

    scenario = scenario_of(answers.value("SCENARIO"), "SCENARIO")
    before, after = (run(scenario, Tree.upto(patch)) for patch in (7, 8))
    rules = [[one.rule for one in result.violations] for result in (before, after)]
    of = [
        UNBALANCED if UNBALANCED in broken else broken[0] if broken else "no rule is broken"
        for broken in rules
    ]
    return {
        "on sh, before patch 8": of[0],
        "on sh, with patch 8": of[1]
        if scenario.machine.arch == "sh"
        else f"that was {scenario.machine.arch}",
        "arch": scenario.machine.arch,
        "faults": [int(event.a) for event in after.trace.select("attempt_end")],
    }


def _case(name: str, happens: str, numbers: dict[str, Any], **words: str) -> KernelCase:
    from course.sketch import sketch
    from pyemu.tree import Tree

    made: Scenario = sketch(name, arch="sh", **words)
    tree = Tree.parse("v5_7+B6")
    return KernelCase(made, happens, numbers, tree=tree, replaced={"do_arch_fault": "sh_page_fault"})


def errors(draw: Draw) -> tuple[KernelCase, ...]:
    """An error of each kind, and one in kernel mode."""
    page, do = draw("page", (1, 2, 3)), draw("access", ("read", "write"))
    return (
        _case(
            "SIGBUS",
            f"T {do}s page {page} of a file that has one page, page 0.",
            {"error": "SIGBUS"},
            area="file",
            T=f"{do} {page}",
        ),
        _case(
            "SIGSEGV",
            f"T {do}s page {page} of a driver that says VM_FAULT_SIGSEGV.",
            {"error": "SIGSEGV"},
            area="sigsegv",
            T=f"{do} {page}",
        ),
        _case(
            "SIGBUS in kernel mode",
            f"T calls write() with page {page} of a file that has one page, page 0.",
            {"error": "SIGBUS"},
            area="file",
            T=f"tmpfs_write {page}",
        ),
    )


def left_alone(draw: Draw) -> tuple[KernelCase, ...]:
    """What patch 8 did well, and a fault that finds no area."""
    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(1_000, 9_000, 500))
    kill = f"pause ticks={ticks}; signal task=T signal=SIGKILL"
    return (
        _case(
            "OOM",
            f"T reads a page of a driver that finds no memory; after {ticks} us T is killed.",
            {"error": "OOM"},
            area="oom",
            apart="S",
            T=f"read {page}",
            S=kill,
        ),
        _case(
            "RETRY",
            f"T reads page {page}, which is missing; M brings it.",
            {"error": "RETRY"},
            T=f"read {page}",
            M=f"wait_message; pause ticks={ticks}; copy {page}",
        ),
        _case(
            "RETRY, killed",
            f"T calls write() with page {page}, which is missing; after {ticks} us T is killed.",
            {"error": "RETRY"},
            T=f"tmpfs_write {page}",
            M=f"wait_message; {kill}",
        ),
        _case(
            "no area",
            f"T unmaps page {page}, and reads it.",
            {"error": "no area"},
            area="private",
            T=f"munmap {page}; read {page}",
        ),
    )
