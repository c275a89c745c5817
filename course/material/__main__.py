"""``python -m course.material build [--check] [NAME ...]``: the lessons' and exercises' notebooks.

Exit status 0: all is well. 1: ``--check`` or the template found something. 2: a source can't be built.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course.material.build import build, differing, material_findings
from pyemu.errors import FaultlabError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line when None.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m course.material", description="Build the notebooks.")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("build", help="execute the sources and write the notebooks")
    command.add_argument("names", nargs="*", metavar="NAME", help="part of a notebook's path; none: all")
    command.add_argument("--check", action="store_true", help="write nothing, name what differs")
    command.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parents[2],
        help="the folder that holds lessons/ and exercises/ (default: this checkout)",
    )
    options = parser.parse_args(arguments)
    try:
        findings = []
        if options.check:
            findings = differing(options.root, options.names)
        else:
            for path in build(options.root, options.names):
                print(f"wrote {path}")
        findings += material_findings(options.root)
    except FaultlabError as error:
        print(error, file=sys.stderr)
        return 2
    for finding in findings:
        print(f"{finding.name}: {finding.message}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
