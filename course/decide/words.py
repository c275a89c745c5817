"""How a comparison of a learner's decision with the kernel's is printed, and what a run broke."""

from __future__ import annotations

import textwrap

from pyemu.machine import Result

__all__ = ["WIDTH", "broken_rules", "say"]

WIDTH = 96


def say(text: str, indent: str = "") -> None:
    """Print a sentence or two, wrapped."""
    print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent))


def broken_rules(result: Result) -> None:
    """Print each rule that was broken in a run, with what happened.

    Parameters
    ----------
    result : Result
        Of a run or of a schedule.
    """
    if not result.violations:
        print("No rule is broken.")
    if result.end != "done":
        print(f"The run did not come to its end: {result.end}.")
    for one in result.violations:
        print(textwrap.fill(f"- {one.rule}: {one.text}", WIDTH, subsequent_indent="  "))
