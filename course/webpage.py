"""A page of HTML as one file: what every page of the course begins and ends with."""

from __future__ import annotations

from html import escape

__all__ = ["webpage"]


def webpage(title: str, style: str, body: str, head: str = "") -> str:
    """Put a page together.

    Parameters
    ----------
    title : str
        Its title, as plain text.
    style : str
        The content of its one style element, byte for byte.
    body, head : str
        HTML: what it shows, and what its head holds besides.

    Returns
    -------
    str
        HTML that asks for nothing else, unless ``body`` or ``head`` does.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{head}<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )
