"""What the running kernel did, as a record: a line that ``faultlab conform`` reads and judges.

A record's label is the kernel's version alone, as in the recordings; the whole release, the machine and what
perf was allowed to count stand beside it. What could not be counted says so, and is not made up.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

import pyemu
from course.conform.experiment import ACCESSES, Experiment, Side
from course.conform.records import UNREAD, Record, Value
from course.live.monitor import Answer
from pyemu.errors import FaultlabError, RecordError

__all__ = ["label", "record_of", "write"]

RESOLVES = ("copy", "unregister", "close")
PERF = ("sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj")


def label(release: str) -> str:
    """Give the version in a release: ``6.18.44`` of ``6.18.44-generic``.

    Raises
    ------
    RecordError
        When it doesn't begin with one.
    """
    found = re.match(r"\d+\.\d+(\.\d+)*", release)
    if found is None:
        raise RecordError(f"the kernel calls itself {release!r}: that begins with no version, as 6.18.44 is.")
    return found[0]


def record_of(
    done: Experiment, answer: Answer, number: int = 1, release: str | None = None, n_cpus: int | None = None
) -> Record:
    """Make a record of what happened.

    Parameters
    ----------
    done : Experiment
        What was done.
    answer : Answer
        What the kernel did.
    number : int
        Which run of it this was, from 1.
    release : str, optional
        Of the kernel; None: of the one that runs here.
    n_cpus : int, optional
        Of the machine; None: of this one.

    Returns
    -------
    Record
        With the fields of a recording.
    """
    release = release or platform.release()
    order = answer.order
    resolve = next((place for place, word in enumerate(order) if word in RESOLVES), len(order))
    action = next((place for place, word in enumerate(order) if word.startswith("SIG")), 0)
    told = answer.results[-1] if answer.end == "done" else dict.fromkeys(("minflt", "majflt", *PERF), 0)
    samples = dict(answer.samples)
    flags = [hex(one) for one in answer.flags[:2]]
    user_mode = ACCESSES[done.access] is Side.USER
    counts = answer.end != "done" or answer.perf == "all" or (answer.perf == "user" and user_mode)
    values: dict[str, Value] = {
        "kernel": label(release),
        "kind": "userfault",
        "access": done.access,
        "mem": done.mem,
        "event": done.event,
        "outcome": answer.outcome,
        "messages": len(answer.flags),
        "messages_before_action": order[:action].count("message"),
        "messages_at_resolve": order[:resolve].count("message"),
        "first_flags": flags[0] if flags else "0x0",
        "second_flags": flags[1] if len(flags) > 1 else "none0",
        "state_blocked": samples.get("blocked", "-"),
        "state_after_action": samples.get("after", "-"),
        "handler_runs": order.count("handler"),
        "handler_before_resolve": int("handler" in order[:resolve]),
        "stopped_before_resolve": int("T" in samples.values()),
        "exit_before_resolve": int(resolve == len(order) and "end" in order),
        "minflt": told["minflt"],
        "majflt": told["majflt"],
        **{name: told.get(name, UNREAD) if counts else UNREAD for name in PERF},
        "blocked_us": told.get("blocked_us", 0),
        "user_mode_only": answer.user_mode_only,
        "order": " ".join(order if len(order) < 50 else [*order[:20], "...", *order[-5:]]),
        "perf": answer.perf,
        "run": number,
        "release": release,
        "machine": platform.machine(),
        "n_cpus": n_cpus or os.cpu_count() or 0,
        "recorder": f"faultlab live {pyemu.__version__}",
    }
    as_done = Experiment(done.access, done.event, done.mem, answer.user_mode_only)
    return Record("this kernel", number, label(release), "userfault", values, as_done)


def write(path: Path, records: Iterable[Record]) -> None:
    """Write a file of records, one JSON object on a line.

    Raises
    ------
    FaultlabError
        When it can't be written.
    """
    try:
        path.write_text("".join(json.dumps(one.values) + "\n" for one in records), encoding="utf-8")
    except OSError as error:
        raise FaultlabError(
            f"--record {path} can't be written: {error.strerror}. It must be a file in a folder that exists "
            "and that you may write to."
        ) from None
