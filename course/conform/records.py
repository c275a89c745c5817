"""Files of records: one JSON object on a line, checked key by key before anything runs.

There are four kinds: ``userfault`` (one access served by a monitor), ``sequence`` (plain steps),
``slow_file`` (a major fault on a slow disk) and ``script`` (a monitor's script on a kernel with single
patches switched).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.conform.experiment import Experiment
from course.conform.kernels import series
from course.conform.script import Script
from course.conform.slow_file import SlowFault
from pyemu.errors import RecordError

Value = str | int | bool

UNREAD = "unread"
"""Stands for a perf event that the recording program was not allowed to count."""

# What identifies a record, apart from its kernel.
IDENTITY: dict[str, tuple[str, ...]] = {
    "userfault": ("access", "mem", "event", "user_mode_only"),
    "sequence": ("case", "step"),
    "slow_file": ("path", "event"),
    "script": ("tree", "group", "access", "mem", "signals", "script"),
}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number_or_unread(value: Any) -> bool:
    return _number(value) or value == UNREAD


def _bit(value: Any) -> bool:
    return _number(value) and value in (0, 1)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


RULES: dict[Callable[[Any], bool], str] = {
    _text: "a text",
    _number: "a whole number",
    _number_or_unread: f"a whole number, or {UNREAD!r}",
    _bit: "0 or 1",
    _truth: "true or false",
}
_COUNTERS = dict.fromkeys(
    ("minflt", "majflt", "sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj"), _number
)
_PERF = dict.fromkeys(("sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj"), _number_or_unread)
# Keys that a record of a kind must have, besides `kind` and `kernel`; others are information.
KEYS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "userfault": {
        "access": _text,
        "mem": _text,
        "event": _text,
        "user_mode_only": _truth,
        "outcome": _text,
        "messages": _number,
        "state_blocked": _text,
        "state_after_action": _text,
        "handler_runs": _number,
        "handler_before_resolve": _bit,
        "stopped_before_resolve": _bit,
        "exit_before_resolve": _bit,
        **_COUNTERS,
        **_PERF,
    },
    "sequence": {"case": _text, "step": _text, "pte": _text, **_COUNTERS},
    "slow_file": {
        "path": _text,
        "event": _text,
        "outcome": _text,
        "state_blocked": _text,
        "handler_runs": _number,
        **_COUNTERS,
    },
    "script": {
        **dict.fromkeys(("tree", "group", "access", "mem", "signals", "script"), _text),
        **dict.fromkeys(("outcome", "states", "trace"), _text),
        **dict.fromkeys(("handler_runs", "exceptions", "attempts", "acquisitions"), _number),
        **dict.fromkeys(("messages", "sleeps", "minflt", "majflt"), _number),
        "handler_before_resolve": _bit,
        "spin": _truth,
    },
}
# What a record has instead when the userfaultfd could not be made: the recording program went no further.
REFUSED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("access", "mem", "event", "setup_error"), _text),
    "user_mode_only": _truth,
}
Done = Experiment | SlowFault | Script


@dataclass(frozen=True, slots=True)
class Record:
    """One result of a real kernel.

    Attributes
    ----------
    file : str
        Where it stands.
    line : int
        On which line, from 1.
    kernel, kind : str
        The kernel's label; a key of `KEYS`.
    values : dict of str to str, int or bool
        The whole record.
    done : Experiment, SlowFault, Script or None
        What was done; None for a sequence, whose steps are looked up by their names.
    """

    file: str
    line: int
    kernel: str
    kind: str
    values: dict[str, Value]
    done: Done | None = None

    @property
    def identity(self) -> dict[str, Value]:
        """What tells the record from others of its kernel and kind."""
        return {key: self.values[key] for key in IDENTITY[self.kind]}

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


def read_records(paths: Iterable[Path]) -> list[Record]:
    """Read files of records.

    Parameters
    ----------
    paths : iterable of Path
        Files of JSON lines; an empty line is no record.

    Returns
    -------
    list of Record
        In the order of the files and of their lines; none is left out.

    Raises
    ------
    RecordError
        For the first file or line that can't be read; the text names file, line, key, value and rule.
    """
    return [record for path in paths for record in _read_file(path)]


def _read_file(path: Path) -> list[Record]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecordError(f"records {path} don't exist: name a file of JSON lines. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(
            f"records {path} can't be read: {error}. A file of records is UTF-8 text, one JSON object on "
            "a line."
        ) from None
    lines = enumerate(text.split("\n"), 1)  # JSON may hold other line separators inside its texts
    records = [_read_line(str(path), number, line) for number, line in lines if line.strip()]
    if not records:
        raise RecordError(f"records {path} are empty: a file of records has one JSON object on a line.")
    return records


def _read_line(file: str, line: int, text: str) -> Record:
    place = f"{file}:{line}"
    mend = "Mend this line, or take it out."
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{place}: {_short(text)} is no JSON ({error}): a record is one JSON object on a line. {mend}"
        ) from None
    if not isinstance(values, dict):
        raise RecordError(f"{place}: {_short(text)} is no object: a record is one JSON object. {mend}")

    def check(key: str, rule: Callable[[Any], bool]) -> None:
        if key not in values:
            raise RecordError(f"{place}: key {key!r} is missing: it must be {RULES[rule]}. {mend}")
        if not rule(values[key]):
            raise RecordError(
                f"{place}: key {key!r} is {_short(json.dumps(values[key]))}: it must be {RULES[rule]}. {mend}"
            )

    for key in ("kind", "kernel"):
        check(key, _text)
    kind, kernel = values["kind"], values["kernel"]
    if kind not in KEYS:
        raise RecordError(
            f"{place}: key 'kind' is {_short(kind)}: it must be one of {', '.join(KEYS)}. {mend}"
        )
    refused = kind == "userfault" and "setup_error" in values
    for key, rule in (REFUSED if refused else KEYS[kind]).items():
        check(key, rule)
    try:
        series(kernel)
        done = _done(kind, values)
    except RecordError as error:
        raise RecordError(f"{place}: {error}") from None
    return Record(file, line, kernel, kind, values, done)


def _done(kind: str, values: dict[str, Value]) -> Done | None:
    """Give what was done, with its names checked."""

    def named(*keys: str) -> list[str]:
        return [str(values[key]) for key in keys]

    match kind:
        case "userfault":
            access, event, mem = named("access", "event", "mem")
            return Experiment(access, event, mem, bool(values["user_mode_only"]))
        case "slow_file":
            return SlowFault(*named("path", "event"))
        case "script":
            return Script(*named("group", "access", "mem", "signals", "script"))
        case _:
            return None


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 60 else text[:57] + "..."
