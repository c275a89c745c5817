"""The commands ``faultlab trace record``, ``show``, ``run`` and ``curve``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.table import Table

    from pyemu.memtrace import Memtrace

__all__ = ["group"]

group = typer.Typer(help="Record the memory accesses of a real command, and see what a TLB makes of them.")

File = Annotated[
    str, typer.Argument(metavar="FILE", help="What record wrote; sample: the one that comes along.")
]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers to FILE.")]
Pages = Annotated[str, typer.Option(metavar="4K|2M", help="The size of a page.")]


# Options stand before the command's first word: all that follows is the command's own.
@group.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def record(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="A program and its arguments.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="By default the program's name and .memtrace."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="End the command after N accesses.", min=1)
    ] = None,
) -> None:
    """Run a command under valgrind, and record every memory access that it makes.

    The command runs a few hundred times slower, and one second of it may be a billion accesses.
    """
    from datetime import UTC, datetime

    from course.explore.command import check_folder
    from course.trace.record import record as record_command
    from course.trace.report import counts

    path = output or Path(f"{Path(command[0]).name}.memtrace")
    check_folder(path)
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    totals = record_command(command, path, date, limit)
    typer.echo(f"{path}: {counts(totals)}; {totals.ended}.", err=True)


@group.command()
def show(file: File = "sample", pages: Pages = "4K", json_file: Json = None) -> None:
    """Show where a trace comes from, and which pages it touches."""
    from course.trace.report import shown, shown_as_json
    from course.trace.run import page_size, watched
    from pyemu.memtrace.pages import PageCounts

    _prepare(json_file)
    trace = _opened(file)
    found = PageCounts(page_size(pages))
    for chunk in watched(trace, "pages"):
        found.add(chunk)
    _show(shown(trace, found), json_file, lambda: shown_as_json(trace, found))


@group.command()
def run(
    file: File = "sample",
    tlb: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|SxW|SxW,SxW",
            help="A processor, such as skylake, or sets x ways of its levels. May be given several times.",
        ),
    ] = None,
    pages: Pages = "4K",
    json_file: Json = None,
) -> None:
    """Run a trace through the emulated MMU, and count hits, misses and walks."""
    from course.trace.report import ran
    from course.trace.run import page_size, tlb_named
    from course.trace.run import run as run_trace

    _prepare(json_file)
    names, size = tlb or ["16x4,128x12"], page_size(pages)
    for name in names:
        tlb_named(name, size)  # a mistake is told before the work
    trace = _opened(file)
    results = [run_trace(trace, name, size) for name in names]
    _show(ran(trace, results), json_file, lambda: {"runs": [one.as_json() for one in results]})


@group.command()
def curve(
    file: File = "sample",
    pages: Pages = "4K",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves, as .svg or .png.")
    ] = None,
    json_file: Json = None,
) -> None:
    """Give the curves of a trace: misses by TLB size, reach, working set, first accesses."""
    from course.trace.curve import measure
    from course.trace.plot import check_name, draw
    from course.trace.report import curves, title
    from course.trace.run import page_size

    _prepare(json_file, plot)
    if plot is not None:
        check_name(plot)
    size = page_size(pages)
    trace = _opened(file)
    found = measure(trace, size)
    _show(curves(trace, found), json_file, found.as_json)
    if plot is not None:
        draw(found, title(trace), plot)


def _opened(file: str) -> Memtrace:
    from pyemu.memtrace import Memtrace
    from pyemu.memtrace.sample import SAMPLE

    return Memtrace(SAMPLE if file == "sample" and not Path(file).exists() else file)


def _prepare(*paths: Path | None) -> None:
    from course.explore.command import check_folder

    for path in filter(None, paths):
        check_folder(path)


def _show(parts: Iterable[str | Table], json_file: Path | None, data: Callable[[], dict[str, Any]]) -> None:
    from course.explore.command import show as print_all

    print_all(parts)
    if json_file is not None:
        json_file.write_text(json.dumps(data(), indent=1) + "\n", encoding="utf-8")
