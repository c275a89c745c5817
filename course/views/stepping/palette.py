"""Colours of the stepper: four, and the ink; each also has a pattern and a letter, so none is needed to read.

A test computes that they stay apart in every type of colour vision and stand out from the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "STYLES", "Palette", "css"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, as ``#rrggbb``.

    Attributes
    ----------
    ink, paper : str
        Text and background where the page has none of its own.
    run, kernel, sleep, wait : str
        A task in user mode or a CPU in use; a task in a page fault, or a lock held for reading; a sleep; a
        wait for the lock, or a lock held for writing.
    """

    ink: str
    paper: str
    run: str
    kernel: str
    sleep: str
    wait: str

    @property
    def colours(self) -> dict[str, str]:
        """The colours that carry a meaning, by name."""
        return {"run": self.run, "kernel": self.kernel, "sleep": self.sleep, "wait": self.wait}


LIGHT = Palette("#1a1a1a", "#ffffff", "#2440b8", "#1f8f8f", "#92790a", "#6b0f2e")
DARK = Palette("#eeeeee", "#111111", "#7487ea", "#35d6d0", "#f5e27a", "#e0285c")

# Style of a bar -> its colour and its pattern. The letter in it comes from the state that it shows.
STYLES = {
    "none": ("", "none"),
    "run": ("run", "solid"),
    "kernel": ("kernel", "solid"),
    "sleep": ("sleep", "stripes"),
    "wait": ("wait", "dots"),
    "read": ("kernel", "solid"),
    "write": ("wait", "solid"),
}


def css(name: str = ".fl-stepper") -> str:
    """Give the style rules that set the colours: by the system's theme, and by JupyterLab's where it says.

    Parameters
    ----------
    name : str
        Selector of what gets them.

    Returns
    -------
    str
        CSS; forced colours win over all of it.
    """
    light, dark = _variables(LIGHT), _variables(DARK)
    system = "\n".join(f"  --fl-{name}: CanvasText;" for name in LIGHT.colours)
    return f"""
{name} {{
{light}
}}
@media (prefers-color-scheme: dark) {{
{name} {{
{dark}
}}
}}
[data-jp-theme-light="true"] {name} {{
{light}
}}
[data-jp-theme-light="false"] {name} {{
{dark}
}}
@media (forced-colors: active) {{
{name * 3} {{
  --fl-ink: CanvasText;
  --fl-paper: Canvas;
{system}
}}
}}
"""


def _variables(palette: Palette) -> str:
    lines = [
        f"  --fl-ink: var(--jp-ui-font-color1, {palette.ink});",
        f"  --fl-paper: var(--jp-layout-color0, {palette.paper});",
        *(f"  --fl-{name}: {colour};" for name, colour in palette.colours.items()),
    ]
    return "\n".join(lines)
