"""Asking another kernel, which qemu boots: all runs in one boot, then compared like those of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from course.conform.experiment import Experiment
from course.conform.kernels import kernel_of
from course.conform.records import Record
from course.live.asking import Asked
from course.live.monitor import Answer
from course.live.planning import plan_of
from course.live.qemu import N_CPUS, boot
from course.live.recording import label, record_of
from course.live.sides import emulated, name_of, not_here, sides_of

__all__ = ["asked_booted"]


def asked_booted(
    kernel: Path, wanted: Sequence[Experiment], runs: int, limit: float
) -> tuple[list[Asked], str]:
    """Make experiments on a kernel that qemu boots.

    Parameters
    ----------
    kernel : Path
        As in `course.live.qemu.boot`.
    wanted, runs, limit
        As in `course.live.asking.asked_all`. Nothing is done again: what chance does shows in several runs.

    Returns
    -------
    tuple of (list of Asked, str)
        In the same order; and the kernel's release.

    Raises
    ------
    FaultlabError
        When it can't be booted.
    """
    plans = [plan_of(done.scenario()) for done in wanted for _ in range(runs)]
    booted = boot(kernel, plans, limit)
    found: list[Asked] = []
    none: dict[tuple[str, str], Record] = {}
    for place, done in enumerate(wanted):
        told = booted.answers[place * runs : (place + 1) * runs]
        answers = [one for one in told if isinstance(one, Answer)]
        if not answers:
            model = emulated(done, kernel_of(label(booted.release)))
            found.append(Asked([], not_here(name_of(done), str(told[0]), model), False))
            continue
        records = [
            record_of(done, answer, number, booted.release, N_CPUS)
            for number, answer in enumerate(answers, 1)
        ]
        if done.event == "none":
            none.setdefault((done.access, done.mem), records[0])
        sides = sides_of(records, none.get((done.access, done.mem)), [answer.order for answer in answers])
        found.append(Asked(records, sides, answers[0].user_mode_only))
    return found, booted.release
