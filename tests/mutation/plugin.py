"""A pytest plugin that runs the tests against a mutant: ``-p tests.mutation.plugin`` with FAULTLAB_MUTANT.

The variable names a file that holds the changed module; its first line is the module's dotted name behind
``# ``. The module is loaded from there, in this process, in place of its own code. FAULTLAB_MUTANT_CPU limits
the seconds of CPU that this may take.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any


class Finder:
    """Finds the mutant where the module is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Give the mutant for its module."""
        if name != self.module:
            return None
        return importlib.util.spec_from_file_location(name, self.path)


if "FAULTLAB_MUTANT" in os.environ:
    sys.meta_path.insert(0, Finder(Path(os.environ["FAULTLAB_MUTANT"])))
    if "FAULTLAB_MUTANT_CPU" in os.environ:  # a mutant that never ends is ended
        seconds = int(os.environ["FAULTLAB_MUTANT_CPU"])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
