"""The report of a conformance run: a table of groups, then every row that needs a word, then the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course.conform.comparison import MINOR
from course.conform.records import IDENTITY, Record, Value
from course.conform.replay import Row, Verdict

if TYPE_CHECKING:
    from rich.table import Table

SIGNED = "signed: the difference to the event none"
MEANING = {
    "tree": "the code that runs",
    "group": "what the script shows",
    "access": "what the victim does to a missing page",
    "mem": "anon: private memory; shmem: shared memory",
    "signals": "what SIGUSR1 does to the victim",
    "script": "what the monitor does",
    "case": "what is done",
    "step": "which step of it",
    "path": "how the page comes from the disk",
    "event": "what the monitor does",
    "setup_error": "the userfaultfd can't be made",
    "outcome": "how the access ends",
    "messages": "page-fault messages that the monitor reads",
    "messages_before_action": "of these, before the first signal",
    "messages_at_resolve": "of these, before the page is there",
    "first_flags": "flags of the first message (0x1: write)",
    "second_flags": "flags of the second",
    "state_blocked": "the victim's state 20 ms after the first message",
    "state_after_action": "its state after the signals",
    "states": "the victim's states at each st",
    "handler_runs": "runs of its signal handler",
    "handler_before_resolve": "a handler runs before the page is there",
    "stopped_before_resolve": "the victim stops before the page is there",
    "exit_before_resolve": "the access ends before the page is there",
    "exceptions": "page-fault exceptions",
    "attempts": "calls of handle_mm_fault",
    "acquisitions": "how often mmap_sem is taken",
    "sleeps": "sleeps that wait for the monitor",
    "minflt": "minor faults (getrusage)",
    "majflt": "major faults (getrusage)",
    "sw_page_faults": "perf event page-faults",
    "sw_page_faults_min": "perf event minor-faults",
    "sw_page_faults_maj": "perf event major-faults",
    "cpu_us": "time that the attempts take, us",
    "blocked_us": "time from the first exception to the end, us",
    "user_mode_only": "userfaultfd with UFFD_USER_MODE_ONLY",
    "pte": "the page afterwards, as /proc shows it",
    "si_code": "si_code of the signal",
    "spin": "the victim goes round in circles",
    "trace": "every attempt of the fault, word by word",
}


def as_json(rows: Sequence[Row], left_out: int) -> dict[str, Any]:
    """Give the whole run as plain data.

    Parameters
    ----------
    rows : sequence of Row
        One a record.
    left_out : int
        Records that a filter took out.

    Returns
    -------
    dict
        ``rows``, the sums by verdict and ``left_out``.
    """
    return {"rows": [row.as_json() for row in rows], "sums": _sums(rows), "left_out": left_out}


def table(rows: Sequence[Row]) -> Table:
    """Give the table: a line for each kernel, kind and access, with the number of rows by verdict."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("Kernel", "Tree", "Kind", "Access"):
        grid.add_column(name, no_wrap=True)
    for verdict in Verdict:
        grid.add_column(verdict.value.capitalize(), justify="right")
    groups: dict[tuple[str, ...], Counter[Verdict]] = {}
    for row in rows:
        groups.setdefault(_group(row), Counter())[row.verdict] += 1
    for group, counts in groups.items():
        grid.add_row(*group, *(str(counts[verdict] or "") for verdict in Verdict))
    return grid


def details(rows: Sequence[Row]) -> Iterator[str]:
    """Give the lines below the table: mismatches, allowances used, what was not compared or modelled."""
    mismatches = [row for row in rows if row.verdict is Verdict.MISMATCH]
    if mismatches:
        yield f"Mismatches (expected: the record; got: the emulator; of userfault, minor counters {SIGNED})"
        yield from (f"  {_name(row)}: {_pairs(row, row.comparison.differing)}" for row in mismatches)
    allowed = [row for row in rows if row.comparison.allowances]
    if allowed:
        yield f"Allowance of 1 used (a signal frame may fault; of userfault, {SIGNED})"
        yield from (f"  {_name(row)}: {_pairs(row, row.comparison.allowances)}" for row in allowed)
    yield from _reasons("Not compared", rows, _fields_by_reason)
    yield from _reasons("Not modelled", rows, lambda row: [row.reason] if row.reason else [])


def summary(rows: Sequence[Row], left_out: int) -> str:
    """Give the last line: the sums."""
    sums = ", ".join(f"{n} {verdict}" for verdict, n in _sums(rows).items())
    filtered = f"; {left_out} more were left out by a filter" if left_out else ""
    return f"{len(rows)} records: {sums}{filtered}."


def explain(fields: Mapping[str, Value]) -> Table:
    """Give a prediction as a table: field, value, what it means."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD)
    for name in ("Field", "Value", "Meaning"):
        grid.add_column(name, overflow="fold")
    for name, value in fields.items():
        grid.add_row(name, str(value).lower() if isinstance(value, bool) else str(value), MEANING[name])
    return grid


def _sums(rows: Sequence[Row]) -> dict[str, int]:
    counts = Counter(row.verdict for row in rows)
    return {verdict.value: counts[verdict] for verdict in Verdict}


def _group(row: Row) -> tuple[str, ...]:
    record = row.record
    tree = row.kernel.emulated if row.kernel else "-"
    access = str(record.values.get("path", "-"))
    if "access" in IDENTITY[record.kind]:
        access = f"{record.values['access']}, {record.values['mem']}"
    return record.kernel, tree, record.kind, access


def _name(row: Row) -> str:
    return f"{row.record.kernel} {_identity(row.record)} ({row.record.place})"


def _identity(record: Record) -> str:
    named = {**record.identity}
    only = ["user_mode_only"] if named.pop("user_mode_only", False) else []
    return " ".join([*(str(value) for value in named.values()), *only])


def _pairs(row: Row, fields: dict[str, dict[str, Value]]) -> str:
    differences = MINOR if row.record.kind == "userfault" else ()

    def shown(name: str, value: Value) -> str:
        return f"{int(value):+d}" if name in differences else str(value)

    return "; ".join(
        f"{name} expected {shown(name, pair['expected'])}, got {shown(name, pair['got'])}"
        for name, pair in fields.items()
    )


def _fields_by_reason(row: Row) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for name, reason in row.comparison.not_compared.items():
        reasons.setdefault(reason, []).append(name)
    return [f"{', '.join(sorted(names))}: {reason}" for reason, names in reasons.items()]


def _reasons(title: str, rows: Sequence[Row], of: Callable[[Row], list[str]]) -> Iterator[str]:
    counts = Counter(reason for row in rows for reason in of(row))
    if counts:
        yield title
        yield from (f"  {n} records: {reason}" for reason, n in counts.items())
