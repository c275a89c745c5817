"""``faultlab lab``: JupyterLab on a working copy, without news, updates or any other network use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from course import workcopy

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def lab(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="your copy; made if it isn't there")],
) -> None:
    """Open JupyterLab on the working copy DIR; options that follow DIR go to JupyterLab."""
    for line in workcopy.make(directory):
        print(line)
    command = [sys.executable, "-m", "jupyterlab", *options(directory), *context.args]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment(dict(os.environ)))


def options(directory: Path) -> list[str]:
    """Return JupyterLab's options for a working copy: it opens on the first lesson.

    The open tabs are remembered in the working copy, since those of another folder would be stale.
    """
    root = directory.resolve()
    first = min((path.name for path in root.glob("lessons/*.ipynb")), default=None)
    found = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab{'/tree/lessons/' + quote(first) if first else ''}",
        f"--LabApp.workspaces_dir={root / '.faultlab' / 'workspaces'}",
    ]
    if os.name == "posix" and os.geteuid() == 0:
        found.append("--allow-root")  # a container's user; JupyterLab would refuse to start
    return found


def environment(env: dict[str, str]) -> dict[str, str]:
    """Return `env` with our configuration before the user's, and this Python's kernel before theirs."""
    ours = str(Path(__file__).parent / "jupyter")
    paths = [ours, *filter(None, [env.get("JUPYTER_CONFIG_PATH")])]
    return env | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths), "JUPYTER_PREFER_ENV_PATH": "1"}
