"""``faultlab functions``: the kernel's functions: where Linux has them, where ours stand, who teaches them.

``course/functions.md`` is the same table as a page: ``faultlab functions --markdown`` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from pyemu.errors import MaterialError

# Which lessons and bridges of the curriculum read or run the functions of a module of pyemu.kernel.
LESSONS: dict[str, tuple[str, ...]] = {
    "apparatus": ("07b", "10"),
    "arch_fault": ("07b", "14"),
    "cow": ("03",),
    "direct_io": ("12b",),
    "driver": ("12a",),
    "fault": ("03", "06", "07a", "10"),
    "fault_errors": ("03", "07b"),
    "file_fault": ("03", "14"),
    "filemap": ("04",),
    "fixup": ("12b",),
    "fork": ("03",),
    "futex": ("12b",),
    "gup": ("12a",),
    "gup_locked": ("12b",),
    "hole": ("04",),
    "hugetlb": ("12a",),
    "hugetlb_gup": ("12a",),
    "iov_iter": ("12b",),
    "khugepaged": ("09",),
    "kvm": ("12a", "14"),
    "kvm_s390": ("07b",),
    "mcontinue": ("14",),
    "mcopy": ("05",),
    "mcopy_hugetlb": ("12a",),
    "memory": ("03",),
    "mempolicy": ("12b",),
    "migrate": ("04",),
    "mlock": ("12a",),
    "mmap": ("08",),
    "mprotect": ("03",),
    "pipe": ("06", "B4"),
    "populate": ("12a",),
    "proc_mem": ("12a",),
    "process_vm": ("12b",),
    "read_write": ("B4", "09"),
    "reclaim": ("11",),
    "shmem": ("03", "05"),
    "signal": ("B3", "07a"),
    "splice": ("12b",),
    "swap": ("04", "11"),
    "syscalls": ("B2", "B3"),
    "truncate": ("04",),
    "uaccess": ("B4",),
    "userfaultfd": ("05", "08", "09"),
    "userfaultfd_ioctl": ("05", "11"),
    "writeback": ("03",),
}


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
    lessons : tuple of str
        Which lessons read or run it.
    """

    name: str
    c_name: str
    c_file: str
    place: str
    what: str
    lessons: tuple[str, ...]

    @property
    def module(self) -> str:
        """Our module, without the line."""
        return self.place.partition(":")[0]


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
            LESSONS[code[name].__module__.rpartition(".")[2]],
        )
        for name, call in CALLS.items()
    ]
    return sorted(found, key=lambda row: (not row.c_file, row.c_file, row.c_name, row.name))


def markdown(chosen: list[Row]) -> str:
    """Write the table as a page; it names no lines, which change too often."""
    lines = [
        "# Kernel functions",
        "",
        "Each function of Linux that we model: its C name and file (of v5.7, or of the version that our text",
        "names), our module, and the lessons that use it. `faultlab functions --markdown` writes this page.",
        "",
        "| Linux | File | Ours | Lessons | What it does |",
        "|---|---|---|---|---|",
    ]
    for row in chosen:
        ours = f"`{row.module}`" if row.name == row.c_name else f"`{row.module}`, `{row.name}`"
        c_name = f"`{row.c_name}`" if row.c_name else "-"
        lines.append(
            f"| {c_name} | {row.c_file or 'ours alone'} | {ours} | {', '.join(row.lessons)} | {row.what} |"
        )
    return "\n".join(lines) + "\n"


def functions(
    name: Annotated[str, typer.Argument(help="Only functions and files with this in their name.")] = "",
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Write the table as the page course/functions.md.")
    ] = False,
) -> None:
    """Show the kernel's functions: the C name, the C file, where ours stands, and the lessons."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    chosen = [row for row in rows() if name in f"{row.name} {row.c_name} {row.c_file} {row.place}"]
    if not chosen:
        raise MaterialError(
            f"no kernel function has {name!r} in its name, its C file or its module. Leave the word out to "
            "see all."
        )
    if as_markdown:
        typer.echo(markdown(chosen), nl=False)
        return
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Linux v5.7", "File", "Ours", "Lessons", "What it does"):
        grid.add_column(heading, overflow="fold")
    for row in chosen:
        ours = row.place if row.name == row.c_name else f"{row.place} {row.name}"
        grid.add_row(row.c_name or "-", row.c_file or "ours alone", ours, ", ".join(row.lessons), row.what)
    Console(highlight=False, markup=False).print(grid)
