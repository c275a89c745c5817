"""The command ``faultlab conform``: records against predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyemu.errors import FaultlabError, RecordError

if TYPE_CHECKING:
    from course.conform.records import Record


def conform(
    records: Annotated[list[Path], typer.Argument(help="Files of records, one JSON object on a line.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every row to this file as well.")
    ] = None,
    tree: Annotated[
        str | None,
        typer.Option(help="Run every record on this tree (such as after-9), not on that of its kernel."),
    ] = None,
    access: Annotated[str, typer.Option(metavar="NAME,...", help="Only the records of these accesses.")] = "",
    kernel: Annotated[
        str, typer.Option(metavar="LABEL,...", help="Only the records of these kernels (5.7 is 5.7.14, too).")
    ] = "",
    kind: Annotated[
        str,
        typer.Option(metavar="NAME,...", help="Only these kinds: userfault, sequence, slow_file or script."),
    ] = "",
) -> None:
    """Compare the emulator with recorded results of real kernels; status 0 only when every row is a match."""
    from course.conform.records import read_records
    from course.conform.replay import Verdict, replay
    from pyemu.tree import Tree

    code = Tree.parse(tree) if tree is not None else None
    found = read_records(records)
    wanted = _filter(found, _names(access), _names(kernel), _names(kind))
    rows = replay(found, wanted, code)
    left_out = len(found) - len(wanted)
    if json_file is not None:
        from course.conform.report import as_json

        _write(json_file, as_json(rows, left_out))
    _print_rows(rows, left_out)
    if any(row.verdict is not Verdict.MATCH for row in rows):
        raise typer.Exit(1)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _filter(
    found: Sequence[Record], accesses: list[str], kernels: list[str], kinds: list[str]
) -> list[Record]:
    """Take the records that a filter names; a kernel by its first two numbers."""
    from course.conform.experiment import ACCESSES, unknown
    from course.conform.kernels import series
    from course.conform.records import KEYS

    in_scripts = {str(record.values["access"]) for record in found if record.kind == "script"}
    for name in accesses:
        if name not in ACCESSES and name not in in_scripts:
            raise unknown("access", name, tuple(ACCESSES))
    for name in kinds:
        if name not in KEYS:
            raise unknown("kind", name, tuple(KEYS))
    labels = {series(label) for label in kernels}
    wanted = [
        record
        for record in found
        if (not accesses or record.values.get("access") in accesses)
        and (not labels or series(record.kernel) in labels)
        and (not kinds or record.kind in kinds)
    ]
    if not wanted:
        held = ", ".join(sorted({record.kernel for record in found}))
        raise RecordError(
            f"no record is left: --access, --kernel and --kind take out all {len(found)}. The files hold "
            f"kernels {held}; name one of them, or an access or a kind that was recorded there."
        )
    return wanted


def _write(path: Path, data: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise FaultlabError(
            f"--json {path} can't be written: {error.strerror}. It must be a file in a folder that exists "
            "and that you may write to."
        ) from None


def _print_rows(rows: Sequence[Any], left_out: int) -> None:
    from rich.console import Console

    from course.conform.report import details, summary, table

    console = Console(highlight=False, markup=False)
    console.print(table(rows))
    for line in (*details(rows), summary(rows, left_out)):
        console.print(line, soft_wrap=True)
