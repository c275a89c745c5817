"""Asking the kernel that runs here, experiment by experiment.

Where a run is not as the emulator says, the experiment is done again, up to `TRIES` times: what only a busy
machine did is not in all of them.
"""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Sequence
from dataclasses import dataclass

from course.conform.experiment import Experiment
from course.conform.kernels import kernel_of
from course.conform.records import Record
from course.live.monitor import Answer, ask
from course.live.planning import plan_of
from course.live.recording import label, record_of
from course.live.sides import Sides, emulated, name_of, not_here, sides_of
from course.live.uffd import Lacking
from pyemu.errors import FaultlabError

__all__ = ["Asked", "asked_all", "user_of"]

TRIES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one experiment.

    Attributes
    ----------
    records : list of Record
        One a run; none of a scenario that is no recorded experiment.
    sides : Sides
        Beside the emulator and the recordings.
    user_mode_only : bool
        The userfaultfd was made with UFFD_USER_MODE_ONLY.
    """

    records: list[Record]
    sides: Sides
    user_mode_only: bool


def user_of(name: str) -> int:
    """Give the number of the user whom root's victim becomes.

    Raises
    ------
    FaultlabError
        For who is not root, or where there is no such user.
    """
    if os.geteuid() != 0:
        raise FaultlabError("--as-user is for root, and you are an ordinary user already: leave it out.")
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise FaultlabError(f"--as-user: there is no user {name!r} on this machine. Leave it out.") from None


def asked_all(wanted: Sequence[Experiment], runs: int, limit: float, user: int | None) -> list[Asked]:
    """Make experiments on the kernel that runs here.

    Parameters
    ----------
    wanted : sequence of Experiment
        What to do; of each access the event ``none`` comes first.
    runs : int
        How often each is done.
    limit : float
        Seconds that one run may take.
    user : int, optional
        Whom the victim becomes.

    Returns
    -------
    list of Asked
        In the same order.

    Raises
    ------
    Refused
        There is no userfaultfd here, or not for this user.
    """
    found: list[Asked] = []
    none: dict[tuple[str, str], Record] = {}
    for done in wanted:
        answers: list[Answer] = []
        while True:
            try:
                answers.append(ask(plan_of(done.scenario()), None, limit, user))
            except Lacking as why:
                model = emulated(done, kernel_of(label(platform.release())))
                found.append(Asked([], not_here(name_of(done), str(why), model), False))
                break
            if len(answers) < runs:
                continue
            records = [record_of(done, answer, number) for number, answer in enumerate(answers, 1)]
            if done.event == "none":
                none.setdefault((done.access, done.mem), records[0])
            alone = none.get((done.access, done.mem))
            sides = sides_of(records, alone, [answer.order for answer in answers])
            if len(answers) >= TRIES or sides.n_agree == len(answers):
                found.append(Asked(records, sides, answers[0].user_mode_only))
                break
    return found
