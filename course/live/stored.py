"""Recordings of real kernels that the package carries: lines of those that test `course.conform`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from course.conform.experiment import Experiment
from course.conform.records import Record, read_records
from course.conform.script import Script
from pyemu.errors import RecordError

__all__ = ["KERNELS", "experiment", "find", "script", "stored"]

FILE = Path(__file__).with_name("records.jsonl")
MORE = Path(__file__).with_name("more_records.jsonl")
KERNELS = ("5.4.59", "5.7.14", "6.1.176", "6.18.44")
"""The recorded kernels, oldest first."""


@cache
def stored() -> tuple[Record, ...]:
    """Give those that the lesson compares, in the order of the file."""
    return tuple(read_records([FILE]))


@cache
def more() -> tuple[Record, ...]:
    """Give those that only `find` knows: further events and accesses."""
    return tuple(read_records([MORE]))


def experiment(kernel: str, done: Experiment) -> Record:
    """Find what a kernel did in an experiment.

    Parameters
    ----------
    kernel : str
        One of `KERNELS`.
    done : Experiment
        What was done.

    Returns
    -------
    Record
        The recording.

    Raises
    ------
    RecordError
        When it is not among those that are stored; the text names those that are.
    """
    found = find(kernel, done)
    if found is not None:
        return found
    rows = [one for one in (*stored(), *more()) if one.kind == "userfault" and one.kernel == kernel]
    there = sorted({f"{row.values['access']} {row.values['event']}" for row in rows})
    raise RecordError(
        f"of kernel {kernel!r}, no recording of {done.access} {done.event} is stored: the kernels are "
        f"{', '.join(KERNELS)}, and of this one there are {', '.join(there) or 'none'}. Take one of these."
    )


def find(kernel: str, done: Experiment) -> Record | None:
    """Give what a kernel did in an experiment; None when that is not stored."""
    return next((one for one in (*stored(), *more()) if one.kernel == kernel and one.done == done), None)


def script(tree: str, group: str) -> Record:
    """Find a traced recording: Linux 5.7.14 with its patches switched as `tree` says.

    Parameters
    ----------
    tree, group : str
        As in a record: ``upto8`` and ``S13``.

    Returns
    -------
    Record
        The recording.

    Raises
    ------
    RecordError
        When it is not among those that are stored; the text names those that are.
    """
    rows = {
        (str(r.values["tree"]), str(r.values["group"])): r for r in stored() if isinstance(r.done, Script)
    }
    if (tree, group) not in rows:
        there = ", ".join(" ".join(names) for names in rows)
        raise RecordError(f"no trace of {group!r} on tree {tree!r} is stored: there are {there}. Take one.")
    return rows[tree, group]
