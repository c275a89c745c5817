"""A learner's kernel on a small memory, beside the kernel of the emulator (`touch`) on its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from course.memory.own import decision
from course.memory.small_run import Kernel, SmallAccess, SmallFault, SmallRun, small_run
from course.memory.touch import touch
from pyemu.handler import HandlerFault, crash

__all__ = ["kernel_run", "try_kernel"]


@lru_cache(maxsize=256)
def kernel_run(steps: tuple[str, ...]) -> SmallRun:
    """Do the same steps on the emulator, with its kernel; see `small_run`."""
    touched = touch(*steps)
    accesses = tuple(
        SmallAccess(
            one.step,
            one.outcome.removeprefix("ret="),
            tuple(SmallFault(fault.error_code, decision(fault, one)) for fault in one.faults),
        )
        for one in touched.accesses
    )
    counted = [fault.counted for fault in touched.faults]
    return SmallRun(accesses, counted.count("minor"), counted.count("major"))


def try_kernel(*steps: str, page_fault: Any, fork: Any, dontneed: Any) -> None:
    """Do steps with a learner's kernel, and print what each comes to, beside the emulator's own kernel.

    Parameters
    ----------
    *steps : str
        As for `touch`.
    page_fault, fork, dontneed : callable
        The learner's functions; see `Kernel`.

    Raises
    ------
    FaultlabError
        A text is no step, or none of those here.
    """
    functions = {"page_fault": page_fault, "fork": fork, "dontneed": dontneed}
    right = kernel_run(steps)
    try:
        mine = small_run(steps, Kernel(*(partial(_asked, *one) for one in functions.items())))
    except HandlerFault as fault:
        print(fault)
        return
    for (name, text), wanted in zip(mine.told.items(), right.told.values(), strict=True):
        print(f"{name:<28} {text}" if text == wanted else f"{name:<28} {text}; the kernel's: {wanted}")
    for rule, text in dict.fromkeys(mine.broken):
        print(f"{rule}: {text}")
    print(f"minor faults: {mine.min_flt}; the kernel's: {right.min_flt}")


def _asked(name: str, function: Callable[..., object], *args: object) -> None:
    """Call a learner's function; what it raises is told as checks tell it."""
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001  whatever a learner's code raises is a finding
        raise crash(name, error) from None
