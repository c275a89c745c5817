"""``own_kernel``: the experiments of the records, on the kernel that runs here.

What it gives depends on the machine. So a notebook asks only if its reader says so: with ``""`` it shows a
recording in that place, the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from course.conform.experiment import ACCESSES, Experiment, Side
from course.conform.kernels import kernel_of
from course.conform.prediction import predict
from course.live import stored
from course.live.monitor import ask
from course.live.planning import plan_of
from course.live.recording import record_of
from course.live.tables import Shown, table_of
from course.live.uffd import Refused
from course.saying import say
from pyemu.errors import RecordError
from pyemu.tree import Tree

__all__ = ["own_kernel"]

INSTEAD = "6.18.44"  # the newest kernel that was recorded


def own_kernel(
    answer: str, *, event: str = "wake1", access: str = "user_read", user_mode_only: bool | None = None
) -> Shown | None:
    """Make an experiment on the kernel that runs here, beside the emulator.

    Parameters
    ----------
    answer : str
        ``yes`` to make it; anything else shows a recording.
    event, access : str
        As in `course.conform.experiment`: ``none``, ``wake1`` ...; ``user_read``, ``read_zero`` ...
    user_mode_only : bool, optional
        Whether the userfaultfd is made with UFFD_USER_MODE_ONLY; None: if the kernel allows nothing else.

    Returns
    -------
    Shown or None
        The kernel, its tree (or the nearest one) and Linux 5.7; None where the kernel does not answer and
        no such recording is stored.
    """
    if answer.strip().lower() != "yes":
        say(f'This is the recorded {INSTEAD}. Write "yes" between the quotes to ask the kernel you run on.')
        return _recorded(access, event, bool(user_mode_only))
    done = Experiment(access, event)
    try:
        told = ask(plan_of(done.scenario()), user_mode_only)
    except Refused as why:
        say(f"Your kernel can't be asked: {why} Here is the recorded {INSTEAD} in its place.")
        return _recorded(access, event, bool(user_mode_only))
    if told.user_mode_only and not user_mode_only:
        say("You are an ordinary user here: UFFD_USER_MODE_ONLY was used.")
    record = record_of(done, told)
    return _shown(
        f"your {record.values['release']}", record.kernel, _told(record.values), told.user_mode_only
    )


def _told(values: Mapping[str, object]) -> dict[str, object]:
    """Give what a victim could tell: one that was killed knows no counters."""
    killed = str(values["outcome"]).startswith(("killed", "HUNG"))
    return {**values} | (dict.fromkeys(("minflt", "majflt", "blocked_us"), None) if killed else {})


def _recorded(access: str, event: str, user_mode_only: bool) -> Shown | None:
    try:
        record = stored.experiment(INSTEAD, Experiment(access, event, user_mode_only=user_mode_only))
    except RecordError as error:
        say(str(error))
        return None
    return _shown(f"real {INSTEAD}", INSTEAD, record.values, user_mode_only)


def _shown(head: str, release: str, fields: Mapping[str, object], user_mode_only: bool) -> Shown:
    """Draw a kernel beside its own tree and, if it knew the experiment, Linux 5.7 [fact:series-goal]."""
    access, event = str(fields["access"]), str(fields["event"])
    ran = kernel_of(release)
    done = Experiment(access, event, user_mode_only=user_mode_only)
    models = {f"tree {ran.emulated}": predict(done, ran.tree, ran.computer).fields}
    # UFFD_USER_MODE_ONLY is younger than 5.7; for an access of user mode it makes no difference.
    if ACCESSES[access] is Side.USER or not user_mode_only:
        models[f"tree {Tree.v5_7}"] = predict(Experiment(access, event), Tree.v5_7, ran.computer).fields
    return table_of(f"{access}, {event}", {head: fields, **models})
