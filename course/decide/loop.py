"""The loop around `handle_mm_fault`: a learner's own, run beside the kernel's of Linux v5.7.

A learner writes the loop alone. What stands before and after it in ``do_user_addr_fault`` is here, without
the check of the access and without counting: exercise E4 has both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from course.conform.experiment import Experiment
from course.decide.words import say
from pyemu.calls.fault import mm_fault_error
from pyemu.effects.counters import perf_sw_event
from pyemu.effects.handles import current
from pyemu.effects.locks import up_read
from pyemu.effects.records import user_mode
from pyemu.errors import FaultlabError
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_DEFAULT,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    VM_FAULT_ERROR,
    X86_PF_WRITE,
)
from pyemu.machine import Result, run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["handler_of", "relocked", "try_loop", "wakes"]

Loop = Callable[[Any, Any, int, Any], Awaitable[Any]]
MOST = 1000  # of anything: a run stays short


def wakes(n: int) -> Scenario:
    """Give the scenario of a monitor that wakes T n times without a page, and then brings it.

    Parameters
    ----------
    n : int
        1 to 1000.

    Returns
    -------
    Scenario
        The access ``user_read`` of the recorded experiments, with the event ``wakeN``.

    Raises
    ------
    FaultlabError
        n is out of range.
    """
    return Experiment("user_read", f"wake{_checked(n)}").scenario()


def relocked(n: int) -> Scenario:
    """Give S9-relock with a page whose lock somebody takes n times.

    Parameters
    ----------
    n : int
        1 to 1000.

    Returns
    -------
    Scenario
        Runs on any tree.

    Raises
    ------
    FaultlabError
        n is out of range.
    """
    scenario = Scenario.load("S9-relock")
    holder, *others = scenario.tasks
    again = dataclasses.replace(holder, program=holder.program[:1] * _checked(n))
    return dataclasses.replace(scenario, name=f"relocked({n})", tasks=(again, *others))


def handler_of(loop: Loop) -> dict[str, Any]:
    """Put a loop into a fault handler, for `pyemu.run` and `pyemu.explore.explore`.

    Parameters
    ----------
    loop : callable
        ``async def my_loop(mm, regs, address, flags)``. Gives the last ``VM_FAULT_*`` word with mmap_sem
        held, or None with mmap_sem released: the fault is left for a signal.

    Returns
    -------
    dict of str to callable
        ``do_user_addr_fault``, with this loop in it. It counts nothing and checks no access, and a kernel
        copy that is left fails only at its next fault.
    """

    async def do_user_addr_fault(regs: Any, error_code: int, address: int) -> None:
        mm = await current.mm
        await perf_sw_event("page-faults")
        flags = FAULT_FLAG_DEFAULT | (FAULT_FLAG_USER if user_mode(regs) else 0)
        flags |= FAULT_FLAG_WRITE if error_code & X86_PF_WRITE else 0
        fault = await loop(mm, regs, address, flags)
        if fault is None:
            return
        await up_read(mm)
        if fault & VM_FAULT_ERROR:
            await mm_fault_error(regs, error_code, address, fault)

    return {"do_user_addr_fault": do_user_addr_fault}


def try_loop(loop: Loop) -> None:
    """Run a learner's loop and the kernel's on three scenarios, and say where they part first.

    Parameters
    ----------
    loop : callable
        As `handler_of` takes it.
    """
    print(f"{'':<29}{'the kernel, v5.7':<31}your loop")
    parted = ""
    for name, scenario in (
        ("20 wakes without a page", wakes(20)),
        ("a page locked 5 times", relocked(5)),
        ("a signal while T waits", Scenario.load("S10a")),
    ):
        kernel = run(scenario, Tree.after)
        try:
            yours = run(scenario, Tree.after, handler_of(loop))
        except FaultlabError as error:
            say(str(error))
            return
        print(f"{name:<29}{_shown(kernel):<31}{_shown(yours)}")
        parted = parted or _parted(name, kernel, yours)
    print()
    say(parted or "Your loop does what the kernel's does, and breaks no rule.")


def _shown(result: Result) -> str:
    task = result.tasks["T"]
    outcome = task.outcome if result.end == "done" and not result.findings else "never ends"
    n_faults = task.stats["exceptions"]
    within = f" in {n_faults} faults" if n_faults > 1 else ""
    return f"{outcome}, {task.stats['attempts']} attempts{within}"


def _parted(name: str, kernel: Result, yours: Result) -> str:
    """Say where a learner's loop parts from the kernel's, the likely cause first; empty if it doesn't."""
    cause = _cause(kernel, yours)
    return f"{name[0].upper()}{name[1:]}: {cause}" if cause else ""


def _cause(kernel: Result, yours: Result) -> str:
    ours, theirs = yours.tasks["T"].stats, kernel.tasks["T"].stats
    for broken in (*yours.findings, *yours.violations):
        if "handle_mm_fault without mmap_sem" in broken.text:
            return "an attempt ran without mmap_sem. RETRY came back without it: take it in each round."
        return broken.text
    last = int(yours.trace.select("attempt")[-1].a)
    if yours.tasks["T"].outcome.startswith("SIGBUS") and not last & FAULT_FLAG_ALLOW_RETRY:
        return (
            f"attempt {ours['attempts']} ran with flags {last:#x}. ALLOW_RETRY is gone, so it was not "
            "allowed to wait."
        )
    if yours.spins:
        return (
            f"T went round in circles without a wait, {ours['attempts']} attempts. The signal forbids the "
            "sleep, and your loop does not leave for it."
        )
    if ours["exceptions"] != theirs["exceptions"]:
        return (
            f"{ours['exceptions']} page faults, not {theirs['exceptions']}. Your loop left the fault when "
            "nothing called it away."
        )
    if _shown(yours) != _shown(kernel):
        return f"yours gives {_shown(yours)}; the kernel's {_shown(kernel)}."
    return ""


def _checked(n: int) -> int:
    if type(n) is not int or not 1 <= n <= MOST:
        raise FaultlabError(f"n is {n!r}; it must be a whole number from 1 to {MOST}.")
    return n
