"""``faultlab functions``: the kernel's functions, where Linux has them, and where ours stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from pyemu.errors import MaterialError


@dataclass(frozen=True, slots=True)
class Row:
    """One function.

    Attributes
    ----------
    name : str
        Ours.
    c_name, c_file : str
        How it is called in Linux v5.7, and where it stands there; empty when it is ours alone.
    place : str
        Module and line of our code.
    what : str
        What it does.
    """

    name: str
    c_name: str
    c_file: str
    place: str
    what: str


def rows() -> list[Row]:
    """Give every declared kernel function, by C file and name; those that are ours alone come last."""
    import inspect

    from pyemu import kernel
    from pyemu.calls import CALLS
    from pyemu.calls.declare import BUILDERS

    code = kernel.load()
    found = [
        Row(
            name,
            call.c_name,
            call.c_file,
            f"{code[name].__module__}:{inspect.getsourcelines(code[name])[1]}",
            (BUILDERS[name].__doc__ or "").strip().split("\n")[0],
        )
        for name, call in CALLS.items()
    ]
    return sorted(found, key=lambda row: (not row.c_file, row.c_file, row.c_name, row.name))


def functions(
    name: Annotated[str, typer.Argument(help="Only functions and files with this in their name.")] = "",
) -> None:
    """Show the kernel's functions: the C name, the C file, and where ours stands."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    chosen = [row for row in rows() if name in f"{row.name} {row.c_name} {row.c_file} {row.place}"]
    if not chosen:
        raise MaterialError(
            f"no kernel function has {name!r} in its name, its C file or its module. Leave the word out to "
            "see all."
        )
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Linux v5.7", "File", "Ours", "What it does"):
        grid.add_column(heading, overflow="fold")
    for row in chosen:
        ours = row.place if row.name == row.c_name else f"{row.place} {row.name}"
        grid.add_row(row.c_name or "-", row.c_file or "ours alone", ours, row.what)
    Console(highlight=False, markup=False).print(grid)
