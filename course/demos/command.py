"""``faultlab demo``: a demo for a room, on a page of its own or on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course.demos import DEMOS, make
from pyemu.errors import FaultlabError

PORT = 8866
CHOICE = f"take one of {', '.join(DEMOS)}; faultlab demo --list tells what they are."


def demo(
    name: Annotated[str, typer.Argument(metavar="NAME", help="which one; see --list")] = "",
    listed: Annotated[bool, typer.Option("--list", help="list the demos")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="of this machine")] = PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open a browser")] = True,
    paper: Annotated[
        Path | None,
        typer.Option("--handout", metavar="FILE", help="write the handout, to be printed, instead"),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="write the demo as one file for a browser, instead"),
    ] = None,
) -> None:
    """Show a demo to a room: by keyboard, in large type, with the speaker's script (key S), offline."""
    if listed:
        for one in map(make, DEMOS):
            print(f"{one.name:<14} {round(one.minutes)} min  {one.title}")
        return
    if name not in DEMOS:
        raise FaultlabError(f"there is no demo {name!r}: {CHOICE}")
    if paper:
        from course.demos.handout import handout

        paper.write_text(handout(make(name)), encoding="utf-8")
        print(f"{paper} is written; a browser prints it.")
    if file:
        from course.demos.page import page

        file.write_text(page(make(name)), encoding="utf-8")
        print(f"{file} is written; a browser shows it, with nothing installed.")
    if paper or file:
        return
    from course.demos.server import serve

    serve(name, port, browser=browser)
