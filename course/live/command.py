"""The command ``faultlab live``: the kernel that runs here beside the emulator and the recordings."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import FaultlabError, RecordError

if TYPE_CHECKING:
    from course.conform.experiment import Experiment

ACCESSES = "user_read,user_write,read_zero,pvm_readv"
EVENTS = ("none", "wake1", "wake3", "sig1", "stop", "kill", "unreg", "close")
NOBODY = "nobody"
STATUS = 1


def live(
    events: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EVENT]...",
            help="What the monitor does: none, wakeN, sigN, ... or a scenario: S13, blocked-signal, ...",
        ),
    ] = None,
    access: Annotated[
        str, typer.Option(metavar="NAME,...", help="What touches the missing page.")
    ] = ACCESSES,
    mem: Annotated[str, typer.Option(help="The memory: anon or shmem.")] = "anon",
    runs: Annotated[int, typer.Option(min=1, max=1000, help="How often each is done.")] = 1,
    limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="The limit of time of one run, 0.2 to 60.")
    ] = 5.0,
    as_user: Annotated[
        bool, typer.Option("--as-user", help="As root: let the victim become the user nobody.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what the kernel did, for `faultlab conform FILE`."),
    ] = None,
    qemu: Annotated[
        Path | None,
        typer.Option(
            metavar="KERNEL", help="Ask another kernel, booted by qemu: an image or a Debian package of one."
        ),
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List events and accesses, and stop.")] = False,
) -> None:
    """Ask the kernel that runs here, beside the emulator and the recordings; status 1 if it disagrees."""
    from rich.console import Console

    from course.live import played, showing
    from course.live.asking import asked_all, user_of
    from course.live.booted import asked_booted
    from course.live.recording import write
    from course.live.uffd import Refused

    console = Console(highlight=False, markup=False)
    if list_them:
        for table in showing.listed():
            console.print(table)
        return
    names = {scenario.name for scenario in played.playable()}
    scenarios = [name for name in events or [] if name in names]
    others = [name for name in events or EVENTS if name not in names]
    wanted = _experiments(others, access, mem) if others else []
    if qemu is not None and (scenarios or as_user):
        what = "--as-user" if as_user else f"the scenario {scenarios[0]}"
        raise FaultlabError(
            f"--qemu asks for events, as root; {what} is for the kernel that runs here. Leave it out."
        )
    user, release = user_of(NOBODY) if as_user else None, platform.release()
    try:
        if qemu is not None:
            found, release = asked_booted(qemu, wanted, runs, limit)
        else:
            found = [*asked_all(wanted, runs, limit, user), *played.play_all(scenarios, runs, limit, user)]
    except Refused as why:
        for part in showing.refused(str(why), wanted, scenarios):
            console.print(part, soft_wrap=isinstance(part, str))
        if record is not None:
            console.print(f"Nothing is recorded: {record} was not written.", soft_wrap=True)
        return
    except ValueError as error:
        raise FaultlabError(f"--limit: {error}") from None
    console.print(showing.head(found, release))
    console.print(showing.table([one.sides for one in found]))
    for line in showing.below([one.sides for one in found]):
        console.print(line, soft_wrap=True)
    if record is not None:
        write(record, (one for asked in found for one in asked.records))
        console.print(f"{sum(len(one.records) for one in found)} records are in {record}.", soft_wrap=True)
    if any(one.sides.unexplained for one in found):
        raise typer.Exit(STATUS)


def _experiments(events: Sequence[str], accesses: str, mem: str) -> list[Experiment]:
    """Give each access with each event; `none` is always the first of its access."""
    from course.conform.experiment import Experiment

    names = [name.strip() for name in accesses.split(",") if name.strip()]
    if not names:
        raise RecordError("--access names none: write what touches the page, as in user_read,pvm_readv.")
    wanted = dict.fromkeys(["none", *events])
    return [Experiment(name, event, mem) for name in dict.fromkeys(names) for event in wanted]
