"""The command ``faultlab walk``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from course.walk.dump import Dump
    from pyemu.hw import Kind, Registers

__all__ = ["walk"]

FAULT, NOT_IN_DUMP = 1, 3  # exit statuses; 2 is a mistake of the user
Number = Annotated[str | None, typer.Option(metavar="0x...")]


def walk(
    dump: Annotated[
        str,
        typer.Argument(metavar="DUMP", help="A dump of physical memory; sample: the one that comes along."),
    ],
    va: Annotated[str | None, typer.Argument(metavar="VA", help="The address that is accessed.")] = None,
    cr3: Annotated[
        str | None, typer.Option(metavar="0x...", help="By default what the dump notes of its first CPU.")
    ] = None,
    kind: Annotated[str, typer.Option(metavar="read|write|fetch", help="What the access does.")] = "read",
    cpl: Annotated[int | None, typer.Option(help="0 to 3; 3 unless the dump notes another.")] = None,
    cr0: Number = None,
    cr4: Number = None,
    efer: Number = None,
    maxphyaddr: Annotated[int, typer.Option(help="Width of physical addresses, in bits.")] = 40,
    list_all: Annotated[bool, typer.Option("--list", help="List all that the table maps.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was found to FILE.")
    ] = None,
) -> None:
    """Walk a real page table: each level's entry, the physical address, or the fault and why.

    Status 0: translated, or listed. Status 1: the access faults.

    Status 3: a table is not in the dump.
    """
    from course.explore.command import check_folder, show
    from course.walk.dump import SAMPLE, Dump
    from course.walk.listing import listing
    from course.walk.report import listed, listed_as_json, walked, walked_as_json
    from course.walk.walk import walk as walk_dump

    if (va is None) != list_all:
        raise FaultlabError("give an address, or --list to see all that is mapped, and not both.")
    if json_file is not None:
        check_folder(json_file)
    asked = _kind(kind)
    given = {"cr0": cr0, "cr3": cr3, "cr4": cr4, "efer": efer}
    numbers = {name: _number(f"--{name}", text) for name, text in given.items() if text is not None}
    address = None if va is None else _number("VA", va)
    opened = Dump(SAMPLE if dump == "sample" and not Path(dump).exists() else Path(dump))
    cpu = _registers(opened, numbers, cpl, maxphyaddr)
    if address is None:
        found = listing(opened, cpu)
        show(listed(found))
        data, status = listed_as_json(found), NOT_IN_DUMP if found.missing else 0
    else:
        one = walk_dump(opened, cpu, address, asked)
        show(walked(one, cpu))
        status = NOT_IN_DUMP if one.missing is not None else FAULT if one.fault is not None else 0
        data = walked_as_json(one, cpu)
    if json_file is not None:
        json_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if status:
        raise typer.Exit(status)


def _registers(dump: Dump, given: dict[str, int], cpl: int | None, maxphyaddr: int) -> Registers:
    """Take registers as they are given, else as the dump notes them, else as Linux sets them."""
    from course.walk.dump import Cpu
    from pyemu.hw import Registers, x86

    noted = dump.cpus[0] if dump.cpus else None
    if noted is None and "cr3" not in given:
        raise FaultlabError(f"{dump.path} notes no registers: give --cr3, the address of the level-4 table.")
    linux = Cpu(x86.CR0_PG | x86.CR0_WP | x86.CR0_PE, 0, x86.CR4_PAE, 3)
    cpu = noted or linux
    return Registers(
        cr0=given.get("cr0", cpu.cr0),
        cr3=given.get("cr3", cpu.cr3),
        cr4=given.get("cr4", cpu.cr4),
        efer=given.get("efer", x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE),
        cpl=cpu.cpl if cpl is None else cpl,
        maxphyaddr=maxphyaddr,
    )


def _number(what: str, text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise FaultlabError(f"{what} is {text!r}; it must be a number such as 0x7fff0000.") from None


def _kind(text: str) -> Kind:
    from pyemu.hw import Kind

    for kind in Kind:
        if kind.name.lower() == text:
            return kind
    raise FaultlabError(f"--kind {text}: it must be read, write or fetch.")
