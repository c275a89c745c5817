"""What stands in for ``IPython.display`` in a child, where nothing is displayed: it prints.

A cell of a notebook may well show something beside its answer; that costs no points.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["modules"]

_SHOWN = ("HTML", "Image", "JSON", "Javascript", "Latex", "Markdown", "Math", "Pretty", "SVG")


class _Shown:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _display(*values: Any, **kwargs: Any) -> None:
    for value in values:
        print(value)  # noqa: T201  that is what it is for


def modules() -> dict[str, ModuleType]:
    """Give the modules, by their names."""
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    vars(module).update({name: type(name, (_Shown,), {}) for name in _SHOWN})
    vars(module).update(display=_display, clear_output=lambda *args, **kwargs: None)
    vars(package).update(display=module, __path__=[])
    return {"IPython": package, "IPython.display": module}
