"""What the site is made of and faultlab does not have: build tools, Pyodide, wheels. Fetched once, then kept.

Versions are pinned: those of ``constraints.txt`` and of ``course/lite/constraints.txt``, and of npm's package
here. pip and npm are asked by name and version, wherever they are told to look.
"""

from __future__ import annotations

import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from course.npm import run, unpacked

__all__ = ["PYODIDE", "WHEELS", "the_pyodide", "the_tools", "the_wheel", "the_wheels"]

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = (ROOT / "constraints.txt", Path(__file__).with_name("constraints.txt"))
PYODIDE = "pyodide@314.0.6"
"""The release of npm's package that jupyterlite-pyodide-kernel 0.8.6 is made for."""

TOOLS = (
    "jupyterlite-core",
    "jupyterlite-pyodide-kernel",
    "jupyter-server",
    "anywidget",
    "jupyterlab-widgets",
)
"""jupyter-server lists the files; the last two bring what JupyterLab needs to draw widgets."""

PYTHON = "3.14"  # that of Pyodide
WHEELS = (
    "anywidget", "asttokens", "comm", "executing", "ipython", "ipython-pygments-lexers", "ipywidgets", "jedi",
    "matplotlib-inline", "micropip", "packaging", "parso", "prompt-toolkit", "psygnal", "pure-eval",
    "pygments", "six", "stack-data", "traitlets", "typing-extensions", "wcwidth",
)  # fmt: skip
"""All that the kernel and the widgets import. The kernel waits without a word where one is missing."""

# What the wheel of faultlab is made of. Recorded accesses (*.memtrace) take as much room as all else;
# only commands read them.
SOURCES = ("pyemu", "course", "lessons", "exercises", "setup.py", "pyproject.toml", "README.md", "LICENSE")
IGNORED = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info", "*.memtrace", "trials")
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}  # 2026-01-01: the same files from the same sources


def the_tools(cache: Path) -> Path:
    """Give the folder of the programs of a virtual environment with the build tools."""
    home = cache / "venv"

    def make() -> None:
        venv.create(home, clear=True, with_pip=True)
        run([home / "bin" / "python", "-m", "pip", "install", "--quiet", *_constrained(), *TOOLS], cache)

    _once(home / "stamp", _pins(*TOOLS), make)
    return home / "bin"


def the_pyodide(cache: Path) -> Path:
    """Give the folder of npm's package, unpacked."""
    return unpacked(PYODIDE, cache / "npm")


def the_wheels(cache: Path) -> list[Path]:
    """Give the wheels of other projects."""
    home = cache / "wheels"
    pure = ["--only-binary=:all:", "--platform=any", "--abi=none", "--implementation=py"]

    def make() -> None:
        shutil.rmtree(home, ignore_errors=True)
        command: list[str | Path] = [
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            *pure,
            f"--python-version={PYTHON}",
            "--dest",
            home,
        ]
        run([sys.executable, "-m", *command, *_constrained(), *WHEELS], ROOT)

    _once(home / "stamp", _pins(*WHEELS), make)
    return sorted(home.glob("*.whl"))


def the_wheel(cache: Path) -> Path:
    """Build the wheel of faultlab that runs everywhere, and give it."""
    source, home = cache / "source", cache / "faultlab"
    for folder in (source, home):
        shutil.rmtree(folder, ignore_errors=True)
    source.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=IGNORED)
        else:
            shutil.copy2(ROOT / name, source / name)
    command: list[str | Path] = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        home,
        source,
    ]
    run([sys.executable, "-m", *command], cache, EPOCH | {"FAULTLAB_PURE": "1"})
    (wheel,) = home.glob("*.whl")
    return wheel


def _constrained() -> list[str]:
    return [f"--constraint={path}" for path in CONSTRAINTS]


def _pins(*names: str) -> str:
    """Give what decides whether something has to be fetched anew."""
    return "\n".join([*names, *(path.read_text(encoding="utf-8") for path in CONSTRAINTS)])


def _once(stamp: Path, pins: str, make: Callable[[], None]) -> None:
    """Make something unless it is there as these pins ask."""
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != pins:
        make()
        stamp.write_text(pins, encoding="utf-8")
