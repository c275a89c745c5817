"""The site: JupyterLite with the lessons, Pyodide with the wheels, and a page to start from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from course.lite.fetch import EPOCH, the_pyodide, the_tools, the_wheel, the_wheels
from course.lite.lessons import LEFT_OUT, exercises_in, lessons_in
from course.lite.lock import locked
from course.npm import run

__all__ = ["build", "size"]

PYODIDE_FILES = ("pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide.mjs", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
KERNEL = "@jupyterlite/pyodide-kernel-extension"
KERNEL_WHEELS = ("ipykernel-*.whl", "piplite-*.whl", "pyodide_kernel-*.whl", "widgetsnbextension-4*.whl")
"""They come with the extension: the kernel, and what stands for packages that a browser doesn't need."""

KERNELSPEC = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}


def build(target: Path, cache: Path) -> None:
    """Build the site.

    Parameters
    ----------
    target : Path
        Where it goes; what was there is replaced.
    cache : Path
        Where what was fetched is kept.

    Raises
    ------
    MaterialError
        Something can't be fetched or built.
    """
    cache.mkdir(parents=True, exist_ok=True)
    tools, source = the_tools(cache), cache / "site"
    for folder in (source, target):
        shutil.rmtree(folder, ignore_errors=True)
    _contents(source / "files")
    command: list[str | Path] = [
        tools / "jupyter-lite",
        "build",
        "--contents=files",
        f"--output-dir={target.resolve()}",
    ]
    _settings(source)
    run([*command, "--apps=lab", "--no-unused-shared-packages", "--no-sourcemaps"], source, EPOCH)
    kernel = target / "extensions" / KERNEL / "static" / "pypi"
    wheels = [
        *the_wheels(cache),
        the_wheel(cache),
        *(one for name in KERNEL_WHEELS for one in kernel.glob(name)),
    ]
    packages = _python(target / "static" / "pyodide", the_pyodide(cache), wheels)
    shutil.rmtree(kernel)  # copied; what is left over is not used
    _configure(target / "jupyter-lite.json", packages)
    shutil.copy(target / "lab" / "favicon.ico", target)  # where a browser looks by itself
    (target / "index.html").write_text(start_page(), encoding="utf-8")


def size(target: Path) -> int:
    """Give the bytes of all files of a folder."""
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def start_page() -> str:
    """Write the page from which lessons and exercises are opened."""
    from course.checks.library import exercise_of
    from course.syllabus import lessons

    there = lessons()
    tasks = [exercise_of(path.stem) for path in exercises_in()]
    items = [
        _item(f"lessons/{one.file}", f"{number} {one.title}", f"{one.minutes} minutes")
        for number, one in there.items()
        if number not in LEFT_OUT
    ]
    page = Template(Path(__file__).with_name("start.html").read_text(encoding="utf-8"))
    return page.substitute(
        first=_opened(f"lessons/{there['00'].file}"),
        lessons="\n".join(items),
        exercises="\n".join(
            _item(f"exercises/{one.id}.ipynb", one.front.title, f"lesson {number}")
            for number in there
            for one in tasks
            if one.lesson == number
        ),
        left_out="\n".join(
            f"<li>Lesson {number}, {escape(there[number].title)}. {escape(why)}</li>"
            for number, why in LEFT_OUT.items()
        ),
    )


def _item(path: str, text: str, note: str) -> str:
    words = escape(text.replace("`", ""))
    return f'<li><a href="{_opened(path)}">{words}</a> <small>{escape(note)}</small></li>'


def _opened(path: str) -> str:
    """Give the address that opens a notebook."""
    return f"lab/index.html?path={quote(path)}"


def _contents(files: Path) -> None:
    """Copy the notebooks, for the kernel of the site."""
    for kind, notebooks in (("lessons", lessons_in()), ("exercises", exercises_in())):
        (files / kind).mkdir(parents=True)
        for path in notebooks:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            notebook["metadata"]["kernelspec"] = KERNELSPEC
            text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
            (files / kind / path.name).write_text(f"{text}\n", encoding="utf-8")


def _settings(source: Path) -> None:
    """Give JupyterLab the settings of ``faultlab lab``."""
    given = Path(__file__).parents[1] / "jupyter" / "labconfig" / "default_setting_overrides.json"
    shutil.copy(given, source / "overrides.json")


def _python(folder: Path, package: Path, wheels: Iterable[Path]) -> list[str]:
    """Lay Pyodide and the wheels together, with a lock that lists them; give the packages' names."""
    folder.mkdir(parents=True)
    for name in PYODIDE_FILES:
        shutil.copy(package / name, folder / name)
    copies = [Path(shutil.copy(one, folder / one.name)) for one in wheels]
    lock = locked(json.loads((package / LOCK).read_text(encoding="utf-8")), copies)
    (folder / LOCK).write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return list(lock["packages"])


def _configure(file: Path, packages: list[str]) -> None:
    """Let the kernel load all packages at once, from here, and look for none elsewhere."""
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    config["jupyter-config-data"]["appName"] = "faultlab"
    config["jupyter-config-data"]["litePluginSettings"] = {
        f"{KERNEL}:kernel": {
            "pyodideUrl": "./static/pyodide/pyodide.mjs",
            "pipliteUrls": [],
            "disablePyPIFallback": True,
            "loadPyodideOptions": {"packages": packages},
        }
    }
    file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
