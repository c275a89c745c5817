"""How a comparison of a learner's decision with the kernel's is printed."""

from __future__ import annotations

import textwrap

__all__ = ["WIDTH", "say"]

WIDTH = 96


def say(text: str, indent: str = "") -> None:
    """Print a sentence or two, wrapped."""
    print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent))
