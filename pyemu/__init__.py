"""pyemu: a page-table and TLB emulator with a model of the Linux fault path on top.

Names are loaded on first use, so that ``import pyemu`` is cheap and a child process that runs a
learner's handler never holds the kernel it is compared with.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyemu.hw import COMPILED as COMPILED
    from pyemu.machine import Machine as Machine
    from pyemu.machine import Result as Result
    from pyemu.machine import run as run
    from pyemu.scenario import Scenario as Scenario
    from pyemu.trace import Trace as Trace
    from pyemu.tree import Tree as Tree

__version__ = "0.1.0"

_HOME = {
    "COMPILED": "pyemu.hw",
    "Machine": "pyemu.machine",
    "Result": "pyemu.machine",
    "run": "pyemu.machine",
    "Scenario": "pyemu.scenario",
    "Trace": "pyemu.trace",
    "Tree": "pyemu.tree",
}

__all__ = ["COMPILED", "Machine", "Result", "Scenario", "Trace", "Tree", "__version__", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pyemu' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
