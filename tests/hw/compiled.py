"""Copies of the compiled twin, built for a test: with a line changed, with counters, with sanitizers."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

import pyemu.hw

HW = Path(pyemu.hw.__file__).parent
COMPILER = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
NAMES = ("core", "plain", "bulk", "avx2", "avx512")
AVAILABLE = (
    sys.platform == "linux"
    and shutil.which(COMPILER[0]) is not None
    and importlib.util.find_spec("Cython") is not None
)
"""Whether copies can be built here."""

Edit = Callable[[str, str], str]
"""Takes the name and the text of a file of the core; returns the text that is compiled."""


def unchanged(_: str, text: str) -> str:
    return text


class Workshop:
    """A folder for copies. What doesn't differ between them is compiled once."""

    def __init__(self, folder: Path, flags: Iterable[str] = ("-O1",)) -> None:
        self.folder = folder
        self.flags = tuple(flags)
        self._wrapper: Path | None = None

    def _compile(self, source: Path, include: Path) -> Path:
        result = source.with_suffix(".o")
        options = ["-c", "-fPIC", "-w", *self.flags, "-DPy_LIMITED_API=0x030B0000"]
        paths = [f"-I{include}", f"-I{sysconfig.get_paths()['include']}"]
        subprocess.run([*COMPILER, *options, *paths, "-o", str(result), str(source)], check=True)
        return result

    def wrapper(self) -> Path:
        """The object file of the Cython side."""
        if self._wrapper is None:
            source = self.folder / "_fast.c"
            subprocess.run(
                [sys.executable, "-m", "cython", "-3", str(HW / "_fast.pyx"), "-o", str(source)], check=True
            )
            self._wrapper = self._compile(source, HW)
        return self._wrapper

    def build(self, name: str, edit: Edit = unchanged, simd: bool = True) -> Path:
        """Build a copy in a folder `name`; without `simd` it has the variant "plain" only."""
        core = self.folder / name / "core"
        core.mkdir(parents=True)
        for file in (HW / "core").iterdir():
            text = edit(file.name, file.read_text(encoding="utf-8"))
            if file.name == "variants.h" and not simd:
                text = text.replace("#define FL_HAVE_SIMD", "")
            (core / file.name).write_text(text, encoding="utf-8")
        objects = [self._compile(core / f"{part}.c", core) for part in (NAMES if simd else NAMES[:3])]
        result = core.parent / "_fast.abi3.so"
        linked = [
            *COMPILER,
            "-shared",
            *self.flags,
            "-o",
            str(result),
            str(self.wrapper()),
            *map(str, objects),
        ]
        subprocess.run(linked, check=True)
        return result


def load(path: Path) -> Any:
    """Import a copy, beside the module of this install."""
    name = f"{path.parent.name}._fast"
    spec = importlib.util.spec_from_file_location(name, path, loader=ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FORM = re.compile(r"int64_t run_form_(\w+)\(Core \*m, Run \*run\) \{")


def forms() -> list[str]:
    """The forms in which the access loop is compiled."""
    return FORM.findall((HW / "core" / "loop.h").read_text(encoding="utf-8"))


def count_forms(name: str, text: str) -> str:
    """An edit that counts the runs of each form, of all variants, in `met_<form>`."""
    if name != "loop.h":
        return text
    counters = "".join(f"__attribute__((weak)) int met_{form};\n" for form in forms())
    text = FORM.sub(lambda match: f"{match[0]} met_{match[1]}++;", text)
    return text.replace("enum { BLOCK", counters + "enum { BLOCK", 1)
